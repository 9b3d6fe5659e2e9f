"""The score model: units, starts, counts, and no clamp."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tailbench.exceptions import InputError
from tailbench.models.sgm import SGM, SGMSampling
from tailbench.training.context import SampleContext


@pytest.fixture
def silent(fitted, monkeypatch):
    """A score model that predicts no noise: the probability flow stands still."""
    model = fitted("sgm edm")
    original = model._select

    def select(positions):
        module = original(positions)
        module.noise = lambda x, sigma: torch.zeros_like(x)
        return module

    monkeypatch.setattr(model, "_select", select)
    return model


def test_scaled_data_give_scaled_samples(block, small, sample):
    """By 2^20, about a million, which is exact in floating point: no size is special."""
    huge = 2.0**20
    for preconditioning in ("edm", "tail_aware"):
        chosen = small["sgm"] | {"preconditioning": preconditioning}
        one = SGM(device="cpu", **chosen).fit(block, verbose=False)
        other = SGM(device="cpu", **chosen).fit(huge * block, verbose=False)
        assert np.array_equal(sample(other, 50), np.float32(huge) * sample(one, 50))


def test_nothing_is_clamped(silent):
    """The start comes out as it is, in units of the data, however large."""
    largest = []
    for sigma in (80.0, 1e6):
        x = silent.sample(2000, sampler="euler", sampling_steps=2, sigma_max=sigma, seed=0)
        location, scale = (silent.constants[key][:, None].numpy() for key in ("location", "scale"))
        z = (x - location) / scale / sigma
        assert z.std(axis=(0, 1)) == pytest.approx(1.0, rel=0.1)
        largest.append(np.abs(z).max())
    assert largest[1] == pytest.approx(largest[0], rel=1e-3)
    assert largest[1] > 3.0


def test_starts_are_gaussian_of_the_level_told(silent):
    small_start = silent.sample(300, sampler="euler", sampling_steps=1, sigma_max=1.0, seed=0)
    large_start = silent.sample(300, sampler="euler", sampling_steps=1, sigma_max=3.0, seed=0)
    location = silent.constants["location"][:, None].numpy()
    np.testing.assert_allclose(large_start - location, 3.0 * (small_start - location), rtol=1e-3)


@pytest.mark.parametrize(("sampler", "nfe"), [("heun", 10), ("euler", 5), ("sde", 5)])
def test_cost(fitted, monkeypatch, sampler, nfe):
    model, calls = fitted("sgm edm"), []
    original = model._select

    def select(positions):
        module = original(positions)
        noise = module.noise
        module.noise = lambda x, sigma: calls.append(x.shape[1]) or noise(x, sigma)
        return module

    monkeypatch.setattr(model, "_select", select)
    drawn = model.sample_block(
        40, SGMSampling(sampler=sampler, sampling_steps=5), SampleContext([1, 2])
    )
    assert drawn.nfe == nfe
    assert sum(calls) == nfe * 40 * 2
    assert drawn.samples.shape == (2, 40, 2)


def test_early_stopping_leaves_the_noise_of_delta(fitted):
    """With the same draws, stopping at a higher level ends elsewhere."""
    model = fitted("sgm edm")
    early = model.sample(200, sampling_steps=16, sigma_min=0.5, seed=0)
    late = model.sample(200, sampling_steps=16, sigma_min=0.005, seed=0)
    assert not np.allclose(early, late, atol=1e-3)


def test_samples_that_are_not_finite_are_an_error(fitted, monkeypatch):
    model = fitted("sgm edm")
    original = model._select

    def select(positions):
        module = original(positions)
        module.noise = lambda x, sigma: torch.full_like(x, torch.inf)
        return module

    monkeypatch.setattr(model, "_select", select)
    with pytest.raises(FloatingPointError, match="toy: a sample is not finite"):
        model.sample_block(10, SGMSampling(sampling_steps=2), SampleContext([1, 2], "toy"))


def test_learns_a_gaussian_far_from_the_origin():
    """Mean 100 and standard deviation 5: robust units do the work, the line the rest."""
    x = 100.0 + 5.0 * np.random.default_rng(0).standard_normal((2000, 1))
    model = SGM(device="cpu", train_steps=60, width=16, num_blocks=1).fit(x, verbose=False)
    y = model.sample(2000, sampling_steps=32, seed=0)
    assert y.mean() == pytest.approx(100.0, abs=1.0)
    assert y.std() == pytest.approx(5.0, rel=0.15)


def test_noise_levels_in_training(fitted, block, monkeypatch):
    """Log-normal of the settings, and one level per sample."""
    model = SGM(device="cpu", sigma_mean=-1.0, sigma_std=0.5)
    seen = []

    class Streams:
        def randn(self, *shape):
            return torch.full((2, *shape), 2.0)

        def share(self, rows):
            return rows

    class Module:
        def loss(self, x, sigma, noise, damping, batch):
            seen.append((sigma, noise))

    model._loss(Module(), torch.zeros(2, 7, 3), Streams())
    ((sigma, noise),) = seen
    assert sigma.shape == (2, 7, 1) and noise.shape == (2, 7, 3)
    torch.testing.assert_close(sigma.log(), torch.full((2, 7, 1), -1.0 + 0.5 * 2.0))


@pytest.mark.parametrize(
    "options", [{"sigma_min": 80.0}, {"sigma_min": [0.1, 100.0]}, {"sigma_max": 0.001}]
)
def test_delta_has_to_be_below_sigma(options):
    with pytest.raises(ValidationError, match="sigma_min must be below sigma_max"):
        SGMSampling(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"sigma_min": 0.0},
        {"sampling_steps": 0},
        {"sampling_steps": 2.5},
        {"sampler": "ddpm"},
        {"sigma_max": -1.0},
    ],
)
def test_values_out_of_range(options):
    with pytest.raises(ValidationError):
        SGMSampling(**options)


@pytest.mark.parametrize("kind", ["sgm edm", "flow_sgm noised"])
def test_a_sweep_is_sampled_point_by_point(fitted, kind):
    model = fitted(kind)
    with pytest.raises(ValueError, match="one value per setting"):
        model.sample(5, sampling_steps=[2, 4], seed=0)
    assert np.array_equal(
        model.sample(5, sampling_steps=[2], seed=0), model.sample(5, sampling_steps=2, seed=0)
    )


def test_a_frozen_model_is_used_as_it_is(tmp_path):
    """One seed serves a block; what it was trained on, it need not be given again."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 2))
    tiny = {"train_steps": 3, "width": 8, "num_blocks": 1, "batch_size": 16}
    own = SGM(device="cpu", **tiny).fit(x, seed=4, verbose=False)
    own.save(tmp_path / "model")
    taken = SGM(device="cpu", frozen=str(tmp_path / "model"))
    taken.fit(7.0 + np.stack([x, x]), verbose=False)
    assert taken.num_seeds == 2 and taken.info["seconds"] == [0.0, 0.0] and taken.history == []
    assert taken.settings.width == 8
    drawn = taken.sample(5, sampling_steps=2, seed=0)
    np.testing.assert_array_equal(drawn[0], own.sample(5, sampling_steps=2, seed=0))
    taken.save(tmp_path / "again")
    again = SGM.load(tmp_path / "again", device="cpu")
    np.testing.assert_array_equal(drawn, again.sample(5, sampling_steps=2, seed=0))
    for data, message in (
        (np.ones((9, 3)) * rng.standard_normal((9, 1)), "of 2 columns, not of these data"),
        (np.stack([x] * 3), "of 2 seeds, not of 3"),
    ):
        folder = "model" if data.ndim == 2 else "again"
        with pytest.raises(InputError, match=message):
            SGM(device="cpu", frozen=str(tmp_path / folder)).fit(data, verbose=False)
    with pytest.raises(InputError, match="there is no model in"):
        SGM(device="cpu", frozen=str(tmp_path / "nowhere")).fit(x, verbose=False)
