"""Power and size of the decision that a tail is heavy, and the law that it fits."""

import numpy as np
import pytest
from scipy.stats import expon, genpareto

from tailbench.stats.tail_decision import fit_excesses, heavy_index
from tailbench.stats.tail_index import estimate_sides

REPEATS = 200


def share_heavy(draw, rows=1000):
    """Return the share of upper sides that are called heavy."""
    rng = np.random.default_rng(0)
    x = np.stack([draw(rng, rows) for _ in range(REPEATS)], axis=1)
    return np.mean([high.tail == "heavy" for _, high in estimate_sides(x)])


def test_power_at_a_thousand_rows():
    """At least 85 %, by two standard errors of the share."""
    share = share_heavy(lambda rng, n: rng.standard_t(2.5, n))
    assert share - 2 * np.sqrt(share * (1 - share) / REPEATS) >= 0.85


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.standard_normal(n),
        lambda rng, n: rng.random(n),
        lambda rng, n: rng.beta(2, 5, n),
    ],
)
def test_lighter_than_exponential_tails_are_not_heavy(draw):
    assert share_heavy(draw) <= 0.01


def test_the_size_is_that_of_the_exponential_law():
    """5 % by the test, within three standard errors, from 30 values to 600."""
    for k in (30, 150, 600):
        rng = np.random.default_rng(k)
        heavy = [
            heavy_index(rng.standard_exponential(2 * k), k, 0.0) is not None for _ in range(300)
        ]
        assert abs(np.mean(heavy) - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("xi", [0.1, 0.4, 1.0, 2.5])
def test_the_fit_is_that_of_maximal_likelihood(xi):
    y = np.sort(genpareto.rvs(xi, size=400, random_state=3))
    fit = fit_excesses(y)
    shape, _, scale = genpareto.fit(y, floc=0.0)
    gain = genpareto.logpdf(y, shape, scale=scale).sum() - expon.logpdf(y, scale=y.mean()).sum()
    assert fit.root == pytest.approx(np.sqrt(2 * gain), rel=2e-3)
    assert fit.xi == pytest.approx(shape, rel=0.04)
    assert abs(fit.xi - xi) < 4 * (1 + xi) / np.sqrt(len(y))
    assert fit.distance < 1.1


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_units_do_not_matter(unit):
    y = np.random.default_rng(0).pareto(1.5, 400)
    assert heavy_index(unit * y, 30) == pytest.approx(heavy_index(y, 30), rel=1e-9)


def test_an_index_below_one_is_found():
    """Of tails without a mean, within four standard errors of the fit by 150 values."""
    y = np.random.default_rng(0).pareto(0.5, 500)
    assert abs(heavy_index(y, 30) - 2.0) < 4 * 3.0 / np.sqrt(150)


def test_a_small_mode_far_out_is_no_heavy_tail():
    """The bulk and the mode together are overdispersed, and no Pareto law."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(100):
        y = np.abs(rng.standard_normal(475)), 12.0 + rng.standard_normal(25)
        found.append(heavy_index(np.concatenate(y), 30))
    assert sum(index is not None for index in found) <= 5


def test_ties():
    rng = np.random.default_rng(0)
    capped = np.minimum(rng.pareto(1.0, 500), 3.0)
    assert heavy_index(capped, 30) is None
    assert heavy_index(np.ones(500), 30) is None
    coarse = np.ceil(20 * rng.pareto(1.5, 2000)) / 20
    assert heavy_index(coarse, 100) == pytest.approx(2 / 3, abs=4 * (5 / 3) / np.sqrt(140))


def test_the_threshold_is_the_least_index():
    y = np.random.default_rng(0).pareto(1.5, 500)
    index = heavy_index(y, 30)
    assert heavy_index(y, 30, index - 1e-9) == index
    assert heavy_index(y, 30, index + 1e-9) is None


def test_few_values():
    assert heavy_index(np.random.default_rng(0).pareto(0.5, 30), 28) is None


def test_a_lognormal_tail_looks_heavy():
    """As often as docs/explanation/tails.md says, by three standard errors of both shares."""
    share = share_heavy(lambda rng, n: np.exp(rng.standard_normal(n)))
    assert abs(share - 0.89) < 3 * np.sqrt(0.89 * 0.11 * (1 / REPEATS + 1 / 300))
