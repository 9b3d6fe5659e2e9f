"""Dependence in the tails: estimates against exact values, and those against other formulas."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from tailbench.stats.dependence import (
    chi_of_corners,
    chibar,
    clayton_chi,
    column_pairs,
    extremal_coefficients,
    extreme_value_chi,
    gaussian_chi,
    gumbel_coefficient,
    husler_reiss_coefficient,
    rank_levels,
    student_chi,
)
from tailbench.stats.positive_stable import kanter

N = 200_000
PAIR = np.array([[0, 1]])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def student(nu, rho, rng):
    z = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).rvs(N, random_state=rng)
    return z if nu is None else z / np.sqrt(rng.chisquare(nu, (N, 1)) / nu)


def gumbel(theta, rng):
    """Draw by Marshall and Olkin (1988), from a positive stable frailty."""
    u, w = rng.uniform(0, np.pi, N), rng.exponential(size=N)
    frailty = kanter(u, w, 2 / theta, np)[:, None]
    return np.exp(-((rng.exponential(size=(N, 2)) / frailty) ** (1 / theta)))


def clayton(theta, rng):
    frailty = rng.gamma(1 / theta, size=(N, 1))
    return (1 + rng.exponential(size=(N, 2)) / frailty) ** (-1 / theta)


def estimate(x, level):
    return chi_of_corners(rank_levels(x), PAIR, level)[:, 0]


def close(found, exact, level):
    """Within four standard errors of a share of the tail, those of the ranks included."""
    error = np.sqrt(np.maximum(exact, 1e-3) / (N * (1 - level)))
    return np.all(np.abs(found - exact) < 4 * error)


def test_limits_of_student_laws():
    """Printed values of the closed form."""
    found = [student_chi(2.5, rho) for rho in (0, 0.3, 0.5, 0.8)]
    assert found == pytest.approx([0.1448, 0.2512, 0.3488, 0.5712], abs=5e-5)
    assert student_chi(4, 0.5) == pytest.approx(0.2532, abs=5e-5)
    assert student_chi(2.5, 0.5, 1 - 1e-9) == pytest.approx(student_chi(2.5, 0.5), abs=1e-5)


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_student_corners(level, rng):
    same, opposite = student_chi(3, 0.4, level), student_chi(3, -0.4, level)
    exact = np.array([same, same, opposite, opposite])
    assert close(estimate(student(3, 0.4, rng), level), exact, level)


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.7])
def test_gaussian_by_the_bivariate_normal(rho):
    for level in (0.9, 0.99):
        both = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([norm.ppf(1 - level)] * 2)
        assert gaussian_chi(rho, level) == pytest.approx(both / (1 - level), rel=1e-5)
    assert student_chi(1e7, rho, 0.99) == pytest.approx(gaussian_chi(rho, 0.99), abs=1e-6)


def test_chibar_of_gaussian_laws_tends_to_the_correlation(rng):
    found = [
        float(chibar(np.array(gaussian_chi(0.6, level)), level)) for level in (0.9, 0.999, 1 - 1e-9)
    ]
    assert np.all(np.diff(np.abs(np.array(found) - 0.6)) < 0)
    assert found[2] == pytest.approx(0.6, abs=0.06)  # the approach is logarithmic
    assert chibar(np.array(1.0), 0.95) == pytest.approx(1)
    assert chibar(np.array(0.05), 0.95) == pytest.approx(0)


def test_gumbel(rng):
    theta = 2.0
    x, coefficient = gumbel(theta, rng), gumbel_coefficient(theta)
    assert coefficient == pytest.approx(np.sqrt(2))
    for level in (0.9, 0.99):
        low = (1 - level) ** (coefficient - 1)
        found = estimate(x, level)[:2]
        assert close(found, np.array([extreme_value_chi(coefficient, level), low]), level)
    # F-madogram: standard error of a mean of |U - V|, times the slope of the coefficient
    assert extremal_coefficients(rank_levels(x), PAIR)[0] == pytest.approx(coefficient, abs=0.01)


def test_clayton(rng):
    x = clayton(1.5, rng)
    for level in (0.9, 0.99):
        assert close(estimate(x, level)[1], clayton_chi(1.5, level), level)
    assert clayton_chi(1.5, 1 - 1e-9) == pytest.approx(clayton_chi(1.5)) == 2 ** (-1 / 1.5)


def test_limits_of_extreme_value_copulas():
    for coefficient in (1.0, gumbel_coefficient(3), husler_reiss_coefficient(0.8), 2.0):
        limit = extreme_value_chi(coefficient)
        assert extreme_value_chi(coefficient, 1 - 1e-6) == pytest.approx(limit, abs=1e-5)
    assert extreme_value_chi(husler_reiss_coefficient(0.8)) == pytest.approx(2 * norm.sf(0.8))


def test_extremal_coefficients_of_functions_and_independent_columns(rng):
    u = rng.uniform(size=N)
    x = np.stack([u, u**3, rng.uniform(size=N), -u], axis=1)
    found = extremal_coefficients(rank_levels(x), np.array([[0, 1], [0, 2], [0, 3]]))
    assert found == pytest.approx([1, 2, 3], abs=0.01)


def test_levels_of_ties():
    assert rank_levels(np.array([[3.0], [1.0], [3.0], [2.0]]))[:, 0] == pytest.approx(
        [0.75, 0.125, 0.75, 0.375]
    )


def test_pairs():
    assert column_pairs(3, 200).tolist() == [[0, 1], [0, 2], [1, 2]]
    assert len(column_pairs(20, 200)) == 190
    chosen = column_pairs(60, 200)
    assert len(np.unique(chosen, axis=0)) == 200 and np.all(chosen[:, 0] < chosen[:, 1])
    assert np.array_equal(chosen, column_pairs(60, 200))
