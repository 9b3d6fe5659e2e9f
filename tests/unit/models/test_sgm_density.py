"""The density of a score model: of exact predictions in closed form, and of trained ones."""

import math

import numpy as np
import pytest
from scipy import stats

from tailbench.exceptions import InputError
from tailbench.models.sgm import SGM

TINY = {"train_steps": 60, "width": 8, "num_blocks": 1, "batch_size": 128, "verbose": False}


class ExactGaussian:
    """The prediction for data that are a standard Gaussian in the units of the model."""

    def double(self):
        return self

    def noise(self, x, sigma):
        return sigma * x / (1.0 + sigma.square())


def data(dim, n=300):
    return np.random.default_rng(0).standard_t(3, (n, dim)) * 3.0 + 1e6


@pytest.mark.parametrize("dim", [1, 2, 25])
@pytest.mark.parametrize("margins", ["none", "softlog"])
def test_the_density_of_exact_predictions(dim, margins, monkeypatch):
    """Also by random signs, whose estimate of a diagonal Jacobian has no scatter."""
    x = data(dim)
    model = SGM(margins=margins, **{**TINY, "train_steps": 1}).fit(x)
    monkeypatch.setattr(model, "_select", lambda positions: ExactGaussian())
    location, scale = (model.constants[key][0].numpy() for key in ("location", "scale"))
    rows = x[:40].copy()
    rows[0] = location
    u = (rows - location) / scale
    z, slope = u, 0.0
    if margins == "softlog":
        z, slope = np.sign(u) * np.log1p(np.abs(u)), -np.log1p(np.abs(u)).sum(1)
    expected = stats.norm.logpdf(z).sum(1) + slope - np.log(scale).sum()
    np.testing.assert_allclose(model.log_prob(rows), expected, rtol=1e-3, atol=2e-3 * dim)
    np.testing.assert_allclose(model.score(rows), expected.mean(), rtol=1e-3)


def test_the_density_of_a_trained_model_is_one():
    """Its integral over a line, and the shares of its own samples."""
    x = np.random.default_rng(1).standard_normal((500, 1)) * 2.0 + 5.0
    model = SGM(**TINY).fit(x)
    grid = np.linspace(-25.0, 35.0, 301)
    density = np.exp(model.score_samples(grid[:, None]))
    assert np.trapezoid(density, grid) == pytest.approx(1.0, abs=0.01)
    below = np.trapezoid(np.where(grid <= 5.0, density, 0.0), grid)
    drawn = model.sample(4000, seed=1)
    # the standard error of a share of 4,000 is 0.008; half a cell of the grid is 0.02
    assert np.mean(drawn <= 5.0) == pytest.approx(below, abs=0.05)


def test_a_block_has_the_density_of_each_seed():
    x = np.stack([data(2), 2.0 * data(2)])
    model = SGM(**{**TINY, "train_steps": 5}).fit(x)
    both = model.log_prob(x[:, :7])
    for e in (0, 1):
        np.testing.assert_allclose(model.of_seed(e).log_prob(x[e, :7]), both[e], rtol=1e-9)
    assert not math.isclose(both[0].mean(), both[1].mean(), rel_tol=1e-3)


def test_a_map_that_puts_values_on_bounds_has_no_density():
    model = SGM(margins="tail", **{**TINY, "train_steps": 2}).fit(data(2))
    with pytest.raises(InputError, match="margins: 'tail' puts values on bounds"):
        model.log_prob(data(2)[:3])
