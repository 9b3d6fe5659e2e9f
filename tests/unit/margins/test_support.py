"""Maps of columns with bounds: exact inverses, tails that keep their index, nothing outside."""

import math

import numpy as np
import pytest

from tailbench.margins.support import SupportMap, bounds_of

INF = math.inf
MAPS = [
    SupportMap(0.0, INF, 2.0),
    SupportMap(1e9, INF, 3.0),
    SupportMap(-INF, -5.0, 0.5),
    SupportMap(-1.0, 1.0, 0.4),
    SupportMap(0.0, 1e6, 2.0),
    SupportMap(0.1, 0.7, 0.2),
]


def within(one, n=2000):
    """Values all the way from bound to bound; far out where there is none."""
    steps = np.logspace(-12, 6, n // 2) * one.scale
    from_low, from_high = one.low + steps, one.high - steps
    x = np.concatenate([x for x in (from_low, from_high) if np.isfinite(x).all()])
    return x[(x > one.low) & (x < one.high)]


@pytest.mark.parametrize("one", MAPS)
def test_there_and_back(one):
    x = within(one)
    y = one.to_line(x)
    assert np.isfinite(y).all()
    bound = max((abs(b) for b in (one.low, one.high) if math.isfinite(b)), default=0.0)
    np.testing.assert_allclose(one.to_data(y), x, rtol=1e-12, atol=4 * np.spacing(bound))
    order = np.argsort(x)
    assert (np.diff(y[order]) >= 0).all() and np.diff(y[order]).max() > 0


@pytest.mark.parametrize("one", MAPS)
def test_nothing_is_beyond_the_bounds(one):
    far = np.logspace(-300, 300, 601)
    y = np.concatenate([-far, [0.0], far, np.linspace(-60, 60, 5001)])
    x = one.to_data(y)
    assert (x >= one.low).all() and (x <= one.high).all()
    assert not np.isnan(x).any()


def test_it_is_softplus_and_with_both_bounds_the_formula_of_the_docstring():
    y = np.linspace(-30, 30, 301)
    np.testing.assert_allclose(MAPS[0].to_data(y), 2.0 * np.log1p(np.exp(y)), rtol=1e-12)
    one = MAPS[3]
    x = np.linspace(-0.999, 0.999, 301)
    t, u = (x + 1.0) / 0.4, (1.0 - x) / 0.4
    expected = t + np.log(1 - np.exp(-t)) - np.log(1 - np.exp(-u))
    np.testing.assert_allclose(one.to_line(x), expected, rtol=1e-10, atol=1e-12)


def test_a_tail_keeps_its_index_and_its_scale():
    """Far from the bound the map is the identity in scales: so is every quantile of a tail."""
    x = np.array([1e2, 1e6, 1e12])
    np.testing.assert_allclose(MAPS[0].to_line(x), x / 2.0, rtol=1e-12)
    x = np.linspace(400.0, 1e6 - 400.0, 50)  # between bounds that are hundreds of scales away
    np.testing.assert_allclose(MAPS[4].to_line(x), x / 2.0, rtol=1e-12)


def test_bounds_of_the_data():
    losses = np.random.default_rng(0).pareto(2.0, 1000)
    assert bounds_of(losses) == (0.0, INF) and bounds_of(-losses) == (-INF, 0.0)
    assert bounds_of(losses - 1.0) == (-INF, INF)
    assert bounds_of(np.minimum(losses, 2.0) - 1.0) == (-INF, 1.0)
