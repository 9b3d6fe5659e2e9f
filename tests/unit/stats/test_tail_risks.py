"""Value at risk and expected shortfall: against NumPy, the metric, and the bootstrap of SciPy."""

import numpy as np
import pytest
from scipy import stats

from tailbench.metrics.expected_shortfall import expected_shortfall
from tailbench.stats.tail_risks import tail_risks

LEVELS = (0.95, 0.99, 0.999)


@pytest.mark.parametrize("n", [1, 2, 37, 5000])
@pytest.mark.parametrize("centre", [0.0, 1e6])
def test_estimates_are_those_of_numpy_and_of_the_metric(n, centre):
    x = centre + np.random.default_rng(n).pareto(0.8, (n, 3))
    found, draws = tail_risks(x, LEVELS, 5, np.random.default_rng(0))
    assert found.shape == (2, 3, 3) and draws.shape == (5, 2, 3, 3)
    for i, level in enumerate(LEVELS):
        np.testing.assert_allclose(found[0, i], np.quantile(x, level, axis=0), rtol=1e-12)
        np.testing.assert_allclose(found[1, i], expected_shortfall(x, level), rtol=1e-12)


def test_draws_have_the_law_of_resampled_rows():
    """Both bootstraps of one column, 2,000 draws each: no difference by Kolmogorov-Smirnov."""
    x = np.random.default_rng(1).standard_t(3, (400, 1))
    _, draws = tail_risks(x, (0.95,), 2000, np.random.default_rng(2))
    rng = np.random.default_rng(3)
    resamples = x[rng.integers(400, size=(2000, 400)), 0].T
    quantiles = np.quantile(resamples, 0.95, axis=0)
    shortfalls = expected_shortfall(resamples, 0.95)
    for own, other in ((draws[:, 0, 0, 0], quantiles), (draws[:, 1, 0, 0], shortfalls)):
        # both have atoms, which the last bit would split
        assert stats.ks_2samp(own.round(9), other.round(9)).pvalue > 0.01


def test_intervals_cover_the_exact_quantile():
    """Of 400 Pareto samples the 95 % intervals of VaR hold the truth about 95 times in 100."""
    alpha, level = 1.5, 0.95
    x = np.random.default_rng(4).pareto(alpha, (1000, 400)) + 1
    _, draws = tail_risks(x, (level,), 400, np.random.default_rng(5))
    low, high = np.quantile(draws[:, 0, 0], [0.025, 0.975], axis=0)
    truth = (1 - level) ** (-1 / alpha)
    share = np.mean((low <= truth) & (truth <= high))
    assert abs(share - 0.95) < 0.04  # three standard errors, and what the bootstrap lacks


def test_one_sided_ties_and_bad_input():
    zeros = np.zeros((50, 1))
    zeros[:2] = 7.0
    found, _ = tail_risks(zeros, (0.95,), 3, np.random.default_rng(0))
    assert found[1, 0, 0] == pytest.approx(14 / 2.5)
    with pytest.raises(ValueError, match="not \\(n, d\\)"):
        tail_risks(np.zeros(3), (0.95,), 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="levels"):
        tail_risks(zeros, (0.2,), 3, np.random.default_rng(0))
