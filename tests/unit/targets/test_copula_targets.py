"""Targets whose tails and dependence are set apart: draws against what is known exactly."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from tailbench.interfaces import Target
from tailbench.stats.tail_index import extreme_value_index
from tailbench.targets.copula_pareto import CopulaPareto
from tailbench.targets.lognormal_trap import LognormalTrap
from tailbench.targets.mixed_tails import MixedTails

DEPENDENCE = {"gumbel": 2.0, "clayton": 1.5, "husler_reiss": 0.7, "gaussian": 0.5, "t": 0.5}
CASES = {
    **{name: CopulaPareto(copula=name, dependence=x) for name, x in DEPENDENCE.items()},
    "two-sided": CopulaPareto(two_sided=True, index=(0.7, 3.0, 8.0), dim=3),
    "one column": CopulaPareto(dim=1, index=0.5),
    "mixed": MixedTails(),
    "mixed gaussian": MixedTails(copula="gaussian", index=(0.8,), dim=3, correlation=-0.3),
    "trap": LognormalTrap(),
    "trap 1": LognormalTrap(dim=1),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def target(request):
    return request.param


@pytest.mark.parametrize("name", DEPENDENCE)
def test_a_million_draws(name):
    """Joint extremes, quantiles and index within 3 standard errors of what is exact.

    Over eight seeds the mean of every one of the errors is within 2.5 of its standard errors.
    """
    n, index = 1_000_000, (1.5, 3.0)
    target = CopulaPareto(copula=name, dependence=DEPENDENCE[name], index=index)
    x = target.sample(n, np.random.default_rng(1))
    assert np.isfinite(x).all() and (x >= 0).all()
    p = np.array([0.01, 0.5, 0.95, 0.99, 0.999, 0.9999])
    cuts = target.quantile(p)
    for column, own, a in zip(x.T, cuts, index, strict=True):
        error = np.mean(column[:, None] <= own, axis=0) - p
        assert (np.abs(error) < 3 * np.sqrt(p * (1 - p) / n)).all()
        k = 10_000
        found = extreme_value_index(1.0 + column, k, "hill")
        assert abs(found - 1 / a) < 3 / a / math.sqrt(k)
    for level in (0.95, 0.99, 0.999):
        for side in ("upper", "lower"):
            edge = target.quantile([level if side == "upper" else 1 - level])
            beyond = x > edge.T if side == "upper" else x < edge.T
            exact = target.chi(level, side)
            found = np.mean(beyond.all(axis=1)) / (1 - level)
            assert abs(found - exact) < 3 * math.sqrt(exact / (1 - level) / n)


def test_keeps_the_protocol(target):
    assert isinstance(target, Target)
    x = target.sample(100, np.random.default_rng(0))
    assert x.shape == (100, target.dim) and np.isfinite(x).all()
    for unknown in (target.log_prob(x), target.score(x), target.noised_score(x, 1.0)):
        assert unknown is None


def test_samples_follow_the_quantiles(target):
    n = 40_000
    x = target.sample(n, np.random.default_rng(1))
    p = np.arange(1, 20) / 20
    for column, cuts in zip(x.T, target.quantile(p), strict=True):
        counts = np.bincount(np.searchsorted(cuts, column), minlength=20)
        assert np.square(counts - n / 20).sum() / (n / 20) < 45  # chi-square of 19, 1e-3


def test_the_least_index_is_that_of_the_norm(target):
    assert target.norm_tail_index() == target.tail_index().min()


@pytest.mark.parametrize("a", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("two_sided", [False, True])
def test_pareto_quantiles(a, two_sided):
    target = CopulaPareto(index=a, two_sided=two_sided, dim=1)
    assert target.quantile([0.0, 1.0]).tolist() == [[-math.inf if two_sided else 0.0, math.inf]]
    p = np.array([1e-12, 0.01, 0.3, 0.5, 0.7, 0.99, 1 - 1e-9])
    x = target.quantile(p)[0]
    tail = (1.0 + np.abs(x)) ** -a
    if two_sided:
        np.testing.assert_allclose(np.where(x < 0, 0.5 * tail, 1 - 0.5 * tail), p, rtol=1e-9)
        np.testing.assert_allclose(x, -target.quantile(1 - p)[0], rtol=1e-4)
    else:
        np.testing.assert_allclose(-np.expm1(-a * np.log1p(x)), p, rtol=1e-9)


def test_margins_do_not_change_the_dependence():
    """The same draws with other margins have the same ranks."""
    one = CopulaPareto(index=0.8, dim=3).sample(500, np.random.default_rng(0))
    two = CopulaPareto(index=(2.0, 4.0, 9.0), two_sided=True, dim=3)
    other = two.sample(500, np.random.default_rng(0))
    assert np.array_equal(one.argsort(axis=0), other.argsort(axis=0))


def test_columns_of_mixed_tails():
    target = MixedTails(index=(1.5, 4.0), dim=4)
    assert target.tail_index().tolist() == [1.5, 4.0, math.inf, math.inf]
    x = target.sample(200_000, np.random.default_rng(0))
    for j, a in enumerate((1.5, 4.0)):
        found = extreme_value_index(np.abs(x[:, j]), 1000, "hill")
        assert found == pytest.approx(1 / a, rel=0.12)
    assert np.abs(x[:, 2:]).max() < 6.5
    np.testing.assert_allclose(np.cov(x[:, 2:].T), [[1, 0.5], [0.5, 1]], atol=0.03)
    assert target.chi() == pytest.approx(0.2532, abs=1e-4)


def test_the_trap_looks_heavy():
    target = LognormalTrap(sigma=1.5, dim=1)
    x = target.sample(100_000, np.random.default_rng(0))[:, 0]
    assert extreme_value_index(x, 5000) > 0.3
    assert np.log(x).std() == pytest.approx(1.5, rel=0.01)
    far = target.quantile([1 - 1e-6, 1 - 1e-12])[0]
    local = math.log(1e6) / math.log(far[1] / far[0])  # the index falls from 1.4 to infinity
    assert local > 3.0
    assert LognormalTrap().chi() == 0 < LognormalTrap().chi(0.95)
    assert LognormalTrap().tail_index().tolist() == [math.inf] * 2


@pytest.mark.parametrize("copula", DEPENDENCE)
def test_a_hundred_dimensions(copula):
    target = CopulaPareto(copula=copula, dependence=DEPENDENCE[copula], dim=100)
    n = 500
    x = target.sample(n, np.random.default_rng(0))
    assert x.shape == (n, 100)
    share = np.mean(x < target.quantile([0.5])[:, 0], axis=0)
    assert np.abs(share - 0.5).max() < 4.5 * 0.5 / math.sqrt(n)


@pytest.mark.parametrize(
    ("cls", "bad", "message"),
    [
        (CopulaPareto, {"dependence": 0.5}, "dependence: the gumbel copula in 2 dimensions"),
        (CopulaPareto, {"copula": "gaussian"}, "above -1 and below 1, not 2"),
        (CopulaPareto, {"index": (1.0, 2.0, 3.0)}, "index: 2 values are required"),
        (CopulaPareto, {"index": 0.0}, "index"),
        (CopulaPareto, {"index": (1.0, -2.0)}, "index"),
        (CopulaPareto, {"copula": "frank"}, "copula"),
        (CopulaPareto, {"dim": 0}, "dim"),
        (MixedTails, {"index": ()}, "index: from 1 to 4 values are required"),
        (MixedTails, {"dim": 1}, "index: from 1 to 1 values are required"),
        (MixedTails, {"correlation": 1.0}, "correlation: the t copula in 4 dimensions"),
        (LognormalTrap, {"correlation": -1.0}, "correlation: the gaussian copula in 2"),
        (LognormalTrap, {"sigma": 0.0}, "sigma"),
    ],
)
def test_bad_settings(cls, bad, message):
    with pytest.raises(ValidationError, match=message):
        cls(**bad)
