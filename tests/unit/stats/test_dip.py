"""The dip against linear programmes, closed forms and published percentage points."""

import numpy as np
import pytest
from scipy.optimize import linprog

from tailbench.exceptions import InputError
from tailbench.stats.dip import dip, dip_score, uniform_dip


def by_linear_programmes(x):
    """The dip by its definition: for every mode the nearest unimodal law, a linear programme.

    Unknown are the values at the points, twice at the mode, where the law may jump, and the
    distance. A mode between two points can be moved to one of them without loss.
    """
    at, counts = np.unique(x, return_counts=True)
    above = np.cumsum(counts) / counts.sum()
    below = above - counts / counts.sum()
    least = 1.0
    for k in range(len(at)):
        place = np.concatenate([at[: k + 1], at[k:]])
        low = np.concatenate([above[:k], [below[k]], above[k:]])
        high = np.concatenate([below[: k + 1], [above[k]], below[k + 1 :]])
        one, rows, bounds = np.eye(len(place) + 1), [], []
        distance = one[-1]
        for i in range(len(place)):
            rows += [-one[i] - distance, one[i] - distance]
            bounds += [-low[i], high[i]]
        for i in range(len(place) - 1):
            rows.append(one[i] - one[i + 1])
            bounds.append(0.0)
        for i in range(1, len(place) - 1):
            if i in (k, k + 1):
                continue
            left, right = np.diff(place[i - 1 : i + 2])
            bend = (left + right) * one[i] - right * one[i - 1] - left * one[i + 1]
            rows.append(bend if i < k else -bend)
            bounds.append(0.0)
        limits = [(0, 1)] * len(place) + [(0, None)]
        found = linprog(distance, np.array(rows), bounds, bounds=limits)
        if found.status == 0:
            least = min(least, found.fun)
    return least


DRAWS = {
    "uniform": lambda rng, n: rng.random(n),
    "ties": lambda rng, n: rng.integers(0, 5, n),
    "heavy": lambda rng, n: rng.standard_t(0.7, n),
    "two groups": lambda rng, n: rng.random(n) + 4 * rng.integers(0, 2, n),
}


@pytest.mark.parametrize("kind", DRAWS)
def test_small_samples_by_linear_programmes(kind):
    rng = np.random.default_rng(3)
    for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11):
        x = np.asarray(DRAWS[kind](rng, n), np.float64)
        assert dip(x) == pytest.approx(by_linear_programmes(x), abs=1e-7), sorted(x)


@pytest.mark.parametrize("counts", [(5, 5), (2, 8), (9, 1)])
def test_two_points_have_half_the_mass_of_the_lighter(counts):
    x = np.repeat([-3.0, 1e6], counts)
    assert dip(x) == pytest.approx(min(counts) / sum(counts) / 2, abs=1e-15)


def test_equal_steps_have_the_least_dip_and_equal_values_none():
    assert dip(np.arange(10.0)) == pytest.approx(1 / 20, abs=1e-15)
    assert dip(np.full(10, 7.0)) == dip(np.array([2.0])) == 0.0


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_groups_far_apart_tend_to_half_of_the_lighter(share):
    rng = np.random.default_rng(4)
    n = 4000
    x = np.concatenate([rng.random(round(share * n)), 1e7 + rng.random(n - round(share * n))])
    assert dip(x) == pytest.approx(share / 2, abs=1e-6)


@pytest.mark.parametrize("index", [0.3, 1.0, 2.5])
def test_affine_maps_change_nothing_and_others_do(index):
    """Also where a law has no moment, and values are beyond 1e6 and on one side."""
    rng = np.random.default_rng(5)
    x = rng.pareto(index, 3000)
    assert index > 0.3 or x.max() > 1e6
    for scale in (-0.25, 4.0):
        assert dip(scale * x) == pytest.approx(dip(x), rel=1e-12)
    assert dip(1e3 * x - 7.0) == pytest.approx(dip(x), abs=1e-9)
    two = np.concatenate([rng.normal(0, 1, 500), rng.normal(8, 1, 500)])
    assert dip(np.exp(two)) < 0.6 * dip(two)


QUANTILES = {
    10: {0.1: 0.07797, 0.5: 0.09778, 0.9: 0.13046},
    50: {0.1: 0.03773, 0.5: 0.04885, 0.9: 0.06491},
    200: {0.1: 0.01979, 0.5: 0.02558, 0.9: 0.03400},
}
"""Of the dip of uniform samples, by the million samples of Maechler's table (2003 and later)."""


@pytest.mark.parametrize("n", QUANTILES)
def test_uniform_samples_meet_the_percentage_points(n):
    rng = np.random.default_rng(n)
    found = np.array([dip(rng.random(n)) for _ in range(1500)])
    for level, value in QUANTILES[n].items():
        error = np.sqrt(level * (1.0 - level) / len(found))
        assert abs((found <= value).mean() - level) < 3.5 * error


@pytest.mark.parametrize("n", [30, 1000, 20_000])
def test_mean_and_deviation_of_uniform_samples(n):
    """Against other samples; the limit law is taken to hold from 1,000 points on, to 2 %."""
    rng, draws = np.random.default_rng(6), 150
    found = np.array([dip(rng.random(n)) for _ in range(draws)])
    mean, std = uniform_dip(n)
    error = std * np.sqrt(1 / draws + 1 / 400)
    assert abs(found.mean() - mean) < 3.5 * error + (0.02 * mean if n > 1000 else 0.0)
    assert abs(found.std() / std - 1.0) < 0.25


@pytest.mark.parametrize("draw", ["standard_normal", "standard_cauchy", "exponential"])
def test_scores_of_one_mode_and_of_two(draw):
    rng = np.random.default_rng(7)
    x = getattr(rng, draw)(size=3000)
    assert dip_score(x) < 0.0
    assert dip_score(np.concatenate([x, x + 6.0])) > 10.0


def test_what_has_no_dip():
    for x in ([], [0.0, np.inf], [0.0, np.nan], [-1.7e308, 1.7e308]):
        with pytest.raises(InputError, match="finite range"):
            dip(np.array(x))
    with pytest.raises(InputError, match="at least 4 points, not by 3"):
        dip_score(np.arange(3.0))
