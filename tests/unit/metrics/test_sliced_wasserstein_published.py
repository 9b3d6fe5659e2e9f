"""Distances by the searches of others, against POT and where the direction is known."""

import math

import numpy as np
import pytest

from tailbench.metrics.sliced_wasserstein import SlicedWasserstein
from tailbench.metrics.sliced_wasserstein_published import SlicedWassersteinPublished
from tailbench.stats import sorted_transport
from tailbench.stats.pot import import_pot
from tailbench.stats.sliced_transport import random_directions
from tailbench.stats.stereographic_ascent import stereographic_ascent

QUICK = {"steps": 300, "rate": 0.02}


def run(metric, x, y, seed=0):
    return metric(x, y, None, np.random.default_rng(seed))


@pytest.mark.parametrize(("n", "m"), [(400, 400), (400, 150)])
def test_the_first_is_pots_own_function(n, m, monkeypatch):
    rng = np.random.default_rng(0)
    x, y = 1e6 * rng.pareto(2.5, (n, 6)), 1e6 * rng.pareto(3.0, (m, 6))
    theta = random_directions(6, 50, np.random.default_rng(0))
    expected = import_pot().max_sliced_wasserstein_distance(x, y, p=2, projections=theta.T)
    found = run(SlicedWassersteinPublished(steps=1), x, y)
    assert found["max_sw2_pot"] == pytest.approx(expected, rel=1e-11)
    monkeypatch.setattr(sorted_transport, "_BY_POT", 100)
    found = run(SlicedWassersteinPublished(steps=1), x, y)
    assert found["max_sw2_pot"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_a_translation_is_found_from_one_start_in_any_unit(unit):
    """All of the gap is along the shift, and so is the gradient: there is one maximum."""
    rng = np.random.default_rng(1)
    y = rng.standard_t(2.5, (1000, 5))
    shift = 0.7 * rng.standard_normal(5)
    values = run(SlicedWassersteinPublished(**QUICK), unit * (y + shift), unit * y)
    length = unit * np.linalg.norm(shift)
    # Adam turns the direction by about its rate at each step, also at the end.
    assert values["max_sw2_headline"] == pytest.approx(length, rel=1e-3)
    assert values["max_sw2_headline"] <= length * (1 + 1e-12)
    assert values["max_sw2_pot"] < values["max_sw2_headline"]


def test_the_ascent_moves_along_the_gradient_in_its_parameter():
    """Adam's first step is its rate in the sign of the gradient, by finite differences."""
    rng = np.random.default_rng(2)
    x, y = rng.standard_t(3, (300, 4)), 2 * rng.standard_t(3, (220, 4)) + 0.5
    theta = random_directions(4, 1, rng)[0]
    (u, moved) = (
        v[:-1] / (1 - v[-1])
        for v in (theta, stereographic_ascent(x, y, theta, rate=1e-3, tolerance=0.0, steps=1))
    )

    def distance(u):
        direction = np.append(2 * u, u @ u - 1) / (u @ u + 1)
        return import_pot().wasserstein_1d(x @ direction, y @ direction, p=2)

    slope = [distance(u + step) - distance(u - step) for step in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(moved - u, 1e-3 * np.sign(slope), rtol=1e-5)


def test_tails_do_not_count_in_the_bulk_and_an_empty_bulk_is_no_number():
    rng = np.random.default_rng(3)
    x, y = rng.standard_t(2.5, (2, 3000, 2))
    low, high = np.quantile(y, [0.1, 0.9], axis=0)
    far = x.copy()
    far[~((x >= low) & (x <= high)).all(axis=1)] *= 1e6
    near, spoilt = (run(SlicedWassersteinPublished(**QUICK), z, y) for z in (x, far))
    assert spoilt["max_sw2_headline_bulk"] == near["max_sw2_headline_bulk"]
    assert spoilt["max_sw2_headline"] > 1e3 * near["max_sw2_headline"]
    few = run(SlicedWassersteinPublished(**QUICK), *rng.standard_normal((2, 50, 30)))
    assert math.isnan(few["max_sw2_headline_bulk"]) and few["max_sw2_headline"] > 0


def test_they_are_lower_bounds_of_ours_and_equal_on_a_line():
    rng = np.random.default_rng(4)
    x, y = rng.standard_t(3, (800, 6)), rng.standard_t(3, (800, 6)) + 0.5
    values = run(SlicedWassersteinPublished(**QUICK), x, y)
    ours = run(SlicedWasserstein(units="raw"), x, y)["max_sw2"]
    assert values["max_sw2_pot"] <= ours * (1 + 1e-9)
    assert values["max_sw2_headline"] <= ours * 1.01  # both are searches: neither finds all
    line = run(SlicedWassersteinPublished(), x[:, :1], y[:, :1])
    exact = np.sqrt(np.mean((np.sort(x[:, 0]) - np.sort(y[:, 0])) ** 2))
    assert line["max_sw2_pot"] == pytest.approx(exact) == pytest.approx(line["max_sw2_headline"])


def test_a_search_on_some_rows_is_judged_on_all():
    rng = np.random.default_rng(5)
    y = rng.standard_normal((4000, 4))
    found = run(SlicedWassersteinPublished(search_rows=500, **QUICK), y + 0.5, y)
    assert found["max_sw2_headline"] == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("m", [3000, 2000])
def test_an_order_in_single_precision_finds_the_same_direction(m):
    rng = np.random.default_rng(6)
    x, y = rng.standard_t(3, (3000, 5)) * [1, 2, 1, 1, 1], rng.standard_t(3, (m, 5))
    start = random_directions(5, 1, rng)[0]
    options = {"rate": 0.02, "tolerance": 1e-7, "steps": 200}
    exact, single = (stereographic_ascent(x, y, start, single=s, **options) for s in (False, True))
    np.testing.assert_allclose(single, exact, atol=1e-5)
    far = x.copy()
    far[0] = 3e38  # its projections are beyond single precision
    assert np.isfinite(stereographic_ascent(far, y, start, single=True, **options)).all()


def test_equal_sizes_are_paired_as_the_plan_of_unequal_ones_has_them():
    """Each point twice is the same law, whose plan is that of unequal sizes."""
    rng = np.random.default_rng(7)
    x, y = 2 * rng.standard_t(3, (500, 4)), rng.standard_t(3, (500, 4))
    start = random_directions(4, 1, rng)[0]
    options = {"rate": 0.02, "tolerance": 0.0, "steps": 50}
    one = stereographic_ascent(x, y, start, **options)
    np.testing.assert_allclose(
        stereographic_ascent(np.repeat(x, 2, axis=0), y, start, **options), one, atol=1e-9
    )
