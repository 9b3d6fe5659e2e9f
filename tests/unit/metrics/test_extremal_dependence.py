import numpy as np
import pytest

from tailbench.metrics.extremal_dependence import ExtremalDependence
from tailbench.stats.dependence import chibar
from tailbench.stats.exchangeable_copula import ExchangeableCopula

RHO = 0.5


def student(n, dim, rng, nu=None):
    """Draw equicorrelated Gaussian rows, or such rows over a common chi."""
    z = np.sqrt(1 - RHO) * rng.standard_normal((n, dim))
    z += np.sqrt(RHO) * rng.standard_normal((n, 1))
    return z if nu is None else z / np.sqrt(rng.chisquare(nu, (n, 1)) / nu)


def test_a_student_law_against_a_gaussian_one_has_exact_errors():
    rng = np.random.default_rng(1)
    x, y = student(200_000, 3, rng), student(200_000, 3, rng, nu=3)
    values = ExtremalDependence()(x, y, None, rng)
    laws = [(ExchangeableCopula("t", r, 3), ExchangeableCopula("gaussian", r)) for r in (RHO, -RHO)]
    for key, level in (("chi95_error", 0.95), ("chi99_error", 0.99)):
        gaps = [heavy.chi(level) - light.chi(level) for heavy, light in laws]
        # an average of 12 shares, each of N (1 - level) points
        error = np.sqrt(0.3 / (200_000 * (1 - level)))
        assert values[key] == pytest.approx(np.mean(np.abs(gaps)), abs=3 * error)
    bars = [np.subtract(*(chibar(np.array(law.chi(0.95)), 0.95) for law in pair)) for pair in laws]
    assert values["chibar_error"] == pytest.approx(np.mean(np.abs(bars)), abs=0.02)


@pytest.mark.parametrize("dim", [2, 5, 30])
def test_rising_maps_of_columns_change_nothing(dim, rng):
    x, y = student(3000, dim, rng), student(3000, dim, rng, nu=2)
    plain = ExtremalDependence()(x, y, None, rng)
    assert ExtremalDependence()(np.exp(x), y**3 * 1e6 + 1, None, rng) == plain


def test_shuffled_extremes_are_seen_and_a_second_draw_is_not():
    rng = np.random.default_rng(2)
    x, y = student(20_000, 4, rng, nu=2), student(20_000, 4, rng, nu=2)
    far = x.copy()
    for column in far.T:
        beyond = np.abs(column) > np.quantile(np.abs(column), 0.95)
        column[beyond] = rng.permutation(column[beyond])
    floor = ExtremalDependence()(x, y, None, rng)
    lost = ExtremalDependence()(far, y, None, rng)
    assert floor["chi95_error"] < 0.02 and floor["extremal_coefficient_error"] < 0.02
    assert lost["chi95_error"] > 10 * floor["chi95_error"]
    assert lost["chi99_error"] > 5 * floor["chi99_error"]
    assert lost["chibar_error"] > 5 * floor["chibar_error"]


def test_very_heavy_one_sided_and_far_data(rng):
    radius = rng.uniform(size=(4000, 1)) ** -2.0
    x = 1e6 + radius * rng.uniform(size=(4000, 3))
    values = ExtremalDependence()(x[:2000], x[2000:], None, rng)
    assert all(0 < value < 0.3 for value in values.values())


def test_one_column_has_no_pairs(truth, rng):
    metric = ExtremalDependence()
    assert not metric.applies(truth(dim=1)) and metric.applies(truth(dim=2))
    assert metric.applies(None)
    assert np.isnan(list(metric(*rng.normal(size=(2, 9, 1)), None, rng).values())).all()
