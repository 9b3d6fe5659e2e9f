"""The table of the stable tail by the integral that it is made from, and by closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from tailbench.stats.stable import log_tail
from tailbench.stats.stable_table import stable_log_pdf, stable_log_tail

POINTS = np.array([1e-3, 0.013, 0.3, 1.234, 7.7, 55.5, 4321.0, 1e9])


@pytest.mark.parametrize("alpha", [0.5, 0.9, 1.3, 1.7, 1.99])
def test_between_nodes_it_is_the_integral(alpha):
    tail, pdf = log_tail(POINTS, alpha)
    np.testing.assert_allclose(stable_log_tail(POINTS, alpha), tail, rtol=0.0, atol=1e-7)
    np.testing.assert_allclose(stable_log_pdf(POINTS, alpha), pdf, rtol=0.0, atol=1e-4)
    np.testing.assert_allclose(stable_log_pdf(-POINTS, alpha), pdf, rtol=0.0, atol=1e-4)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.7, 2.0])
def test_both_sides_are_one(alpha):
    both = np.exp(stable_log_tail(POINTS, alpha)) + np.exp(stable_log_tail(-POINTS, alpha))
    np.testing.assert_allclose(both, 1.0, rtol=1e-12)
    assert stable_log_tail(np.zeros(1), alpha)[0] == pytest.approx(math.log(0.5), abs=1e-12)


@pytest.mark.parametrize(("alpha", "law"), [(1.0, stats.cauchy()), (2.0, stats.norm(scale=2**0.5))])
def test_closed_forms(alpha, law):
    x = np.concatenate([-POINTS[:5], POINTS[:5]])
    np.testing.assert_allclose(stable_log_tail(x, alpha), law.logsf(x), rtol=1e-10)
    np.testing.assert_allclose(stable_log_pdf(x, alpha), law.logpdf(x), rtol=1e-10)


def test_beyond_the_table_it_is_a_power_law():
    value = stable_log_tail(np.array([1e30, 1e40]), 1.7)
    assert np.diff(value)[0] == pytest.approx(-1.7 * 10 * math.log(10.0), rel=1e-9)
    constant = math.gamma(1.7) * math.sin(0.85 * math.pi) / math.pi
    assert value[0] == pytest.approx(math.log(constant) - 1.7 * math.log(1e30), rel=1e-6)
