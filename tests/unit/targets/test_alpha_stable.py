import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtr

from tailbench.stats.stable import log_tail, stable_quantiles
from tailbench.targets.alpha_stable import AlphaStable

ALPHAS = [0.5, 0.8, 1.0, 1.2, 1.5, 1.7, 1.8, 1.9, 2.0]


def test_settings_by_default():
    target = AlphaStable()
    chosen = target.settings
    assert (chosen.alpha, chosen.scale, chosen.dim, chosen.isotropic) == (1.7, 0.05, 2, True)
    assert target.name == "alpha_stable"


@pytest.mark.parametrize("bad", [{"alpha": 0}, {"alpha": 2.1}, {"scale": 0}, {"dim": 0}, {"a": 1}])
def test_bad_settings(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        AlphaStable(**bad)


@pytest.mark.parametrize("isotropic", [True, False])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_characteristic_function(alpha, isotropic):
    n, scale = 200_000, 0.3
    target = AlphaStable(alpha=alpha, scale=scale, dim=3, isotropic=isotropic)
    x = target.sample(n, np.random.default_rng(1))
    for u in np.array([[1.0, 0, 0], [0, 3, 0], [2, -1, 2], [6, 5, -1]]):
        power = np.linalg.norm(u) ** alpha if isotropic else np.sum(np.abs(u) ** alpha)
        expected = math.exp(-(scale**alpha) * power)
        phase = x @ u
        assert abs(np.cos(phase).mean() - expected) < 4 / math.sqrt(n)
        assert abs(np.sin(phase).mean()) < 4 / math.sqrt(n)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_samples_follow_the_quantiles(alpha):
    n = 40_000
    target = AlphaStable(alpha=alpha)
    x = target.sample(n, np.random.default_rng(2))
    edges = target.quantile(np.arange(1, 200) / 200)
    for values, cuts in zip(x.T, edges, strict=True):
        counts = np.bincount(np.searchsorted(cuts, values), minlength=200)
        assert stats.chisquare(counts).pvalue > 1e-3
    tail = target.quantile([1 - 1e-3])[:, 0]
    assert np.all(np.abs(np.sum(np.abs(x) > tail[:, None].T, axis=0) - 80) < 4 * math.sqrt(80))


@pytest.mark.parametrize("alpha", [0.8, 1.2, 1.5, 1.7, 1.9])
def test_agrees_with_scipy_in_the_body(alpha):
    x = AlphaStable(alpha=alpha, scale=1.0, dim=1).quantile([0.55, 0.7, 0.9, 0.99])[0]
    assert np.allclose(stats.levy_stable.cdf(x, alpha, 0), [0.55, 0.7, 0.9, 0.99], atol=1e-9)


@pytest.mark.parametrize("alpha", [0.3, 0.8, 1.2, 1.5, 1.7, 1.9, 1.99])
def test_far_tail_has_the_known_power_law(alpha):
    """Two terms of Bergstroem's series, whose next one is negligible this far out."""
    q = np.array([1e-9, 1e-11])
    x = stable_quantiles(1 - q, alpha)
    series = sum(
        (-1) ** (k + 1)
        * math.gamma(alpha * k)
        / math.factorial(k)
        * math.sin(0.5 * math.pi * alpha * k)
        * x ** (-alpha * k)
        for k in (1, 2)
    )
    assert np.allclose(series / math.pi, 1 - (1 - q), rtol=2e-7)


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.9])
def test_tail_equals_the_convergent_series(alpha):
    x = np.array([3.0, 10.0, 1e3, 1e8])
    series = sum(
        (-1) ** (k + 1)
        * math.exp(math.lgamma(alpha * k) - math.lgamma(k + 1))
        * math.sin(0.5 * math.pi * alpha * k)
        * x ** (-alpha * k)
        for k in range(1, 200)
    )
    assert np.allclose(np.exp(log_tail(x, alpha)[0]), series / math.pi, rtol=1e-11)


@pytest.mark.parametrize("step", [1e-3, 1e-6, 1e-10])
def test_tail_is_continuous_at_one_and_two(step):
    x = np.array([1e-3, 0.1, 1.0, 2.0])
    cauchy, gauss = np.arctan(1 / x) / np.pi, ndtr(-x / math.sqrt(2))
    for alpha in (1 - step, 1 + step):
        assert np.allclose(np.exp(log_tail(x, alpha)[0]), cauchy, rtol=4 * step + 1e-12)
    assert np.allclose(np.exp(log_tail(x, 2 - step)[0]), gauss, rtol=4 * step + 1e-12)


@pytest.mark.parametrize("alpha", [0.4, 0.9, 1.3, 1.7, 1.9999])
def test_density_is_the_slope_of_the_tail(alpha):
    x = np.geomspace(1e-2, 1e3, 12)
    h = 1e-5 * x
    slope = (np.exp(log_tail(x - h, alpha)[0]) - np.exp(log_tail(x + h, alpha)[0])) / (2 * h)
    assert np.allclose(np.exp(log_tail(x, alpha)[1]), slope, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    alpha=st.floats(0.2, 1.999).filter(lambda a: a != 1.0),
    q=st.floats(1e-9, 0.499),
)
def test_quantile_inverts_the_tail(alpha, q):
    x = stable_quantiles([q, 1 - q], alpha)
    assert np.isclose(x[0], -x[1], rtol=1e-6)
    assert np.isclose(np.exp(log_tail(-x[:1], alpha)[0][0]), q, rtol=1e-9)


def test_quantiles_of_many_levels_at_once_are_those_of_each():
    p = np.linspace(0.001, 0.999, 2501)
    all_at_once = stable_quantiles(p, 1.7)
    assert np.all(np.diff(all_at_once) > 0)
    assert np.allclose(all_at_once[::500], [stable_quantiles([v], 1.7)[0] for v in p[::500]])


def test_quantiles_at_the_ends():
    for alpha in (0.5, 1.0, 1.7, 2.0):
        q = AlphaStable(alpha=alpha).quantile([0.0, 0.5, 1.0])
        assert np.array_equal(q, [[-np.inf, 0.0, np.inf]] * 2)
        assert not np.signbit(q[0, 1])
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        AlphaStable().quantile([1.1])
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        AlphaStable().quantile([np.nan])
    with pytest.raises(ValueError, match="axis"):
        AlphaStable().quantile([[0.5]])
    assert stable_quantiles([1 - 1e-16], 0.03)[0] == np.inf  # beyond double precision


def test_nothing_is_clamped():
    x = AlphaStable(alpha=1.0, scale=1.0).sample(10_000, np.random.default_rng(3))
    assert np.abs(x).max() > 1e3


def test_every_draw_is_finite():
    for alpha in (0.8, 1.7, 1.99):
        assert np.isfinite(AlphaStable(alpha=alpha).sample(500_000, np.random.default_rng(4))).all()


def test_isotropy_shares_the_variance():
    rng = np.random.default_rng(5)
    shared = AlphaStable(alpha=1.2).sample(20_000, rng)
    apart = AlphaStable(alpha=1.2, isotropic=False).sample(20_000, rng)
    together = [
        np.mean(np.all(np.abs(x) > AlphaStable(alpha=1.2).quantile([0.99])[:, 0], axis=1))
        for x in (shared, apart)
    ]
    assert together[0] > 10 * together[1]


def test_tail_index():
    assert np.array_equal(AlphaStable(alpha=1.5, dim=3).tail_index(), [1.5] * 3)
    assert AlphaStable(alpha=1.5).norm_tail_index() == 1.5
    assert np.array_equal(AlphaStable(alpha=2).tail_index(), [np.inf] * 2)
    assert AlphaStable(alpha=2).norm_tail_index() == np.inf


def test_density_where_it_is_known():
    x = np.random.default_rng(6).normal(size=(20, 3))
    s = 0.4
    cauchy = stats.multivariate_t(np.zeros(3), s**2 * np.eye(3), df=1)
    gauss = stats.multivariate_normal(np.zeros(3), 2 * s**2 * np.eye(3))
    make = {"scale": s, "dim": 3}
    assert np.allclose(AlphaStable(alpha=1, **make).log_prob(x), cauchy.logpdf(x))
    assert np.allclose(AlphaStable(alpha=2, **make).log_prob(x), gauss.logpdf(x))
    apart = AlphaStable(alpha=1, isotropic=False, **make).log_prob(x)
    assert np.allclose(apart, stats.cauchy(scale=s).logpdf(x).sum(axis=1))
    assert AlphaStable(alpha=1.7).log_prob(x) is None
    assert AlphaStable(alpha=1.7).score(x) is None
    assert AlphaStable().modes() is None
