"""Transport along directions, against one-dimensional solvers that share no code with it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import wasserstein_distance

from tailbench.stats import sliced_transport
from tailbench.stats.pot import import_pot
from tailbench.stats.sliced_transport import (
    coupling,
    maximise_direction,
    random_directions,
    single_order,
    transport_costs,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def pair(n, m, dim, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_t(2.5, (n, dim)), rng.standard_normal((m, dim)) + 0.3


def sorted_cost(u, v, p):
    """``W_p^p`` of two samples on the line by the plan with exact masses."""
    i, j, mass = coupling(len(u), len(v))
    return np.abs(np.sort(u)[i] - np.sort(v)[j]) ** p @ mass


@pytest.mark.parametrize(("n", "m"), [(500, 500), (500, 300), (300, 500), (257, 1), (6, 4)])
@pytest.mark.parametrize("dim", [1, 2, 20])
def test_costs_are_those_of_sorted_samples(n, m, dim, rng):
    x, y = pair(n, m, dim)
    theta = random_directions(dim, 30, rng)
    for p in (1, 1.5, 2, 3):
        exact = [sorted_cost(x @ direction, y @ direction, p) for direction in theta]
        assert_allclose(transport_costs(x, y, theta, p), exact, rtol=1e-9)
    sliced = import_pot().sliced_wasserstein_distance(x, y, p=2, projections=theta.T)
    assert_allclose(transport_costs(x, y, theta, 2).mean() ** 0.5, sliced, rtol=1e-9)
    scipys = [wasserstein_distance(x @ direction, y @ direction) for direction in theta]
    assert_allclose(transport_costs(x, y, theta, 1), scipys, rtol=1e-9)


def test_costs_are_those_of_the_linear_program(rng):
    ot = import_pot()
    x, y = pair(40, 30, 3)
    theta = random_directions(3, 4, rng)
    for p in (1, 2):
        programs = [
            ot.emd2([], [], np.abs(np.subtract.outer(x @ direction, y @ direction)) ** p)
            for direction in theta
        ]
        assert_allclose(transport_costs(x, y, theta, p), programs, rtol=1e-9)


@pytest.mark.parametrize(("n", "m"), [(20_000, 20_000), (20_000, 15_000)])
@pytest.mark.parametrize("p", [1, 2])
def test_a_point_a_million_away_counts_with_its_mass(n, m, p, rng):
    x, y = pair(n, m, 2)
    x[7] = [1e6, -1e6]
    theta = random_directions(2, 5, rng)
    exact = [sorted_cost(x @ direction, y @ direction, p) for direction in theta]
    assert_allclose(transport_costs(x, y, theta, p), exact, rtol=1e-8)


def test_equal_samples_have_no_distance_in_any_order_of_rows(rng):
    x = rng.standard_cauchy((101, 3))
    theta = random_directions(3, 7, rng)
    assert (transport_costs(x, x.copy(), theta, 2) == 0).all()
    assert_allclose(transport_costs(x, np.tile(x, (2, 1))[::-1], theta, 2), 0, atol=1e-9)


def test_the_largest_of_single_precision_and_what_overflows(rng):
    x, y = rng.standard_normal((2, 50, 2))
    theta = random_directions(2, 3, rng)
    x[0] = np.finfo(np.float32).max
    assert np.isfinite(transport_costs(x, y, theta, 2)).all()
    x[0] = 1e200
    assert np.isfinite(transport_costs(x, y, theta, 1)).all()
    assert np.isinf(transport_costs(x, y, theta, 2)).all()
    for bad in (np.nan, np.inf):
        x[0] = bad
        with pytest.raises(ValueError, match="not finite"):
            transport_costs(x, y, theta, 1)
        with pytest.raises(ValueError, match="not finite"):
            transport_costs(y, x, theta, 1)


def test_directions_are_uniform_like_pots(rng):
    mine = random_directions(3, 4000, rng)
    theirs = import_pot().sliced.get_random_projections(3, 4000, seed=1).T
    assert mine.shape == theirs.shape
    assert_allclose(np.linalg.norm(mine, axis=1), 1)
    for x in (mine, theirs):
        assert_allclose(x.mean(axis=0), 0, atol=0.04)
        assert_allclose(x.T @ x / len(x), np.eye(3) / 3, atol=0.03)
    assert random_directions(1, 50, rng).tolist() == [[1.0]]


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 3), (6, 4), (5, 7), (1, 9)])
def test_coupling_has_the_right_marginals(n, m):
    i, j, mass = coupling(n, m)
    assert_allclose(np.bincount(i, mass, n), 1 / n, rtol=1e-12)
    assert_allclose(np.bincount(j, mass, m), 1 / m, rtol=1e-12)
    assert (np.diff(i) >= 0).all() and (np.diff(j) >= 0).all() and len(i) <= n + m - 1


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("m", [300, 220])
def test_the_ascent_moves_along_the_gradient(p, m):
    """A first step so short that it must climb turns the direction as finite differences do."""
    x, y = pair(300, m, 6)
    theta = random_directions(6, 4, np.random.default_rng(1))
    start, same = maximise_direction(x, y, theta, p, 0)
    assert_allclose(start, transport_costs(x, y, theta, p), rtol=1e-11)
    assert (same == theta).all()
    steps = 1e-6 * np.eye(6)
    slope = np.stack(
        [
            transport_costs(x, y, theta + step, p) - transport_costs(x, y, theta - step, p)
            for step in steps
        ],
        axis=1,
    )
    slope -= np.sum(slope * theta, axis=1, keepdims=True) * theta
    slope /= np.linalg.norm(slope, axis=1, keepdims=True)
    cost, found = maximise_direction(x, y, theta, p, 1)
    expected = theta + 0.5 * slope
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    climbed = cost > start
    assert climbed.any()
    assert_allclose(found[climbed], expected[climbed], atol=1e-4)
    assert (found[~climbed] == theta[~climbed]).all()


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("m", [300, 220])
def test_the_ascent_never_falls(p, m):
    x, y = pair(300, m, 6)
    theta = random_directions(6, 4, np.random.default_rng(1))
    start = before = maximise_direction(x, y, theta, p, 0)[0]
    for steps in (1, 5, 25):
        cost, found = maximise_direction(x, y, theta, p, steps)
        assert (cost >= before).all()
        assert_allclose(np.linalg.norm(found, axis=1), 1)
        assert_allclose(transport_costs(x, y, found, p), cost, rtol=1e-11)
        before = cost
    assert (before > start * 1.05).any()


def test_directions_do_not_depend_on_the_blocks(monkeypatch):
    x, y = pair(100, 80, 4)
    theta = random_directions(4, 20, np.random.default_rng(0))
    climbed, _ = maximise_direction(x, y, theta, 2, 5)
    monkeypatch.setattr(sliced_transport, "_BLOCK", 250)
    assert_allclose(maximise_direction(x, y, theta, 2, 5)[0], climbed, rtol=1e-9)


@pytest.mark.parametrize("p", [1, 1.5, 2])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_ascents_in_single_precision_climb_as_high(monkeypatch, p, offset):
    """Costs where they start are the same; what is found has the cost that POT computes there."""
    rng = np.random.default_rng(1)
    x, y = offset + rng.standard_t(2.5, (400, 4)), offset + 1.2 * rng.standard_t(2.5, (400, 4))
    theta = random_directions(4, 5, rng)
    start, climbed = maximise_direction(x, y, theta, p, 0)[0], maximise_direction(x, y, theta, p, 9)
    monkeypatch.setattr(sliced_transport, "_SINGLE", 100)
    single = maximise_direction(x, y, theta, p, 0)[0]
    assert np.allclose(single, start, rtol=1e-8)
    cost, found = maximise_direction(x, y, theta, p, 9)
    assert np.allclose(cost, climbed[0], rtol=1e-3)
    assert np.allclose(cost, transport_costs(x, y, found, p), rtol=1e-8)
    assert (cost >= single).all()


def test_the_order_in_single_precision():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_cauchy(500), [0.0, -0.0, 1e300, -1e300], np.round(x_of(rng))])
    assert np.array_equal(np.sort(single_order(x)), np.arange(len(x)))
    rising = x[single_order(x)]
    with np.errstate(over="ignore"):
        assert (np.diff(rising.astype(np.float32))[1:-1] >= 0).all()
    assert rising[0] == -1e300 and rising[-1] == 1e300


def x_of(rng):
    """Return values of which many are equal."""
    return 3 * rng.standard_normal(500)
