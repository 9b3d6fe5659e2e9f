"""Sweeps: which variants a way of sampling has, and what they are called."""

from typing import ClassVar

import pytest
from pydantic import ValidationError

from tailbench.models.flow_sgm import FlowSGMSampling
from tailbench.models.settings import SamplingSettings, TrainingSettings
from tailbench.models.sgm import ReverseSettings, SGMSampling


def test_no_sweep():
    settings = SGMSampling(steps=8)
    assert settings.variants() == {"": settings}
    assert settings.single() == settings


def test_one_sweep():
    variants = SGMSampling(steps=[4, 16]).variants()
    assert list(variants) == ["steps=4", "steps=16"]
    assert [v.steps for v in variants.values()] == [4, 16]
    assert {v.delta for v in variants.values()} == {0.005}


def test_a_product_of_sweeps():
    settings = FlowSGMSampling(sigma_T=[0.5, 4], steps=[4, 16], delta=0.01)
    variants = settings.variants()
    assert list(variants) == [
        "sigma_T=0.5,steps=4",
        "sigma_T=0.5,steps=16",
        "sigma_T=4,steps=4",
        "sigma_T=4,steps=16",
    ]
    assert [(v.sigma_T, v.steps) for v in variants.values()] == [
        (0.5, 4),
        (0.5, 16),
        (4, 4),
        (4, 16),
    ]
    for variant in variants.values():
        assert variant.variants() == {"": variant}


def test_a_sweep_of_one_value_is_named():
    (name,) = SGMSampling(steps=[4]).variants()
    assert name == "steps=4"
    assert SGMSampling(steps=[4]).single().steps == 4


def test_auto_is_no_sweep():
    assert list(FlowSGMSampling(sigma_T="auto").variants()) == [""]


def test_single_refuses_several():
    with pytest.raises(ValueError, match="one value per setting"):
        SGMSampling(steps=[4, 8]).single()


def test_a_sweep_of_words():
    class Words(SamplingSettings):
        sweeps: ClassVar[tuple[str, ...]] = ("mode",)
        mode: str | tuple[str, ...] = "a"

    assert list(Words(mode=["a", "b"]).variants()) == ["mode=a", "mode=b"]
    assert list(Words(mode="ab").variants()) == [""]


@pytest.mark.parametrize("key", ["steps", "delta"])
def test_an_empty_sweep(key):
    with pytest.raises(ValidationError, match=f"{key}: a sweep needs at least one value"):
        SGMSampling(**{key: []})


@pytest.mark.parametrize(
    "options",
    [
        {"steps": [4, 8, 4]},
        {"delta": [0.1, 0.1]},
    ],
)
def test_a_value_given_twice(options):
    with pytest.raises(ValidationError, match="a value of the sweep is given twice"):
        SGMSampling(**options)


def test_finest():
    finest = ReverseSettings(steps=[4, 64, 16], delta=[0.1, 0.001]).finest()
    assert (finest.steps, finest.delta) == (64, 0.001)
    assert ReverseSettings(steps=5).finest() == ReverseSettings(steps=5)


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 0},
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
        TrainingSettings().steps = 5
