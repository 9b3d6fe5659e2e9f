"""Dependence in the tails: estimates against exact values, and those against other formulas."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, rankdata

from tailbench.stats.dependence import (
    chi_of_corners,
    chibar,
    column_pairs,
    extremal_coefficients,
    rank_levels,
)
from tailbench.stats.exchangeable_copula import ExchangeableCopula
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


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_student_corners(level, rng):
    same, opposite = (ExchangeableCopula("t", rho, 3).chi(level) for rho in (0.4, -0.4))
    exact = np.array([same, same, opposite, opposite])
    assert close(estimate(student(3, 0.4, rng), level), exact, level)


def test_chibar_of_gaussian_laws_tends_to_the_correlation(rng):
    law = ExchangeableCopula("gaussian", 0.6)
    found = [float(chibar(np.array(law.chi(u)), u)) for u in (0.9, 0.999, 1 - 1e-9)]
    assert np.all(np.diff(np.abs(np.array(found) - 0.6)) < 0)
    assert found[2] == pytest.approx(0.6, abs=0.06)  # the approach is logarithmic
    assert chibar(np.array(1.0), 0.95) == pytest.approx(1)
    assert chibar(np.array(0.05), 0.95) == pytest.approx(0)


def test_gumbel(rng):
    law, x = ExchangeableCopula("gumbel", 2.0), gumbel(2.0, rng)
    for level in (0.9, 0.99):
        exact = np.array([law.chi(level), law.chi(level, "lower")])
        assert close(estimate(x, level)[:2], exact, level)
    # F-madogram: standard error of a mean of |U - V|, times the slope of the coefficient
    assert extremal_coefficients(rank_levels(x), PAIR)[0] == pytest.approx(np.sqrt(2), abs=0.01)


def test_clayton(rng):
    law, x = ExchangeableCopula("clayton", 1.5), clayton(1.5, rng)
    for level in (0.9, 0.99):
        assert close(estimate(x, level)[1], law.chi(level, "lower"), level)


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


@pytest.mark.parametrize("ties", [False, True])
def test_levels_are_scipys_ranks_to_the_bit(ties, rng):
    """In the same order of axes too, on which the rounding of sums over columns rests."""
    x = rng.standard_cauchy((999, 4))
    if ties:
        x = np.round(x)
    expected = (rankdata(x, axis=0) - 0.5) / len(x)
    found = rank_levels(x)
    assert np.array_equal(found, expected) and found.strides == expected.strides
