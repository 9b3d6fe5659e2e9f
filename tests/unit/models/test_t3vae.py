"""The Student-t autoencoder: its tail index, what it learns, and where its settings come from."""

import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import kendalltau

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.models.t3vae import T3VAE
from tailbench.stats.student import mixing_scale
from tailbench.stats.tail_index import estimate_tail
from tailbench.targets.gmm import GMM
from tailbench.targets.student_mixture import StudentMixture

TINY = {"train_steps": 40, "batch_size": 64, "width": 16, "num_blocks": 1, "validate_every": 20}


def student(n, dim, nu, seed=0):
    rng = np.random.default_rng(seed)
    return mixing_scale(rng.uniform(size=(n, 1)), nu) * rng.standard_normal((n, dim))


def fit(x, **settings):
    return T3VAE(device="cpu", **(TINY | settings)).fit(x, verbose=False)


@pytest.mark.parametrize("latent_dim", [1, 4])
@pytest.mark.parametrize("nu", [0.8, 3.0])
def test_samples_have_the_tail_index_of_the_prior(nu, latent_dim):
    """Whatever the data, here light, and whatever is learned: within two standard errors."""
    x = np.random.default_rng(0).standard_normal((1000, 2))
    y = fit(x, nu=nu, latent_dim=latent_dim).sample(20_000)
    exact = estimate_tail(student(20_000, 1, nu, 1)[:, 0])
    for column in y.T:
        tail = estimate_tail(column)
        assert tail.xi == pytest.approx(1 / nu, abs=2 * tail.xi_se + abs(exact.xi - 1 / nu))


def test_learns_scale_and_dependence():
    """Two columns of unlike units that rise together, in a Student-t law of 3 degrees."""
    root = np.array([[1.0, 0.8], [0.0, 0.6]]) * [1.0, 1e3]
    x = student(4000, 2, 3.0) @ root
    size = {"train_steps": 250, "batch_size": 256, "width": 32}
    y = fit(x, nu=3.0, **size).sample(4000)
    fresh = student(4000, 2, 3.0, 1) @ root
    for p, error in ((0.5, 0.15), (0.9, 0.2), (0.99, 0.35)):
        found, expected = (np.quantile(np.abs(z), p, axis=0) for z in (y, fresh))
        assert np.abs(np.log(found / expected)).max() < error
    # 2 asin(rho) / pi of a Student-t law; the standard error of Kendall's tau is about 0.01
    exact = 2 / math.pi * math.asin(0.8)
    assert kendalltau(*y.T).statistic == pytest.approx(exact, abs=0.12)


def test_degrees_are_those_of_the_heaviest_column():
    x = np.concatenate([student(4000, 1, 4.0), student(4000, 1, 1.5, 1)], axis=1)
    model = fit(x, train_steps=2)
    assert float(model.constants["nu"]) == pytest.approx(estimate_tail(x[:, 1]).index, rel=1e-4)
    assert math.isinf(fit(x, train_steps=2, margins="tail").constants["nu"])
    light = np.random.default_rng(0).standard_normal((1000, 2))
    model = fit(light)
    assert math.isinf(model.constants["nu"])
    assert estimate_tail(model.sample(20_000)[:, 0]).tail == "light"


def test_each_seed_has_its_own():
    block = np.stack([student(1000, 2, 1.2), student(1000, 2, 4.0)])
    model = fit(block)
    low, high = model.constants["nu"].tolist()
    assert low < 2 < high
    far = np.quantile(np.abs(model.sample(5000)), 0.999, axis=(1, 2))
    assert far[0] > 2 * far[1]


@pytest.mark.parametrize("margins", ["none", "softlog", "tail"])
def test_every_kind_of_data(margins):
    """One-sided of an index below one; 1e6 and more, at an offset; light."""
    rng = np.random.default_rng(0)
    n = 400
    y = np.stack(
        [rng.pareto(0.8, n), 1e7 + 1e6 * rng.standard_t(1.5, n), rng.standard_normal(n)], axis=1
    )
    x = fit(y, margins=margins).sample(500)
    assert np.isfinite(x).all()
    low, high = np.quantile(y, [0.05, 0.95], axis=0)
    assert ((np.median(x, axis=0) > low) & (np.median(x, axis=0) < high)).all()
    assert margins != "tail" or x[:, 0].min() >= 0  # a bound that only this map keeps


def test_one_column_of_a_very_heavy_tail():
    x = student(1000, 1, 0.5)
    assert np.abs(x).max() > 1e4
    y = fit(x).sample(2000)
    assert y.shape == (2000, 1) and np.isfinite(y).all()
    assert np.abs(y).max() > 1e4


def test_a_fixed_scale_of_the_noise_is_not_a_parameter():
    x = student(400, 2, 3.0)
    learned, given = fit(x), fit(x, sigma=0.1)
    assert learned.info["parameters"] == given.info["parameters"] + 2
    assert given.of_seed(0).sample(5).shape == (5, 2)


def test_settings_from_the_law_of_the_data():
    settings = T3VAE(nu="truth").settings
    assert settings.needs_target and settings.for_target(StudentMixture(nu=2.5)).nu == 2.5
    for target in (GMM(), None):
        with pytest.raises(InputError, match=r"nu: 'truth' needs data with a known, finite tail"):
            settings.for_target(target)
    plain = T3VAE(nu=3.0).settings
    assert not plain.needs_target and plain.for_target(None) is plain
    with pytest.raises(InputError, match="nu: 'truth' is for configurations"):
        fit(student(200, 2, 3.0), nu="truth")


def test_a_tail_that_cannot_be_estimated_is_named():
    with pytest.raises(InputError, match="nu: 'auto': column 0 of the data: a tail cannot be"):
        fit(student(20, 2, 3.0))
    fit(student(20, 2, 3.0), nu=3.0)


def test_images_are_refused():
    x = np.random.default_rng(0).uniform(-1, 1, (40, 16))
    with pytest.raises(InputError, match="the t3vae is for tables, and the data are images"):
        T3VAE(device="cpu", **TINY).fit(x, images=ImageLayout((1, 4, 4)), verbose=False)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"nu": 0.0}, "nu"),
        ({"nu": "hill"}, "nu"),
        ({"nu": "truth", "margins": "tail"}, "nu: 'truth' is for margins: 'none'"),
        ({"objective": "elbo"}, "objective"),
        ({"sigma": 0.0}, "sigma"),
        ({"latent_dim": 0}, "latent_dim"),
    ],
)
def test_settings_out_of_range(options, match):
    with pytest.raises(ValidationError, match=match):
        T3VAE(**options)
