"""The onset of unimodality, of laws whose number of modes is known for every noise."""

import numpy as np
import pytest
from scipy.special import ndtr

from tailbench.stats.dip import dip, uniform_dip
from tailbench.stats.unimodal_onset import LARGEST_SCORE, unimodal_onset


def two_gaussians(n, dim, separation, std, seed):
    """A symmetric mixture along the first axis: one mode if the separation is at most 2 std."""
    rng = np.random.default_rng(seed)
    x = std * rng.standard_normal((n, dim))
    x[:, 0] += separation * (rng.integers(0, 2, n) - 0.5)
    return x


def exact_dip(separation, std):
    """The dip of the law itself, by 20,000 of its quantiles."""
    x = np.linspace(-separation / 2 - 6 * std, separation / 2 + 6 * std, 100_001)
    law = 0.5 * ndtr((x - separation / 2) / std) + 0.5 * ndtr((x + separation / 2) / std)
    return dip(np.interp((np.arange(20_000) + 0.5) / 20_000, law, x))


@pytest.mark.parametrize(("n", "dim"), [(2000, 1), (20_000, 1), (2000, 2)])
def test_onset_of_two_gaussians(n, dim):
    """At most the exact one, and there the law's dip is one that a sample may miss.

    A dip changes by no more than the distribution function, whose error is below 1.63/sqrt(n)
    with probability 0.99.
    """
    separation, std = 6.0, 1.0
    exact = np.sqrt((separation / 2) ** 2 - std**2)
    rows = two_gaussians(n, dim, separation, std, seed=1)
    onset = unimodal_onset(rows, 0.1, 10.0, np.random.default_rng(2))
    assert onset.is_unimodal and onset.level < 1.02 * exact
    mean, deviation = uniform_dip(n)
    missed = mean + LARGEST_SCORE * deviation + 1.63 / np.sqrt(n)
    assert exact_dip(separation, np.hypot(std, onset.level)) < missed
    assert exact_dip(separation, std) > 1.5 * missed  # or it would be no test


def test_more_rows_see_more_and_come_near_the_exact_onset():
    found = [
        unimodal_onset(two_gaussians(n, 1, 6.0, 1.0, 3), 0.1, 10.0, np.random.default_rng(4)).level
        for n in (500, 5000, 50_000)
    ]
    assert found == sorted(found)
    assert 0.8 < found[-1] / np.sqrt(8.0) < 1.02


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.standard_normal((3000, 3)),
        lambda rng: rng.standard_t(0.5, (3000, 2)),
        lambda rng: rng.pareto(0.4, (3000, 1)),
        lambda rng: rng.exponential(size=(3000, 4)),
        lambda rng: 1e6 + rng.standard_cauchy((3000, 2)),
    ],
)
def test_unimodal_data_get_the_least_level(draw):
    rows = draw(np.random.default_rng(5))
    onset = unimodal_onset(rows, 0.25, 16.0, np.random.default_rng(6))
    assert onset.level == 0.25 and onset.is_unimodal
    assert onset.scores[0.25] <= LARGEST_SCORE and list(onset.scores) == [0.25]


def test_modes_beyond_the_range_end_at_its_end():
    rows = two_gaussians(1000, 2, 1e6, 1.0, 7)
    onset = unimodal_onset(rows, 0.25, 16.0, np.random.default_rng(8))
    assert onset.level == 16.0 and not onset.is_unimodal
    single = unimodal_onset(rows, 4.0, 4.0, np.random.default_rng(8))
    assert single.level == 4.0 and not single.is_unimodal


def test_a_generator_decides_all_and_rows_are_scaled_with_their_noise():
    rows = two_gaussians(1000, 2, 6.0, 1.0, 9)
    one = unimodal_onset(rows, 0.25, 16.0, np.random.default_rng(10))
    assert unimodal_onset(rows, 0.25, 16.0, np.random.default_rng(10)) == one
    scaled = unimodal_onset(4.0 * rows, 1.0, 64.0, np.random.default_rng(10))
    assert scaled.level == pytest.approx(4.0 * one.level, rel=1e-12)
    assert min(one.scores.values()) <= LARGEST_SCORE < one.scores[0.25]
