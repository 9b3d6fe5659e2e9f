"""The tail-weighted distance, on a line and over many."""

import numpy as np
import pytest
from scipy.special import ndtr

from tailbench.stats.sliced_tails import SlicedReference, projections, tail_weighted_distance


def test_a_sample_is_at_no_distance_from_itself():
    x = np.random.default_rng(0).standard_normal(101)
    assert tail_weighted_distance(x, x[::-1]) == 0.0
    assert tail_weighted_distance(np.repeat(x, 3), x) == pytest.approx(0.0, abs=1e-15)


def test_the_sum_of_the_docstring():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal(300), rng.standard_normal(50)
    p = ((np.arange(50) + 0.5) / 50)[10:-10]
    f = np.array([(x < v).mean() for v in np.sort(y)[10:-10]])
    assert tail_weighted_distance(x, y) == pytest.approx(
        np.sum(((f - p) / (p * (1 - p))) ** 2) / 50
    )


def test_gaussians_of_two_scales_are_the_integral():
    """Of ((Phi(y / s) - Phi(y)) / (Phi(y) Phi(-y)))^2 over the law of y; smaller s: lost tails."""
    rng = np.random.default_rng(2)
    y = np.linspace(-8, 8, 20_001)
    weight = np.exp(-0.5 * y**2) / np.sqrt(2 * np.pi) * (y[1] - y[0])
    expected = np.sum(weight * ((ndtr(y / 0.8) - ndtr(y)) / (ndtr(y) * ndtr(-y))) ** 2)
    found = tail_weighted_distance(0.8 * rng.standard_normal(400_000), rng.standard_normal(400_000))
    assert found == pytest.approx(expected, rel=0.02)


def test_under_one_law_every_level_counts_the_same():
    """At a level p the error squared over p (1 - p) has the mean 1/n + 1/m, so that the integral
    over log(p / (1 - p)) is that times its length, from the first level to the last."""
    rng = np.random.default_rng(3)
    n, m = 4000, 400
    found = [
        tail_weighted_distance(rng.standard_cauchy(n), rng.standard_cauchy(m)) for _ in range(400)
    ]
    levels = (np.arange(m) + 0.5) / m
    inner = levels[10:-10]
    expected = (1 / n + 1 / m) * np.sum(1 / (inner * (1 - inner))) / m
    assert np.mean(found) == pytest.approx(expected, rel=0.15)


def test_ranks_alone_count():
    rng = np.random.default_rng(4)
    x, y = rng.standard_t(1, 300), rng.standard_t(1, 200)
    assert tail_weighted_distance(np.arcsinh(x), np.arcsinh(y)) == tail_weighted_distance(x, y)
    far = np.append(x, 1e300)
    assert tail_weighted_distance(far, y) == pytest.approx(tail_weighted_distance(x, y), abs=0.05)


def test_atoms_of_one_law_agree():
    rain = np.zeros(1000)
    rain[:300] = np.arange(300)
    again = np.zeros(500)
    again[:150] = np.arange(150) * 2
    assert tail_weighted_distance(again, rain) < 5e-3
    assert tail_weighted_distance(np.arange(500.0), rain) > 0.3


def test_over_lines_it_is_the_mean_also_of_parts_of_the_data():
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((50, 4)), rng.standard_normal((70, 4))
    x[:5], y[:9, 1] = y[:5], 0.25  # points in common, and ties
    parts = [np.arange(40), np.arange(40, 70)]
    found = SlicedReference(y, parts).distances(x)
    assert found.shape == (3,)
    for value, rows in zip(found, (np.arange(70), *parts), strict=True):
        lines = [tail_weighted_distance(x[:, j], y[rows, j]) for j in range(4)]
        assert value == pytest.approx(np.mean(lines))


def test_projections_are_in_quartile_ranges_of_the_reference():
    rng = np.random.default_rng(6)
    reference = np.array([3.0, -1e9]) + np.array([1e-3, 1e6]) * rng.standard_normal((5000, 2))
    lines = projections(reference, np.eye(2), reference)
    assert lines.shape == (5000, 3)
    low, centre, high = np.quantile(lines[:, :2], [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_allclose(high - low, 1.0, rtol=1e-6)
    np.testing.assert_allclose(centre, 0.0, atol=1e-6)
    np.testing.assert_allclose(lines[:, 2], np.hypot(lines[:, 0], lines[:, 1]))
