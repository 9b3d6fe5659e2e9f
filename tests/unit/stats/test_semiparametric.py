"""One column's law: exact inverses, tails of each side, bounds, atoms and far values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tailbench.stats.generalised_pareto import ParetoTail, fit_pareto_tail, fit_scale
from tailbench.stats.semiparametric import (
    KNOTS,
    SemiparametricLaw,
    fit_laws,
    pseudo_levels,
    stack_laws,
    unstack_laws,
)

N = 20_000
COLUMNS = {
    "student": lambda rng: rng.standard_t(2.5, N),
    "index below 1": lambda rng: rng.uniform(size=N) ** -1.25 - 1.0,
    "two sides": lambda rng: np.where(
        rng.random(N) < 0.5, rng.uniform(size=N) ** -0.5, -(rng.uniform(size=N) ** -0.25)
    ),
    "gaussian": lambda rng: rng.standard_normal(N),
    "uniform": lambda rng: rng.uniform(1.0, 2.0, N),
    "exponential": lambda rng: rng.standard_exponential(N),
    "negative": lambda rng: -np.exp(rng.standard_normal(N)),
    "far from zero": lambda rng: 1e6 + rng.standard_t(3.0, N),
    "large": lambda rng: 1e6 * rng.standard_cauchy(N),
    "enormous": lambda rng: 1e290 * rng.standard_t(4.0, N),
    "few": lambda rng: rng.standard_t(3.0, 40),
    "three": lambda rng: np.array([1.0, 2.0, 4.0]),
}
DEEP = 10.0 ** np.arange(-200, -2, 11.0)


@pytest.fixture(params=COLUMNS)
def column(request):
    return COLUMNS[request.param](np.random.default_rng(0))


def rain(rng, n=N):
    """Two days in three are dry; one in a hundred meets the end of the gauge."""
    wet = np.minimum(rng.standard_exponential(n) ** 2, 12.0)
    return np.where(rng.random(n) < 2 / 3, 0.0, wet)


def test_quantile_and_distribution_function_are_inverse(column):
    law = SemiparametricLaw.fit(column)
    if law.low.mass == 0:  # three values: the ends are atoms
        return
    p = np.linspace(1e-4, 1 - 1e-4, 2001)
    scale = np.ptp(law.values)
    if np.abs(law.values).max() < 1e3 * scale:
        np.testing.assert_allclose(law.cdf(law.quantile(p)), p, rtol=1e-9)
    np.testing.assert_allclose(law.quantile(law.cdf(column)), column, rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("name", ["student", "index below 1", "large"])
def test_the_far_tail_is_exact(name):
    law = SemiparametricLaw.fit(COLUMNS[name](np.random.default_rng(1)))
    x = law.quantile(1.0 - DEEP, DEEP)
    assert x[0] > 1e60 * x[-1] and np.isfinite(x).all()
    np.testing.assert_allclose(law.survival(x), DEEP, rtol=1e-11)
    np.testing.assert_allclose(law.quantile(1.0 - law.survival(x), law.survival(x)), x, rtol=1e-10)
    if law.low.xi > 0 and not law.low.ends:
        low = law.quantile(DEEP)
        np.testing.assert_allclose(law.cdf(low), DEEP, rtol=1e-11)
        assert low[0] < -1e30
    for far in (1e6, 1e100, 1e300 if law.high.xi > 0.9 else 1e110):
        q = law.survival(np.array([far]))
        assert 0 < q[0] < 1
        np.testing.assert_allclose(law.quantile(1.0 - q, q), far, rtol=1e-9)


def test_it_rises_and_is_continuous_at_the_thresholds(column):
    law = SemiparametricLaw.fit(column)
    p = np.concatenate([10.0 ** np.arange(-15, -4.0), np.linspace(1e-4, 0.9999, 3000)])
    assert (np.diff(law.quantile(p)) >= 0).all()
    assert (np.diff(law.quantile(1.0 - p[::-1], p[::-1])) >= 0).all()
    scale = np.ptp(law.values)
    for tail, sign in ((law.low, -1.0), (law.high, 1.0)):
        if tail.mass:
            u = sign * tail.threshold
            around = np.array([tail.mass * (1.0 - 1e-9), tail.mass * (1.0 + 1e-9)])
            levels = (around, 1.0 - around) if sign < 0 else (1.0 - around, around)
            np.testing.assert_allclose(law.quantile(*levels), u, rtol=1e-12, atol=1e-5 * scale)
            beside = u + 1e-9 * scale * np.array([-1.0, 0.0, 1.0])
            beyond = law.cdf(beside) if sign < 0 else law.survival(beside)
            np.testing.assert_allclose(beyond, tail.mass, rtol=1e-6)


def test_it_fits_its_data(column):
    law = SemiparametricLaw.fit(column)
    n = len(column)
    distance = stats.kstest(law.cdf(column), "uniform").statistic
    assert distance < 0.75 / np.sqrt(n) + 1 / KNOTS


@settings(max_examples=80, deadline=None)
@given(
    values=st.lists(st.integers(-6, 6), min_size=2, max_size=300).filter(lambda v: len({*v}) > 1),
    power=st.integers(-250, 250),
    p=st.lists(st.floats(0, 1), min_size=2, max_size=8),
)
def test_ties_and_few_values_give_a_law(values, power, p):
    """Whatever the data: it rises, stays on the side of zero that they are on, and is finite."""
    unit = 10.0**power
    x = unit * np.array(values, dtype=np.float64)
    law = SemiparametricLaw.fit(x)
    levels = np.sort(np.clip(p, 1e-12, 1 - 1e-12))
    drawn = law.quantile(levels)
    assert np.isfinite(drawn).all() and (np.diff(drawn) >= -1e-12 * unit).all()
    assert not (x >= 0).all() or (drawn >= 0).all()
    assert not (x <= 0).all() or (drawn <= 0).all()
    below = law.cdf(np.sort(x))
    assert (np.diff(below) >= -1e-12).all() and below[0] >= 0 and below[-1] <= 1


def test_each_side_has_its_own_index():
    """Student-t of 2 degrees of freedom above, of 5 below: each within 2 standard errors."""
    rng = np.random.default_rng(0)
    n = 200_000
    x = np.concatenate([np.abs(rng.standard_t(2.0, n)), -np.abs(rng.standard_t(5.0, n))])
    law = SemiparametricLaw.fit(x, 0.01)
    for tail, index in ((law.high, 2.0), (law.low, 5.0)):
        assert abs(tail.xi - 1 / index) < 2 * np.sqrt((1 + tail.xi**2) / (0.01 * 2 * n))
        exact = stats.t(index).isf(tail.mass)
        assert tail.threshold == pytest.approx(exact, rel=0.03)
        assert tail.inverse(np.array([1e-5])) == pytest.approx(stats.t(index).isf(1e-5), rel=0.25)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_positive_data_stay_positive(power):
    """Near zero P(X < x) is proportional to x**power, which the tail finds."""
    x = np.random.default_rng(0).gamma(power, size=N)
    law = SemiparametricLaw.fit(x)
    assert law.low.ends and law.low.bound == 0
    near = law.quantile(np.array([1e-100, 1e-30, 1e-9, 1e-3]))
    assert (near > 0).all() and (np.diff(near) > 0).all()
    assert -1 / law.low.xi == pytest.approx(power, rel=4 / np.sqrt(0.05 * N) + 0.1)
    np.testing.assert_allclose(law.cdf(near[:3]), [1e-100, 1e-30, 1e-9], rtol=1e-9)
    assert law.cdf(np.array([0.0, -1.0])).tolist() == [0.0, 0.0]
    other = SemiparametricLaw.fit(-x)
    np.testing.assert_allclose(-other.quantile(1 - near, near), law.quantile(near), rtol=1e-9)


def test_a_bound_far_away_leaves_the_tail_alone():
    x = 1e3 + np.random.default_rng(0).standard_t(3.0, N)
    law, moved = SemiparametricLaw.fit(x), SemiparametricLaw.fit(x - 1e3)
    assert not law.low.ends and law.low.bound == 0
    assert law.low.xi == pytest.approx(moved.low.xi, abs=1e-9)
    assert law.quantile(np.array([1e-300])) == 0.0


def test_a_light_side_ends_beyond_its_data():
    x = np.random.default_rng(0).uniform(1.0, 2.0, N)
    law = SemiparametricLaw.fit(x)
    ends = law.quantile(np.array([0.0, 1.0]))
    assert ends[0] <= x.min() and ends[1] >= x.max()
    np.testing.assert_allclose(ends, [1.0, 2.0], atol=0.02)


def test_atoms_stay_atoms():
    x = rain(np.random.default_rng(0))
    law = SemiparametricLaw.fit(x)
    share = np.mean(x == 0.0)
    assert law.low.mass == 0 and law.cdf(np.array([0.0]))[0] == pytest.approx(share, abs=1e-12)
    assert (law.quantile(np.array([0.0, 0.3, share - 1e-9])) == 0.0).all()
    assert law.quantile(np.array([share + 0.01]))[0] > 0
    full = np.mean(x == 12.0)
    assert law.high.mass == 0 and full > 0.005
    drawn = law.quantile(np.random.default_rng(1).random(N))
    assert drawn.max() == 12.0 and drawn.min() == 0.0
    assert np.mean(drawn == 12.0) == pytest.approx(full, abs=4 * np.sqrt(full / N))
    assert np.mean(drawn == 0.0) == pytest.approx(share, abs=4 * np.sqrt(share / N))


def test_a_threshold_moves_out_of_an_atom():
    """Claims: 97 of 100 are zero, the others heavy; the tail is that of the claims alone."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random(N) < 0.97, 0.0, 1.0 + rng.pareto(1.5, N))
    law = SemiparametricLaw.fit(x)
    assert law.high.threshold == 0.0 and law.high.mass == np.mean(x > 0)
    x[:2000] = 0.5 * rng.random(2000)
    law = SemiparametricLaw.fit(x, 0.02)
    assert law.high.mass == 0.02 and law.high.threshold > 1.0
    assert abs(law.high.xi - 1 / 1.5) < 3 * np.sqrt((1 + 1 / 1.5**2) / 400)


def test_coins_give_coins():
    x = np.random.default_rng(0).integers(0, 2, 1000).astype(float)
    drawn = SemiparametricLaw.fit(x).quantile(np.random.default_rng(1).random(5000))
    assert set(drawn) == {0.0, 1.0}
    assert drawn.mean() == pytest.approx(x.mean(), abs=4 * 0.5 / np.sqrt(5000))


def test_state_goes_through_arrays():
    rng = np.random.default_rng(0)
    x = np.stack([rng.standard_t(2.0, 500), rain(rng, 500)], axis=1)
    arrays = stack_laws(fit_laws(x))
    assert {key: a.shape for key, a in arrays.items()} == {
        "levels": (2, KNOTS),
        "values": (2, KNOTS),
        "tails": (2, 2, 6),
    }
    p = np.linspace(0, 1, 999)[1:-1]
    for law, again in zip(fit_laws(x), unstack_laws(arrays), strict=True):
        assert np.array_equal(law.quantile(p), again.quantile(p))
        assert (again.low, again.high) == (law.low, law.high)


@pytest.mark.parametrize("xi", [-0.9, -0.3, 0.0, 0.4, 1.5])
def test_the_tail_is_the_generalised_pareto_law(xi):
    tail = ParetoTail(0.05, 3.0, 2.0, xi)
    law = stats.genpareto(xi, loc=3.0, scale=2.0)
    q = np.geomspace(1e-12, 1.0, 30)
    np.testing.assert_allclose(tail.inverse(0.05 * q), law.isf(q), rtol=1e-9)
    x = law.isf(q)
    np.testing.assert_allclose(tail.survival(x), 0.05 * law.sf(x), rtol=1e-8, atol=1e-16)


@pytest.mark.parametrize("xi", [-0.9, -0.4, 0.0, 0.3, 1.2])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e9])
def test_the_scale_has_the_greatest_likelihood(xi, unit):
    y = stats.genpareto(xi, scale=2.0).rvs(3000, random_state=0) * unit
    found = fit_scale(y, xi)

    def likelihood(scale):
        return stats.genpareto(xi, scale=scale).logpdf(y).sum()

    best = likelihood(found)
    assert np.isfinite(best)
    assert best > likelihood(found * 1.001)
    assert best > likelihood(found * 0.999) or found * 0.999 < -xi * y.max()
    assert found == pytest.approx(2.0 * unit, rel=0.1)


def test_the_scale_of_a_uniform_law_is_its_length():
    y = np.random.default_rng(0).uniform(0, 5, 100)
    assert fit_scale(y, -1.0) == y.max()
    assert fit_scale(y, 0.0) == pytest.approx(y.mean(), rel=1e-12)
    assert fit_scale(np.array([3.0]), 0.7) == pytest.approx(3.0)


def test_no_values_beyond_the_threshold_are_no_tail():
    assert fit_pareto_tail(np.arange(5.0), 4.0, 0.2).mass == 0.0


def test_pseudo_levels_are_ranks():
    x = np.random.default_rng(0).standard_cauchy((500, 3))
    levels = pseudo_levels(x, np.random.default_rng(1))
    np.testing.assert_array_equal(levels, stats.rankdata(x, axis=0) / 501)
    tied = pseudo_levels(np.zeros((500, 2)), np.random.default_rng(1))
    assert all(len(np.unique(column)) == 500 for column in tied.T)
    assert abs(stats.kendalltau(*tied.T).statistic) < 0.15
