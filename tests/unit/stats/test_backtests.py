"""Backtests: their size and mean where the risks are exact."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest, chi2, norm

from tailbench.stats.backtests import acerbi_szekely_z2, kupiec_rejects

REPETITIONS = 2000


def test_the_size_of_kupiecs_test_by_repetition():
    rng = np.random.default_rng(0)
    losses = rng.binomial(20_000, 0.01, REPETITIONS)
    assert kupiec_rejects(losses, 20_000, 0.01).mean() == pytest.approx(0.05, abs=0.01)


def test_the_size_of_kupiecs_test_by_all_counts():
    counts = np.arange(20_001)
    size = binom.pmf(counts, 20_000, 0.01) @ kupiec_rejects(counts, 20_000, 0.01)
    assert size == pytest.approx(0.05, abs=0.005)


def test_kupiecs_ratio_by_the_likelihoods():
    for count in (0, 3, 10, 17, 30, 1000):
        log_ratio = binom.logpmf(count, 1000, count / 1000) - binom.logpmf(count, 1000, 0.01)
        assert kupiec_rejects(count, 1000, 0.01) == (2 * log_ratio > chi2.ppf(0.95, 1))
    # far from the bound the exact test agrees
    assert kupiec_rejects(25, 1000, 0.01) and binomtest(25, 1000, 0.01).pvalue < 0.001
    assert not kupiec_rejects(11, 1000, 0.01)


def test_z2_has_mean_zero_where_risks_are_exact():
    rng = np.random.default_rng(1)
    losses = rng.standard_normal((1000, REPETITIONS))
    at_risk = norm.ppf(0.975)
    shortfall = norm.pdf(at_risk) / 0.025
    values = acerbi_szekely_z2(losses, at_risk, shortfall, 0.025)
    assert values.mean() == pytest.approx(0, abs=3 * values.std() / np.sqrt(REPETITIONS))
    halved = acerbi_szekely_z2(losses, at_risk, shortfall / 2, 0.025)
    assert halved == pytest.approx(2 * values - 1)
