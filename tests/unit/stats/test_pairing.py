"""Pairs of two samples: the best permutation, by other means."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from tailbench.stats.pairing import optimal_pairs


def cost(x, y, partner):
    return ((x - y[partner]) ** 2).sum()


def test_is_the_best_of_all_permutations():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 6, 3))
    best = min(cost(x, y, list(order)) for order in itertools.permutations(range(6)))
    assert cost(x, y, optimal_pairs(x, y)) == pytest.approx(best, rel=1e-12)


def test_is_the_order_on_a_line():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 300, 1))
    partner = optimal_pairs(x, y)
    assert np.array_equal(y[partner][x[:, 0].argsort(), 0], np.sort(y[:, 0]))


@pytest.mark.parametrize("power", [1, 3])
def test_points_far_out_leave_the_others_their_partners(power):
    """An index of one third, values beyond 1e9: as by another solver."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((200, 2)), rng.standard_cauchy((200, 2)) ** power
    assert (np.abs(y).max() > 1e6) == (power == 3)
    assert np.array_equal(optimal_pairs(x, y), linear_sum_assignment(-x @ y.T)[1])


def test_samples_of_two_shapes():
    with pytest.raises(ValueError, match="one shape"):
        optimal_pairs(np.zeros((3, 2)), np.zeros((4, 2)))


@pytest.mark.filterwarnings("ignore:Problem unbounded")
def test_no_permutation_is_an_error():
    with pytest.raises(FloatingPointError, match="optimal transport of 3 points has failed"):
        optimal_pairs(np.full((3, 1), np.nan), np.ones((3, 1)))
