"""The law by SciPy's, by quadrature, and by its limits."""

import numpy as np
import pytest
from scipy import integrate, stats

from tailbench.stats.normal_inverse_gaussian import log_pdf, quantile_of_gaussian, standard_scale

PARAMETERS = [(1.0, 0.0), (0.05, 0.5), (0.01, -0.9), (50.0, -0.9), (3.0, 0.95), (1e4, 0.3)]
laws = pytest.mark.parametrize(("steepness", "skewness"), PARAMETERS)


def scipys(steepness, skewness):
    delta, m = standard_scale(steepness, skewness)
    return stats.norminvgauss(steepness, steepness * skewness, loc=m, scale=delta)


@laws
def test_mean_and_variance(steepness, skewness):
    assert scipys(steepness, skewness).stats() == pytest.approx((0.0, 1.0), abs=1e-12)


@laws
def test_density(steepness, skewness):
    """SciPy's has an overflow where the law is steep; there the points are near."""
    x = np.linspace(-30.0, 30.0, 61) if steepness < 100 else np.linspace(-5.0, 5.0, 21)
    with np.errstate(all="ignore"):
        exact = scipys(steepness, skewness).logpdf(x)
    finite = np.isfinite(exact)
    assert finite.sum() > 10
    np.testing.assert_allclose(
        log_pdf(x, steepness, skewness)[finite], exact[finite], rtol=1e-8, atol=1e-8
    )


@laws
def test_density_far_out(steepness, skewness):
    """The slope is the rate of the side, but for the factor of the power."""
    for sign in (-1.0, 1.0):
        x = sign * np.array([1e6, 1.1e6, 1e12])
        value = log_pdf(x, steepness, skewness)
        delta, _ = standard_scale(steepness, skewness)
        rate = steepness * (1.0 - sign * skewness) / delta
        slope = (value[1] - value[0]) / 1e5
        assert np.isfinite(value).all()
        assert slope == pytest.approx(-rate, rel=1e-2)


@laws
@pytest.mark.parametrize("z", [-7.0, -3.0, -0.5, 0.0, 1.0, 4.0])
def test_quantiles_by_quadrature(steepness, skewness, z):
    x = float(quantile_of_gaussian(np.array([z]), steepness, skewness)[0])
    side = 1.0 if z > 0 else -1.0
    top = float(log_pdf(np.array([x]), steepness, skewness)[0])

    def beyond(v):
        """The density at the distance e^v beyond x, which resolves both bulk and tail."""
        return np.exp(log_pdf(np.array(x + side * np.exp(v)), steepness, skewness) - top + v)

    mass, _ = integrate.quad(beyond, -25.0, 12.0, epsabs=0.0, epsrel=1e-10, limit=1000)
    assert mass * np.exp(top) == pytest.approx(stats.norm.sf(abs(z)), rel=1e-6)


@pytest.mark.parametrize(("steepness", "skewness"), PARAMETERS[:3])
def test_quantiles_are_scipys(steepness, skewness):
    z = np.array([-2.0, -0.5, 1.0, 3.0])
    found = quantile_of_gaussian(z, steepness, skewness)
    law = scipys(steepness, skewness)
    np.testing.assert_allclose(law.cdf(found), stats.norm.cdf(z), rtol=1e-6)


def test_quantiles_rise_and_stay_finite():
    z = np.concatenate([[-1e3, -50.0], np.linspace(-39.0, 39.0, 400), [50.0, 1e3]])
    for parameters in PARAMETERS:
        x = quantile_of_gaussian(z, *parameters)
        assert np.isfinite(x).all() and (np.diff(x) > 0).all()


def test_the_other_skewness_is_the_mirror_image():
    z = np.linspace(-8.0, 8.0, 33)
    mirrored = -quantile_of_gaussian(-z, 0.5, -0.7)
    np.testing.assert_allclose(quantile_of_gaussian(z, 0.5, 0.7), mirrored, rtol=1e-8, atol=1e-9)


def test_steep_ones_are_gaussian():
    z = np.linspace(-4.0, 4.0, 17)
    np.testing.assert_allclose(quantile_of_gaussian(z, 1e6, 0.0), z, atol=2e-5)
