import numpy as np
import pytest

from tailbench.metrics.angular import Angular, extreme_directions
from tailbench.metrics.expected_shortfall import ExpectedShortfall
from tailbench.metrics.msle import MSLE


def gaussian(n, rng, rho, dim=5):
    return np.sqrt(1 - rho) * rng.standard_normal((n, dim)) + np.sqrt(rho) * rng.standard_normal(
        (n, 1)
    )


def student(n, rng, rho, nu=2.0):
    return gaussian(n, rng, rho) / np.sqrt(rng.chisquare(nu, (n, 1)) / nu)


def with_margins_of(x, y):
    """Return ``x`` with each column's values replaced by those of ``y`` of the same rank."""
    return np.take_along_axis(np.sort(y, axis=0), x.argsort(0).argsort(0), axis=0)


def test_comonotone_and_independent_columns_have_known_directions(rng):
    u = rng.standard_cauchy(40_000)
    along = extreme_directions(np.stack([u, 2 * u], axis=1), 0.05)
    assert len(along) == 2000
    assert np.abs(along) == pytest.approx(0.5)
    assert along[:, 0] == pytest.approx(along[:, 1])
    apart = extreme_directions(rng.standard_cauchy((400_000, 2)), 0.001)
    # Of independent columns one alone is extreme: the law sits on the four axes.
    assert np.mean(np.abs(apart).max(axis=1) > 0.95) > 0.9
    axes = np.mean(
        [apart[:, 0] > 0.9, apart[:, 0] < -0.9, apart[:, 1] > 0.9, apart[:, 1] < -0.9], 1
    )
    assert axes == pytest.approx([0.25] * 4, abs=0.06)


def test_the_distance_between_comonotone_and_countermonotone_columns_is_exact(rng):
    u = rng.standard_cauchy(20_000)
    x, y = np.stack([u, u], axis=1), np.stack([u, -u], axis=1)
    value = Angular(directions=20_000)(x, y, None, rng)["angular_sw1"]
    # Masses at +-(1, 1)/2 against +-(1, -1)/2: W_1 = min(|cos t|, |sin t|).
    assert value == pytest.approx(4 / np.pi * (1 - np.sqrt(0.5)), abs=0.01)


def test_rising_maps_change_nothing(rng):
    x, y = student(2000, rng, 0.3), gaussian(2000, rng, 0.3)
    plain = Angular()(x, y, None, np.random.default_rng(5))
    assert Angular()(np.arctan(x), 1e6 * y**3, None, np.random.default_rng(5)) == plain


def test_a_gaussian_copula_of_equal_rank_correlation_is_seen():
    """With equal margins, which metrics of single columns cannot tell apart."""
    rng = np.random.default_rng(3)
    rho = 0.5
    x, y, z = (student(20_000, rng, rho) for _ in range(3))
    # Kendall's tau is that of the Gaussian law for every elliptical one.
    false = with_margins_of(gaussian(20_000, rng, rho), z)
    floor = Angular()(x, y, None, np.random.default_rng(0))["angular_sw1"]
    assert Angular()(false, y, None, np.random.default_rng(0))["angular_sw1"] > 3 * floor
    for metric, key in ((MSLE(), "msle"), (ExpectedShortfall(), "es99_error")):
        same = metric(z, y, None, rng)[key]
        assert metric(false, y, None, rng)[key] == pytest.approx(same, rel=1e-9)


def test_points_in_the_middle_and_one_column(truth, rng):
    assert not extreme_directions(np.zeros((10, 2)), 0.05).any()
    metric = Angular()
    assert not metric.applies(truth(dim=1)) and metric.applies(truth(dim=2))
    assert np.isnan(metric(*rng.normal(size=(2, 9, 1)), None, rng)["angular_sw1"])
