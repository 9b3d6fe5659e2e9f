"""Copulas with generalised Pareto margins, on laws whose tails and joint extremes are known."""

import math

import numpy as np
import pytest
from scipy import stats

from tailbench.models.copula_gpd import CopulaGPD
from tailbench.stats.exchangeable_copula import ExchangeableCopula
from tailbench.targets.copula_pareto import CopulaPareto
from tailbench.targets.mixed_tails import MixedTails

N = 20_000


def student(n, dim, rho, nu, seed=0):
    """A multivariate Student-t law: a t copula with t margins of the same nu."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, dim)) + math.sqrt(rho / (1 - rho)) * rng.standard_normal((n, 1))
    return math.sqrt(1 - rho) * z / np.sqrt(rng.chisquare(nu, (n, 1)) / nu)


def chi(x, level):
    """Mean over all pairs of the share that is beyond a level together, over the level's rest."""
    beyond = (x > np.quantile(x, level, axis=0)).astype(float)
    together = beyond.T @ beyond / len(x) / (1 - level)
    return together[np.triu_indices(x.shape[1], 1)].mean()


@pytest.fixture(scope="module")
def fitted():
    return CopulaGPD().fit(student(N, 4, 0.5, 2.5), verbose=False)


def test_joint_extremes_are_exact_on_a_student_law(fitted):
    state = fitted.states[0]
    nu, rho = state["nu"], state["correlation"][np.triu_indices(4, 1)]
    limits = [ExchangeableCopula("t", r, nu).chi() for r in rho]
    assert np.abs(np.array(limits) - 0.3488).max() < 0.02
    drawn = np.concatenate([fitted.sample(100_000, seed=s) for s in range(2)])
    exact = ExchangeableCopula("t", 0.5, 2.5)
    for level in (0.95, 0.99):
        assert abs(chi(drawn, level) - exact.chi(level)) < 0.02


def test_the_index_of_each_side_is_within_two_standard_errors(fitted):
    for tail in fitted.states[0]["tails"].reshape(-1, 6):
        mass, xi = tail[0], tail[3]
        assert abs(xi - 0.4) < 2 * math.sqrt((1 + xi**2) / (mass * N))


def test_samples_have_the_margins_of_the_data(fitted):
    drawn = fitted.sample(N, seed=3)
    for column in drawn.T:
        assert stats.kstest(column, stats.t(2.5).cdf).statistic < 2.2 / math.sqrt(N)
    far = stats.t(2.5).isf(1e-4)
    assert 0.2 < np.mean(np.abs(drawn) > far) / 2e-4 < 4


def test_a_gaussian_copula_has_no_joint_extremes_in_the_limit():
    x = student(N, 2, 0.5, 2.5)
    light = CopulaGPD(copula="gaussian").fit(x, verbose=False)
    rho = light.states[0]["correlation"][0, 1]
    assert math.isinf(light.states[0]["nu"])
    drawn = light.sample(200_000)
    exact = ExchangeableCopula("gaussian", rho).chi(0.99)
    assert abs(chi(drawn, 0.99) - exact) < 4 * math.sqrt(exact / 2000)
    assert chi(drawn, 0.99) < 0.2 < chi(CopulaGPD().fit(x, verbose=False).sample(200_000), 0.99)


def test_columns_of_different_tails():
    target = MixedTails(index=(1.5, 4.0), dim=3)
    model = CopulaGPD().fit(target.sample(N, np.random.default_rng(0)), verbose=False)
    xi = model.states[0]["tails"][:, :, 3]
    np.testing.assert_allclose(xi[0], 1 / 1.5, atol=3 * 1.2 / math.sqrt(1000))
    np.testing.assert_allclose(xi[1], 1 / 4, atol=3 / math.sqrt(1000) + 0.03)
    assert (xi[2] < 0.1).all()
    assert model.states[0]["nu"] == pytest.approx(4.0, abs=0.5)


@pytest.mark.parametrize("index", [0.6, 1.0])
def test_one_sided_data_of_an_index_below_one(index):
    target = CopulaPareto(copula="gumbel", index=index, dim=3)
    x = target.sample(N, np.random.default_rng(0))
    drawn = CopulaGPD().fit(x, verbose=False).sample(N)
    assert (drawn > 0).all() and np.isfinite(drawn).all()
    p = [0.01, 0.5, 0.9, 0.99]
    exact = target.quantile(p)[0]
    for column in drawn.T:
        below = np.mean(column[:, None] <= exact, axis=0)
        np.testing.assert_allclose(below, p, atol=6 * 0.5 / math.sqrt(N))
    assert drawn.max() > target.quantile([1 - 1e-4])[0, 0]


@pytest.mark.parametrize(("copula", "least"), [("t", 0.01), ("gaussian", 0.02)])
def test_rain_stays_dry(copula, least):
    """Half of the latent Student-t pairs are cut to zero: alone and together."""
    z = student(N, 2, 0.6, 4.0)
    x = np.where(z < 0.5, 0.0, np.exp(2 * z) - math.e)
    model = CopulaGPD(copula=copula).fit(x, verbose=False)
    drawn = model.sample(N)
    assert drawn.min() == 0.0
    for real, made in zip(x.T, drawn.T, strict=True):
        assert np.mean(made == 0) == pytest.approx(np.mean(real == 0), abs=0.015)
    dry = [np.mean((a == 0).all(axis=1)) for a in (x, drawn)]
    assert dry[1] == pytest.approx(dry[0], abs=least + 4 * math.sqrt(0.25 / N))
    if copula == "t":
        assert model.states[0]["correlation"][0, 1] == pytest.approx(0.6, abs=0.03)


def test_units_and_offsets_do_not_matter():
    x = student(4000, 2, 0.5, 2.5)
    model, moved = (CopulaGPD().fit(a, verbose=False) for a in (x, 1e6 + 1e-3 * x))
    one, other = model.sample(500).astype(float), moved.sample(500).astype(float)
    np.testing.assert_allclose(1e3 * (other - 1e6), one, atol=0.07 * 1e3)  # of single precision
    for key in ("nu", "correlation"):
        np.testing.assert_allclose(model.states[0][key], moved.states[0][key], rtol=1e-9)
    xi = [m.states[0]["tails"][..., 3] for m in (model, moved)]
    np.testing.assert_allclose(*xi, atol=1e-5)


def test_columns_that_are_nearly_the_same():
    x = student(2000, 2, 0.5, 3.0)
    x = np.column_stack([x, x[:, 0], -x[:, 1]])
    drawn = CopulaGPD().fit(x, verbose=False).sample(2000)
    assert np.abs(np.quantile(drawn[:, 0] - drawn[:, 2], [0.05, 0.95])).max() < 0.1
    assert stats.kendalltau(drawn[:, 1], drawn[:, 3]).statistic < -0.95


def test_one_column_has_no_copula():
    state = CopulaGPD().fit(student(500, 1, 0.0, 3.0), verbose=False).states[0]
    assert math.isinf(state["nu"]) and state["correlation"].tolist() == [[1.0]]


@pytest.mark.parametrize("rows", [2, 3, 5, 30])
def test_few_rows(rows):
    x = np.random.default_rng(0).standard_normal((rows, 2))
    drawn = CopulaGPD().fit(x, verbose=False).sample(100)
    assert np.isfinite(drawn).all()


def test_a_hundred_columns():
    """In seconds, with the right dependence: 4950 pairs of columns."""
    x = student(3000, 100, 0.4, 3.0)
    state = CopulaGPD().fit(x, verbose=False).states[0]
    assert state["nu"] == pytest.approx(3.0, abs=0.2)
    assert state["correlation"][np.triu_indices(100, 1)].mean() == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("bad", [{"threshold": 0.0}, {"threshold": 0.3}, {"copula": "clayton"}])
def test_bad_settings(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        CopulaGPD(**bad)
