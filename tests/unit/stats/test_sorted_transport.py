"""Costs of several orders by one sort, against POT."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tailbench.stats import sorted_transport
from tailbench.stats.sliced_transport import random_directions, transport_costs
from tailbench.stats.sorted_transport import costs_along, sorted_costs

ORDERS = (1, 2, 1.5, 3)


@pytest.mark.parametrize(("n", "m"), [(500, 500), (500, 300), (257, 1), (1, 1), (6, 4)])
@pytest.mark.parametrize("dim", [1, 12])
def test_costs_are_pots(n, m, dim):
    rng = np.random.default_rng(0)
    x, y = rng.standard_t(2.5, (n, dim)), rng.pareto(0.8, (m, dim))
    theta = random_directions(dim, 30, rng)
    expected = [transport_costs(x, y, theta, p) for p in ORDERS]
    assert_allclose(sorted_costs(x, y, theta, ORDERS), expected, rtol=1e-9)


def test_large_samples_are_sorted_and_others_are_pots(monkeypatch):
    rng = np.random.default_rng(6)
    x, y = rng.standard_t(2.5, (300, 3)), rng.standard_t(2.5, (200, 3))
    theta = random_directions(3, 4, rng)
    by_pot = costs_along(x, y, theta, (1, 2))
    assert np.array_equal(by_pot, [transport_costs(x, y, theta, p) for p in (1, 2)])
    monkeypatch.setattr(sorted_transport, "_BY_POT", 299)
    by_sort = costs_along(x, y, theta, (1, 2))
    assert np.array_equal(by_sort, sorted_costs(x, y, theta, (1, 2)))
    assert_allclose(by_sort, by_pot, rtol=1e-12)


@pytest.mark.parametrize("m", [20_000, 15_000])
def test_a_point_a_million_away_counts_with_its_mass(m):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((20_000, 2)), rng.standard_normal((m, 2))
    x[7] = [1e6, -1e6]
    theta = random_directions(2, 5, rng)
    expected = [transport_costs(x, y, theta, p) for p in (1, 2)]
    assert_allclose(sorted_costs(x, y, theta, (1, 2)), expected, rtol=1e-8)


@pytest.mark.parametrize("m", [50, 40])
def test_what_overflows_is_infinite(m):
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((50, 2)), rng.standard_normal((m, 2))
    x[0] = 1e200
    first, second = sorted_costs(x, y, random_directions(2, 3, rng), (1, 2))
    assert np.isfinite(first).all() and np.isinf(second).all()


def test_directions_do_not_depend_on_the_blocks(monkeypatch):
    rng = np.random.default_rng(3)
    x, y = rng.standard_cauchy((100, 4)), rng.standard_cauchy((80, 4))
    theta = random_directions(4, 20, rng)
    costs = sorted_costs(x, y, theta, (1, 2))
    monkeypatch.setattr(sorted_transport, "_BLOCK", 250)
    assert_allclose(sorted_costs(x, y, theta, (1, 2)), costs, rtol=1e-12)


@pytest.mark.parametrize("m", [30_000, 20_000])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_single_precision_keeps_four_digits(m, offset, monkeypatch):
    """Of samples of one law, whose distance is small, far from zero, and with an index of 1.5."""
    rng = np.random.default_rng(4)
    x, y = (offset + rng.standard_t(1.5, (n, 5)) for n in (30_000, m))
    theta = random_directions(5, 32, rng)
    exact = sorted_costs(x, y, theta, ORDERS)
    monkeypatch.setattr(sorted_transport, "_SINGLE", 1000)
    found = sorted_costs(x, y, theta, ORDERS)
    assert np.any(found != exact)
    assert_allclose(found, exact, rtol=5e-5)


def test_what_single_precision_cannot_hold_is_double(monkeypatch):
    monkeypatch.setattr(sorted_transport, "_SINGLE", 10)
    rng = np.random.default_rng(5)
    x, y = 1e20 * rng.standard_normal((50, 2)), rng.standard_normal((50, 2))
    theta = random_directions(2, 32, rng)
    expected = [transport_costs(x, y, theta, p) for p in (1, 2)]
    assert_allclose(sorted_costs(x, y, theta, (1, 2)), expected, rtol=1e-9)
