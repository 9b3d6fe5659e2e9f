"""Sweeps: which variants a way of sampling has, and what they are called."""

from typing import ClassVar

import pytest
from pydantic import ValidationError

from tailbench.models.flow_sgm import FlowSGMSampling
from tailbench.models.settings import SamplingSettings, TrainingSettings, fixed, written
from tailbench.models.sgm import ReverseSettings, SGMSampling


def test_no_sweep():
    settings = SGMSampling(sampling_steps=8)
    assert settings.variants() == {"": settings}
    assert settings.single() == settings


def test_one_sweep():
    variants = SGMSampling(sampling_steps=[4, 16]).variants()
    assert list(variants) == ["sampling_steps=4", "sampling_steps=16"]
    assert [v.sampling_steps for v in variants.values()] == [4, 16]
    assert {v.sigma_min for v in variants.values()} == {0.005}


def test_a_product_of_sweeps():
    settings = FlowSGMSampling(sigma_T=[0.5, 4], sampling_steps=[4, 16], sigma_min=0.01)
    variants = settings.variants()
    assert list(variants) == [
        "sigma_T=0.5,sampling_steps=4",
        "sigma_T=0.5,sampling_steps=16",
        "sigma_T=4,sampling_steps=4",
        "sigma_T=4,sampling_steps=16",
    ]
    assert [(v.sigma_T, v.sampling_steps) for v in variants.values()] == [
        (0.5, 4),
        (0.5, 16),
        (4, 4),
        (4, 16),
    ]
    for variant in variants.values():
        assert variant.variants() == {"": variant}


def test_a_sweep_of_one_value_is_named():
    (name,) = SGMSampling(sampling_steps=[4]).variants()
    assert name == "sampling_steps=4"
    assert SGMSampling(sampling_steps=[4]).single().sampling_steps == 4


def test_auto_is_no_sweep():
    assert list(FlowSGMSampling(sigma_T="auto").variants()) == [""]


def test_single_refuses_several():
    with pytest.raises(ValueError, match="one value per setting"):
        SGMSampling(sampling_steps=[4, 8]).single()


def test_a_sweep_of_words():
    class Words(SamplingSettings):
        sweeps: ClassVar[tuple[str, ...]] = ("mode",)
        mode: str | tuple[str, ...] = "a"

    assert list(Words(mode=["a", "b"]).variants()) == ["mode=a", "mode=b"]
    assert list(Words(mode="ab").variants()) == [""]


@pytest.mark.parametrize("key", ["sampling_steps", "sigma_min"])
def test_an_empty_sweep(key):
    with pytest.raises(ValidationError, match=f"{key}: a sweep needs at least one value"):
        SGMSampling(**{key: []})


@pytest.mark.parametrize(
    "options",
    [
        {"sampling_steps": [4, 8, 4]},
        {"sigma_min": [0.1, 0.1]},
    ],
)
def test_a_value_given_twice(options):
    with pytest.raises(ValidationError, match="a value of the sweep is given twice"):
        SGMSampling(**options)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (4, "4"),
        (0.5, "0.5"),
        (0.1, "0.1"),
        (1e-5, "1e-05"),
        (1e6, "1e+06"),
        ("heun", "heun"),
        (0.1234567, "0.1234567"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1234567, "1234567"),
    ],
)
def test_values_as_names_show_them(value, text):
    assert written(value) == text
    assert isinstance(value, str) or float(text) == value


def test_values_that_agree_to_six_digits_have_names_of_their_own():
    variants = SGMSampling(sigma_min=[0.01234567, 0.01234568]).variants()
    assert list(variants) == ["sigma_min=0.01234567", "sigma_min=0.01234568"]


def test_a_sweep_where_one_value_is_needed():
    assert fixed(3) == 3
    with pytest.raises(ValueError, match=r"one value is required to sample, not \[3, 4\]"):
        fixed((3, 4))


@pytest.mark.parametrize(
    ("settings", "points", "steps"),
    [
        (SGMSampling(sampling_steps=8), 1, 8),
        (SGMSampling(sampling_steps=[4, 16], sigma_min=[0.1, 0.2, 0.3]), 6, 60),
        (FlowSGMSampling(sampling_steps=[4, 16], sigma_T_grid=[0.5, 1, 2]), 2, 50),
        (FlowSGMSampling(sampling_steps=10, sigma_T=[1, 2], sigma_T_grid=[0.5, 1, 2]), 2, 20),
    ],
)
def test_work_of_a_sweep(settings, points, steps):
    assert (settings.points(), settings.total_steps()) == (points, steps)


def test_finest():
    finest = ReverseSettings(sampling_steps=[4, 64, 16], sigma_min=[0.1, 0.001]).finest()
    assert (finest.sampling_steps, finest.sigma_min) == (64, 0.001)
    assert ReverseSettings(sampling_steps=5).finest() == ReverseSettings(sampling_steps=5)


@pytest.mark.parametrize(
    "options",
    [
        {"sampling_steps": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"weight_decay": -0.1},
        {"schedule": "linear"},
        {"warmup": 1.0},
        {"clip_norm": 0.0},
        {"ema": 1.0},
        {"validation_fraction": 1.0},
        {"validate_every": 0},
        {"epochs": 0},
        {"no_such_setting": 3},
    ],
)
def test_training_settings_out_of_range(options):
    with pytest.raises(ValidationError, match=next(iter(options))):
        TrainingSettings(**options)


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        TrainingSettings().train_steps = 5
