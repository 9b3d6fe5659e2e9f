"""Mixing laws by closed forms and Laplace transforms; densities by integrals of another kind."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from tailbench.stats.mixing_laws import (
    StableVariance,
    StudentVariance,
    log_density_of_log_stable,
)
from tailbench.stats.scale_mixtures import NoisedAxes, noise_levels_of, noised_density


def test_the_positive_stable_law_of_index_one_half_is_levys():
    log_v = np.array([-6.0, -1.0, 0.0, 5.0, 60.0, 200.0])
    half = np.exp(log_v) / 2.0
    exact = -0.5 * np.log(half) - math.log(2.0 * math.sqrt(math.pi)) - 0.25 / half
    np.testing.assert_allclose(log_density_of_log_stable(log_v, 1.0), exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 1.3, 1.7, 1.9, 1.99, 1.999])
@pytest.mark.parametrize("dim", [1, 20, 200])
def test_laplace_transforms_of_the_stable_variance(alpha, dim):
    log_v, log_w = StableVariance(alpha).nodes(dim, 20.0)
    for u in (0.01, 0.1, 1.0, 10.0):
        # the transform is near zero beyond the nodes where u v is large
        found = np.exp(log_w) @ np.exp(-u * np.exp(log_v))
        assert found == pytest.approx(math.exp(-((2.0 * u) ** (alpha / 2.0))), rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("nu", [0.3, 1.0, 2.5, 30.0])
@pytest.mark.parametrize("dim", [1, 20])
def test_the_student_variance_gives_students_density(nu, dim):
    """Noise that is next to nothing; the multivariate density of SciPy is the oracle."""
    axes = NoisedAxes.of_scales(np.ones(dim), np.full(dim, 1e-9))
    x = np.random.default_rng(0).standard_normal((6, dim)) * np.logspace(-1, 6, 6)[:, None]
    log_p, score = noised_density(x, axes, StudentVariance(nu))
    exact = stats.multivariate_t(np.zeros(dim), np.eye(dim), nu).logpdf(x)
    np.testing.assert_allclose(log_p - dim * math.log(1e-9) * 1.0, exact, rtol=1e-9, atol=1e-9)
    slope = -(nu + dim) / (nu + np.sum(x**2, axis=1, keepdims=True)) * x
    np.testing.assert_allclose(score, slope, rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("sigma", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("nu", [0.5, 2.5])
def test_the_density_is_that_of_the_convolution(nu, sigma):
    """Student's t on the line, convolved with Gaussian noise by adaptive quadrature."""
    axes = NoisedAxes.of_scales(np.ones(1), np.array([sigma]))
    for x in (0.0, 0.7, 20.0):
        log_p, _ = noised_density(np.array([[x]]), axes, StudentVariance(nu))
        value, _ = integrate.quad(
            lambda z, x=x: stats.t.pdf(x - sigma * z, nu) * stats.norm.pdf(z),
            -12.0,
            12.0,
            points=sorted({min(max(x / sigma + e / sigma, -12), 12) for e in (-3, -1, 0, 1, 3)}),
            epsabs=0.0,
            epsrel=1e-10,
            limit=500,
        )
        assert log_p[0] - math.log(sigma) == pytest.approx(math.log(value), abs=1e-8)


def test_axes_of_a_factor_are_those_of_its_covariance():
    rng = np.random.default_rng(0)
    factor, sigma = rng.standard_normal((4, 4)), rng.uniform(0.5, 2.0, 4)
    axes = NoisedAxes.of_factor(factor, sigma)
    for v in (0.0, 0.3, 7.0):
        covariance = v * factor @ factor.T + np.diag(sigma**2)
        np.testing.assert_allclose(
            axes.to @ covariance @ axes.to.T, np.diag(1.0 + v * axes.spread), atol=1e-12
        )
    twice = axes.rescaled(2.0)
    other = NoisedAxes.of_factor(factor, 2.0 * sigma)
    np.testing.assert_allclose(twice.spread, other.spread, rtol=1e-12)
    np.testing.assert_allclose(np.abs(twice.to), np.abs(other.to), rtol=1e-9)


def test_rows_are_computed_apart(monkeypatch):
    axes = NoisedAxes.of_scales(np.ones(3), np.full(3, 0.5))
    x = np.random.default_rng(0).standard_t(1.0, (50, 3))
    whole = noised_density(x, axes, StudentVariance(1.0))
    monkeypatch.setattr("tailbench.stats.scale_mixtures.CHUNK", 500)
    for one, other in zip(whole, noised_density(x, axes, StudentVariance(1.0)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    empty = noised_density(x[:0], axes, StudentVariance(1.0))
    assert [part.shape for part in empty] == [(0,), (0, 3)]


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf, [1.0, 0.0], [1.0] * 3, [[1.0]]])
def test_noise_that_is_none(sigma):
    with pytest.raises(ValueError, match="sigma"):
        noise_levels_of(sigma, 2)
