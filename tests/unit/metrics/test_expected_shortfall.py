import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from scipy import stats

from tailbench.metrics.expected_shortfall import ExpectedShortfall, expected_shortfall


@pytest.mark.parametrize("nu", [3, 5, 30])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_student_t_has_the_closed_form(nu, level):
    n = 2_000_000
    x = stats.t.ppf((np.arange(n) + 0.5) / n, nu)[:, None]
    q = stats.t.ppf(level, nu)
    exact = stats.t.pdf(q, nu) * (nu + q**2) / ((nu - 1) * (1 - level))
    assert expected_shortfall(x, level).item() == pytest.approx(exact, rel=2e-3)


@pytest.mark.parametrize(
    ("level", "expected"), [(0.5, 8.0), (0.9, 10.0), (0.99, 10.0), (0.75, (10 + 9 + 8 / 2) / 2.5)]
)
def test_small_known_answers(level, expected):
    x = np.arange(1.0, 11.0)[::-1, None]
    assert expected_shortfall(x, level).item() == pytest.approx(expected)


@pytest.mark.parametrize(("n", "k"), [(100, 1), (200, 2), (1000, 10), (20_000, 200)])
def test_whole_shares_are_plain_means(n, k, rng):
    x = rng.standard_normal((n, 3))
    expected = np.sort(x, axis=0)[-k:].mean(axis=0)
    assert expected_shortfall(x, 0.99) == pytest.approx(expected, rel=1e-9)


def test_relative_errors_are_averaged(rng):
    y = rng.standard_t(4, (5000, 2))
    y -= np.median(y, axis=0)
    x = y.copy()
    x[x[:, 0] > 0, 0] *= 1.4
    x[x[:, 1] < 0, 1] *= 0.8
    assert ExpectedShortfall()(x, y, None, rng)["es99_error"] == pytest.approx((0.4 + 0.2) / 4)
    assert ExpectedShortfall()(0 * x, y, None, rng)["es99_error"] == pytest.approx(1)


@given(shift=st.floats(-1e3, 1e3), scale=st.floats(1e-3, 1e3))
@budget(max_examples=20, deadline=None)
def test_neither_place_nor_scale_matters(shift, scale):
    rng = np.random.default_rng(0)
    x, y = rng.standard_t(3, (2, 500, 2))
    plain = ExpectedShortfall()(x, y, None, rng)["es99_error"]
    moved = ExpectedShortfall()(scale * (x + shift), scale * (y + shift), None, rng)["es99_error"]
    assert moved == pytest.approx(plain, rel=1e-5)


def test_it_needs_a_mean(truth):
    metric = ExpectedShortfall()
    assert metric.applies(None)
    assert metric.applies(truth())
    assert metric.applies(truth(index=np.array([1.1, np.inf])))
    assert not metric.applies(truth(index=np.array([1.0, 3.0])))


def test_tails_of_no_length_are_left_out(rng):
    y = np.zeros((1000, 2))
    assert np.isnan(ExpectedShortfall()(y + 1, y, None, rng)["es99_error"])
    y[:100, 0] = 1
    x = y.copy()
    x[:, 0] *= 3
    assert ExpectedShortfall()(x, y, None, rng)["es99_error"] == pytest.approx(2)
