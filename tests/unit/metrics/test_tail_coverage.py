import numpy as np
import pytest
from scipy.stats import pareto

from tailbench.metrics.tail_coverage import TailCoverage

N = 20_000


def quantiles_of(index):
    """Return the points ``(i - 1/2) / n`` of a Pareto law as a sample, shape ``(n, 1)``."""
    return pareto(index).ppf((np.arange(N) + 0.5) / N)[:, None]


def test_the_exact_law(truth, rng):
    """Beyond the 1 - p quantile of the index 2, the index 3 has the mass p^(3/2)."""
    law = truth(dim=1, ppf=pareto(2).ppf)
    values = TailCoverage()(quantiles_of(3), quantiles_of(2), law, rng)
    beyond = np.array([0.1, 0.05, 0.01, 0.005, 0.001])
    count = np.rint(N * beyond**1.5)
    expected = np.mean(np.abs(np.log((count + 0.5) / (N * beyond + 0.5))))
    assert values["coverage_error_upper"] == pytest.approx(expected, abs=1e-9)
    assert law.asked == 1


def test_a_doubled_share_of_one_tail(rng):
    y = np.concatenate([-pareto(2).rvs(N, random_state=rng), pareto(2).rvs(N, random_state=rng)])
    far = y > np.quantile(y, 0.9)
    x = np.concatenate([y, y[far]])
    values = TailCoverage()(x[:, None], y[:, None], None, rng)
    assert values["coverage_error_upper"] == pytest.approx(np.log(2 / 1.1), abs=0.01)
    # Ten per cent more rows leave the other tail less of all; the mass beyond it did not change.
    assert values["coverage_error_lower"] == pytest.approx(np.log(1.1), abs=0.01)


def test_no_sample_in_a_tail_has_a_finite_error(rng):
    y = rng.standard_t(1, (2000, 2))
    values = TailCoverage()(np.zeros_like(y), y, None, rng)
    counts = np.array([200, 100, 20, 10])  # 99.9 % has two rows, and is left out
    assert values["coverage_error_upper"] == pytest.approx(np.mean(np.log((counts + 0.5) / 0.5)))
    assert values["coverage_error_lower"] == pytest.approx(np.mean(np.log((counts + 0.5) / 0.5)))


def test_atoms_and_rising_maps(rng):
    y = np.maximum(rng.standard_normal((5000, 1)), 0)  # half of the values are zero
    assert TailCoverage()(y, y, None, rng) == {
        "coverage_error_upper": 0.0,
        "coverage_error_lower": 0.0,
    }
    x, y = rng.standard_t(2, (2, 3000, 3))
    plain = TailCoverage()(x, y, None, rng)
    # Quantiles between two rows are not those of a curved map; the counts beyond them are.
    assert TailCoverage()(x**3, y**3, None, rng) == pytest.approx(plain, rel=0.05)


def test_the_floor(rng):
    found = [TailCoverage()(*rng.standard_t(2, (2, N, 2)), None, rng) for _ in range(20)]
    # Both counts vary: |N(0, 2 / count)| has the mean 2 / sqrt(pi count).
    expected = np.mean(2 / np.sqrt(np.pi * N * (1 - np.array([0.9, 0.95, 0.99, 0.995, 0.999]))))
    for key in found[0]:
        assert np.mean([v[key] for v in found]) == pytest.approx(expected, rel=0.25)


def test_too_few_rows(rng):
    values = TailCoverage()(*rng.normal(size=(2, 50, 2)), None, rng)
    assert np.isnan(list(values.values())).all()
