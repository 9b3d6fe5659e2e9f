"""The Pareto generator: the tails of each side, bounds, and what the distance teaches it."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.stats import kendalltau

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.models.pareto_gan import ParetoGAN
from tailbench.rng.streams import Streams
from tailbench.stats.student import mixing_scale
from tailbench.stats.tail_index import estimate_side

TINY = {"train_steps": 40, "batch_size": 64, "width": 16, "num_blocks": 1, "validate_every": 20}


def student(n, dim, nu, seed=0):
    rng = np.random.default_rng(seed)
    return mixing_scale(rng.uniform(size=(n, 1)), nu) * rng.standard_normal((n, dim))


def fit(x, **settings):
    return ParetoGAN(device="cpu", **(TINY | settings)).fit(x, verbose=False)


@pytest.mark.parametrize("latent_dim", ["auto", 5])
@pytest.mark.parametrize("nu", [0.7, 2.5])
def test_each_side_has_the_estimated_tail(nu, latent_dim):
    """Exactly, with a generator that has hardly learned: its output has the index one."""
    x = student(4000, 2, nu)
    model = fit(x, learning_rate=1e-6, latent_dim=latent_dim)
    y = model.sample(20_000)
    for j in (0, 1):
        away = y[:, j] - float(model.constants["location"][0, j])
        for side, sign in (("low", -1), ("high", 1)):
            index = float(model.constants[f"{side}_index"][0, j])
            assert index == pytest.approx(1 / nu, rel=0.35)
            tail = estimate_side(sign * away[sign * away > 0])
            assert tail.xi == pytest.approx(index, abs=3 * tail.xi_se)


def test_light_sides_stay_light_and_bounds_are_kept():
    rng = np.random.default_rng(0)
    losses = rng.pareto(0.8, 2000)
    x = np.stack([losses, rng.standard_normal(2000), np.where(losses > 1, losses, 0.0)], axis=1)
    y = fit(x, train_steps=100).sample(10_000)
    assert y[:, 0].min() >= 0 and y[:, 0].max() > 1e3
    assert np.abs(y[:, 1]).max() < 30
    assert y[:, 2].min() == 0 and np.mean(y[:, 2] == 0) == pytest.approx(
        np.mean(x[:, 2] == 0), abs=0.2
    )


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_learns_quantiles_and_dependence(exponent):
    """Two columns of unlike units that rise together, in a Student-t law of 2 degrees."""
    root = np.array([[1.0, 0.8], [0.0, 0.6]]) * [1.0, 1e3]
    x = student(4000, 2, 2.0) @ root
    size = {"train_steps": 300, "batch_size": 256, "width": 32}
    y = fit(x, exponent=exponent, **size).sample(4000)
    fresh = student(4000, 2, 2.0, 1) @ root
    for p, error in ((0.5, 0.2), (0.9, 0.25), (0.99, 0.5)):
        found, expected = (np.quantile(np.abs(z), p, axis=0) for z in (y, fresh))
        assert np.abs(np.log(found / expected)).max() < error
    exact = 2 / np.pi * np.arcsin(0.8)
    assert kendalltau(*y.T).statistic == pytest.approx(exact, abs=0.12)


def test_every_kind_of_data():
    """One-sided of an index below one; 1e6 and more, at an offset; light."""
    rng = np.random.default_rng(0)
    n = 400
    y = np.stack(
        [rng.pareto(0.8, n), 1e7 + 1e6 * rng.standard_t(1.5, n), rng.standard_normal(n)], axis=1
    )
    x = fit(y).sample(500)
    assert np.isfinite(x).all()
    low, high = np.quantile(y, [0.05, 0.95], axis=0)
    assert ((np.median(x, axis=0) > low) & (np.median(x, axis=0) < high)).all()


def test_one_column_of_a_very_heavy_tail():
    x = student(1000, 1, 0.5)
    assert np.abs(x).max() > 1e4
    y = fit(x).sample(2000)
    assert y.shape == (2000, 1) and np.isfinite(y).all()
    assert np.abs(y).max() > 1e4


def test_held_out_rows_are_judged_by_more_draws():
    """So that the best step is not chosen by the chance of few of them."""
    model = fit(student(400, 2, 2.5))
    module = model._select([0])
    rows = torch.randn(1, 20, 2, generator=torch.Generator().manual_seed(0))

    def scatter(training):
        module.train(training)
        with torch.no_grad():
            losses = [
                float(model._loss(module, rows, Streams([s], torch.device("cpu"), "any")))
                for s in range(30)
            ]
        return np.std(losses)

    assert scatter(False) < 0.5 * scatter(True)


def test_images_are_refused():
    x = np.random.default_rng(0).uniform(-1, 1, (40, 16))
    with pytest.raises(InputError, match="the pareto_gan is for tables, and the data are images"):
        ParetoGAN(device="cpu", **TINY).fit(x, images=ImageLayout((1, 4, 4)), verbose=False)


@pytest.mark.parametrize("exponent", [0.0, 2.0])
def test_settings_out_of_range(exponent):
    with pytest.raises(ValidationError, match="exponent"):
        ParetoGAN(exponent=exponent)
