"""Copulas of pairs that depend alike: draws against closed forms, and coefficients of extremes."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from tailbench.exceptions import InputError
from tailbench.stats.exchangeable_copula import ExchangeableCopula
from tailbench.stats.positive_stable import kanter, log_kanter
from tailbench.stats.student_copula import copula_levels, fit_student_copula, log_likelihood

COPULAS = {
    "gumbel": ExchangeableCopula("gumbel", 2.0),
    "gumbel weak": ExchangeableCopula("gumbel", 1.1),
    "gumbel strong": ExchangeableCopula("gumbel", 6.0),
    "clayton": ExchangeableCopula("clayton", 2.0),
    "clayton weak": ExchangeableCopula("clayton", 0.2),
    "husler_reiss": ExchangeableCopula("husler_reiss", 0.7),
    "husler_reiss strong": ExchangeableCopula("husler_reiss", 0.2),
    "husler_reiss weak": ExchangeableCopula("husler_reiss", 2.0),
    "gaussian": ExchangeableCopula("gaussian", 0.5),
    "gaussian negative": ExchangeableCopula("gaussian", -0.3),
    "t": ExchangeableCopula("t", 0.5, 2.5),
    "t below 1": ExchangeableCopula("t", 0.3, 0.7),
}


@pytest.fixture(params=COPULAS.values(), ids=COPULAS.keys())
def copula(request):
    return request.param


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_levels_are_uniform_and_pairs_are_extreme_together(copula, dim):
    n = 40_000
    p, q = copula.draw(n, dim, np.random.default_rng(0))
    assert p.shape == q.shape == (n, dim)
    np.testing.assert_allclose(p + q, 1.0, atol=1e-15)
    for column in p.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
    if dim == 1:
        return
    for level in (0.3, 0.7, 0.95):
        rest = 1 - level
        upper = np.mean(np.all(q[:, [0, -1]] < rest, axis=1))
        lower = np.mean(np.all(p[:, [0, -1]] < rest, axis=1))
        for found, side in ((upper, "upper"), (lower, "lower")):
            exact = copula.chi(level, side) * rest
            assert abs(found - exact) < 3.5 * math.sqrt(exact * (1 - exact) / n)


def test_the_coefficients_have_their_limits(copula):
    for side in ("upper", "lower"):
        if copula.name == "gaussian" or copula.chi(side=side) == 0:
            falling = [copula.chi(1 - q, side) for q in (0.3, 1e-2, 1e-4, 1e-8, 1e-12)]
            assert falling == sorted(falling, reverse=True) and copula.chi(side=side) == 0
        else:
            near = copula.chi(1 - 2.0**-40, side)
            assert near == pytest.approx(copula.chi(side=side), rel=2e-2)


@pytest.mark.parametrize(
    ("rho", "nu", "exact"),
    [(0.0, 2.5, 0.1448), (0.3, 2.5, 0.2512), (0.5, 2.5, 0.3488), (0.8, 2.5, 0.5712),
     (0.0, 4.0, 0.0756), (0.5, 4.0, 0.2532)],
)  # fmt: skip
def test_limits_of_the_student_copula(rho, nu, exact):
    assert ExchangeableCopula("t", rho, nu).chi() == pytest.approx(exact, abs=5e-5)


@pytest.mark.parametrize("nu", [0.7, 2.5, 8.0])
@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.5, 0.95])
@pytest.mark.parametrize("level", [0.6, 0.9, 0.99, 0.999])
def test_student_pairs_by_the_law_of_one_given_the_other(nu, rho, level):
    """Given X = x, Y is a Student-t of nu + 1 degrees of freedom, centre and scale by x."""
    h = stats.t(nu).ppf(level)

    def both(s):  # at x of the conditional tail s, given X > h
        x = stats.t(nu).isf(s * (1 - level))
        scale = math.sqrt((nu + x**2) * (1 - rho**2) / (nu + 1))
        return stats.t(nu + 1).sf((h - rho * x) / scale)

    exact = integrate.quad(both, 0, 1, epsabs=1e-9, limit=200)[0]
    assert ExchangeableCopula("t", rho, nu).chi(level) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.5, 0.95])
@pytest.mark.parametrize("level", [0.2, 0.5, 0.9, 0.999])
def test_gaussian_pairs_are_those_of_scipy(rho, level):
    h = stats.norm.ppf(level)
    both = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([-h, -h])
    found = ExchangeableCopula("gaussian", rho).chi(level) * (1 - level)
    assert found == pytest.approx(both, rel=1e-5, abs=1e-9)


def test_the_student_copula_tends_to_the_gaussian():
    for level in (0.6, 0.99):
        far = ExchangeableCopula("t", 0.5, 1e7).chi(level)
        assert far == pytest.approx(ExchangeableCopula("gaussian", 0.5).chi(level), rel=1e-5)


def test_closed_forms():
    assert ExchangeableCopula("gumbel", 2.0).chi() == pytest.approx(2 - 2**0.5)
    u, power = 0.9, 2**0.5
    both = (1 - 2 * u + u**power) / (1 - u)
    assert ExchangeableCopula("gumbel", 2.0).chi(u) == pytest.approx(both, rel=1e-12)
    assert ExchangeableCopula("clayton", 2.0).chi(side="lower") == pytest.approx(2**-0.5)
    strong = ExchangeableCopula("husler_reiss", 0.7)
    assert strong.chi() == pytest.approx(2 * stats.norm.sf(0.7))
    assert ExchangeableCopula("gumbel", 1.0).chi(0.9) == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["gumbel", "clayton"])
def test_archimedean_draws_have_their_joint_distribution(name):
    """In three dimensions, at points off the diagonal."""
    n, theta = 100_000, 1.7
    p, _ = ExchangeableCopula(name, theta).draw(n, 3, np.random.default_rng(3))
    for u in ([0.2, 0.5, 0.9], [0.8, 0.1, 0.3], [0.6, 0.95, 0.7]):
        if name == "gumbel":
            exact = math.exp(-(sum((-math.log(v)) ** theta for v in u) ** (1 / theta)))
        else:
            exact = (sum(v**-theta for v in u) - 2) ** (-1 / theta)
        assert abs(np.mean(np.all(p < u, axis=1)) - exact) < 3.5 * math.sqrt(exact / n)


def test_husler_reiss_draws_are_max_stable():
    """-log U is exponential, and so is its minimum over d, with d times the mean coefficient.

    P(U_1 < u, ..., U_d < u) = u^c, where c is the mean of the greatest spectral function.
    """
    n, dim, strength = 60_000, 5, 0.8
    p, _ = ExchangeableCopula("husler_reiss", strength).draw(n, dim, np.random.default_rng(4))
    g = math.sqrt(2) * strength * np.random.default_rng(5).standard_normal((400_000, dim))
    greatest = np.exp(g - strength**2).max(axis=1)
    depth = -np.log(p.max(axis=1))
    assert stats.kstest(depth * greatest.mean(), "expon").pvalue > 1e-3


def test_far_levels_are_exact():
    """Levels next to 0 and 1 keep their digits: what is far beyond 2**-53 is not cut off."""
    small = copula_levels(np.array([-1e30, 1e30]), 2.5)
    assert small[0][0] == small[1][1] and 0 < small[0][0] < 1e-70
    p, q = ExchangeableCopula("clayton", 8.0).draw(100_000, 2, np.random.default_rng(0))
    assert (p > 0).all() and (q > 0).all()


@pytest.mark.parametrize("alpha", [0.3, 1.0, 1.7, 2.0])
def test_the_logarithm_of_a_stable_variable(alpha):
    rng = np.random.default_rng(0)
    u, w = np.pi * rng.uniform(size=1000), rng.standard_exponential(1000)
    np.testing.assert_allclose(log_kanter(u, w, alpha, np), np.log(kanter(u, w, alpha, np)))
    with pytest.raises(ValueError, match="alpha must be in"):
        log_kanter(u, w, 2.5, np)


@pytest.mark.parametrize(("name", "strong"), [("gumbel", 900.0), ("clayton", 900.0)])
def test_the_strongest_dependence_stays_in_range(name, strong):
    """A frailty beyond double precision: both levels are nearly equal, uniform, and inside."""
    p, q = ExchangeableCopula(name, strong).draw(20_000, 2, np.random.default_rng(0))
    assert (p > 0).all() and (q > 0).all()
    assert stats.kstest(p[:, 0], "uniform").pvalue > 1e-3
    assert np.median(np.abs(p[:, 0] - p[:, 1])) < 1e-2
    for side in ("upper", "lower"):
        assert 0.5 < ExchangeableCopula(name, strong).chi(0.99, side) <= 1


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("gumbel", 0.9, "of at least 1, not 0.9"),
        ("clayton", 0.0, "above 0, not 0"),
        ("husler_reiss", -1.0, "above 0, not -1"),
        ("gaussian", 1.0, "above -0.333 and below 1, not 1"),
        ("t", -0.4, "above -0.333 and below 1, not -0.4"),
    ],
)
def test_parameters_out_of_range(name, bad, message):
    with pytest.raises(InputError, match=f"^dependence: the {name} copula in 4 .* {message}$"):
        ExchangeableCopula(name, bad).check(4)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, math.nan])
def test_levels_out_of_range(level):
    with pytest.raises(ValueError, match="the level must be in"):
        ExchangeableCopula("gumbel", 2.0).chi(level)


def test_the_density_of_the_student_copula_is_that_of_scipy():
    rho = np.array([[1, 0.4, -0.2], [0.4, 1, 0.3], [-0.2, 0.3, 1]])
    u = np.random.default_rng(0).random((50, 3))
    t = stats.t(3.3).ppf(u)
    joint = stats.multivariate_t(np.zeros(3), rho, df=3.3).logpdf(t)
    exact = np.mean(joint - stats.t(3.3).logpdf(t).sum(axis=1))
    assert log_likelihood(u, rho, 3.3) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("nu", [0.8, 2.5, 8.0])
def test_the_fit_finds_the_student_copula(nu):
    n, dim = 20_000, 4
    p, _ = ExchangeableCopula("t", 0.5, nu).draw(n, dim, np.random.default_rng(0))
    matrix, found = fit_student_copula(p, np.random.default_rng(1))
    assert found == pytest.approx(nu, rel=0.1)
    off = matrix[np.triu_indices(dim, 1)]
    assert np.abs(off - 0.5).max() < 4 * 1.2 * 0.75 / math.sqrt(n)


def test_a_gaussian_copula_has_many_degrees_of_freedom():
    p, _ = ExchangeableCopula("gaussian", 0.5).draw(20_000, 3, np.random.default_rng(0))
    assert fit_student_copula(p, np.random.default_rng(1))[1] > 50
