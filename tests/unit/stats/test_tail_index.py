"""Which coordinates are heavy, on laws whose tails are known."""

import numpy as np
import pytest

from tailbench.exceptions import InputError
from tailbench.stats.tail_decision import heavy_index
from tailbench.stats.tail_index import (
    estimate_sides,
    estimate_tail,
    estimate_tails,
    extreme_value_index,
)
from tailbench.targets.alpha_stable import AlphaStable
from tailbench.targets.gaussian_grid import GaussianGrid
from tailbench.targets.gmm import GMM
from tailbench.targets.student_nuisance import StudentNuisance

N = 20_000
SEEDS = range(15)
LIGHT = {
    "gaussian": lambda rng: rng.standard_normal(N),
    "uniform": lambda rng: rng.random(N),
    "grid": lambda rng: GaussianGrid().sample(N, rng)[:, 0],
    "gmm": lambda rng: GMM(dim=2).sample(N, rng)[:, 1],
}
HEAVY = {
    "student": (2.5, lambda rng: rng.standard_t(2.5, N)),
    "stable": (1.7, lambda rng: AlphaStable().sample(N, rng)[:, 0]),
    "cauchy": (1.0, lambda rng: rng.standard_cauchy(N)),
}


@pytest.mark.parametrize("law", LIGHT)
def test_light_laws(law):
    for seed in SEEDS:
        tail = estimate_tail(LIGHT[law](np.random.default_rng(seed)))
        assert tail.tail == "light" and tail.index is None, (seed, tail)


@pytest.mark.parametrize("law", HEAVY)
def test_heavy_laws(law):
    exact, draw = HEAVY[law]
    found = [estimate_tail(draw(np.random.default_rng(seed))) for seed in SEEDS]
    assert {tail.tail for tail in found} == {"heavy"}
    for tail in found:
        assert tail.heavy_xi == tail.xi and tail.index == pytest.approx(1.0 / tail.xi)
        assert tail.index == pytest.approx(exact, rel=0.3)
    assert np.mean([tail.xi for tail in found]) == pytest.approx(1.0 / exact, rel=0.08)


def test_the_standard_error_is_the_spread():
    xi = [estimate_tail(np.random.default_rng(seed).standard_cauchy(N)) for seed in range(40)]
    spread = np.std([tail.xi for tail in xi])
    assert spread == pytest.approx(xi[0].xi_se, rel=0.35)


@pytest.mark.parametrize("seed", range(3))
def test_no_coordinate_of_the_mixture_of_gaussians_is_heavy(seed):
    """A tail transform where there is no tail made a flow twice as bad."""
    x = GMM(dim=40).sample(N, np.random.default_rng(seed))
    assert {tail.tail for tail in estimate_tails(x)} == {"light"}


def test_coordinates_are_judged_one_by_one():
    x = np.random.default_rng(0).standard_normal((N, 3))
    x[:, 1] = StudentNuisance(nu=2.0, dim=2).sample(N, np.random.default_rng(1))[:, 0]
    tails = estimate_tails(x)
    assert [tail.tail for tail in tails] == ["light", "heavy", "light"]
    assert tails[1] == estimate_tail(x[:, 1])


def test_units_do_not_matter():
    x = np.random.default_rng(0).standard_t(3.0, 2001)
    moved = estimate_tail(1e-6 * x + 5.0)
    assert moved.xi == pytest.approx(estimate_tail(x).xi, rel=1e-6)


@pytest.mark.parametrize(
    ("n", "fraction", "k"), [(40, 0.05, 30), (600, 0.05, 30), (20_000, 0.05, 1000), (50, 1.0, 48)]
)
def test_number_of_largest_values(n, fraction, k):
    assert estimate_tail(np.random.default_rng(0).standard_normal(n), fraction).k == k


def test_the_threshold_decides():
    x = np.random.default_rng(0).standard_t(2.5, N)
    xi = estimate_tail(x).xi
    assert estimate_tail(x, threshold=xi - 1e-6).tail == "heavy"
    assert estimate_tail(x, threshold=xi + 1e-6).tail == "light"


def test_a_tail_is_heavy_by_its_index_or_by_the_test():
    """An index beyond two standard errors stands; below, that of the test."""
    rules = set()
    for seed in range(40):
        x = np.random.default_rng(seed).standard_t(2.5, 400)
        tail, y = estimate_tail(x), np.abs(x - np.median(x))
        clear = tail.xi > 2 * tail.xi_se
        expected = tail.xi if clear else heavy_index(y[y > 0], tail.k)
        assert tail.heavy_xi == (expected or 0.0)
        assert tail.k == 30 and tail.xi_se > 0.18
        rules.add((clear, expected is None))
    assert rules == {(True, False), (False, False), (False, True)}


@pytest.mark.parametrize("n", [0, 1, 39])
def test_too_few_values(n):
    with pytest.raises(InputError, match="at least 40 are required"):
        estimate_tail(np.random.default_rng(0).standard_normal(n))


@pytest.mark.parametrize("other", [0, 1, 2, 3, 39])
def test_too_few_values_that_differ(other):
    x = np.zeros((1000, 2))
    x[:, 0] = np.arange(1000)
    x[:other, 1] = 1.0 + np.arange(other)
    with pytest.raises(InputError, match=r"^column 1 of the data: .* at least 40 are required$"):
        estimate_tails(x)


def test_half_of_the_values_equal():
    x = np.zeros(4000)
    x[::2] = np.random.default_rng(0).standard_cauchy(2000)
    tail = estimate_tail(x)
    assert tail.tail == "heavy" and tail.k == 100
    assert tail.xi == pytest.approx(1.0, abs=0.4)


def test_plain_data():
    found = estimate_tail(np.random.default_rng(0).standard_t(2.5, 2000)).as_dict()
    assert set(found) == {"xi", "xi_se", "hill", "k", "tail", "heavy_xi", "index"}


@pytest.mark.parametrize("power", range(-3, 4))
def test_equal_largest_values_are_no_tail(power):
    """Censored data: rounding of equal logarithms must not pass for a tail."""
    half = np.minimum(np.abs(np.random.default_rng(0).standard_cauchy(2000)), 6.0)
    tail = estimate_tail(np.concatenate([half, [0.0], -half]) * 10.0**power)
    assert tail.tail == "light" and tail.index is None and tail.xi == tail.hill == 0.0


def pareto(a, n, rng):
    return rng.uniform(size=n) ** (-1 / a)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("a", [0.8, 1.7, 4.0])
@pytest.mark.parametrize("k", [500, 2500])
def test_hill_on_pareto(a, k, rng):
    estimate = extreme_value_index(pareto(a, 50_000, rng), k, "hill")
    assert estimate == pytest.approx(1 / a, rel=5 / np.sqrt(k))


@pytest.mark.parametrize("normalise", [True, False])
def test_the_estimates_are_those_of_the_formulas(normalise, rng):
    x = np.sort(pareto(2, 1000, rng))[::-1]
    logs = np.log(x[:20] / x[20])
    first, second = logs.mean(), np.square(logs).mean()
    hill = extreme_value_index(x, 20, "hill", normalise=normalise)
    assert hill == pytest.approx(first, rel=1e-10)
    moment = extreme_value_index(x, 20, "moment", normalise=normalise)
    assert moment == pytest.approx(first + 1 - 0.5 / (1 - first**2 / second), rel=1e-9)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("estimator", ["hill", "moment"])
def test_the_largest_values_give_the_same_as_the_whole_path(estimator, normalise, rng):
    from tailestim import HillEstimator, MomentsEstimator

    x = pareto(1.5, 4000, rng)
    model = {"hill": HillEstimator, "moment": MomentsEstimator}[estimator](bootstrap=False)
    with np.errstate(all="ignore"):
        model.fit(x)
    path = model.get_result().xi_arr_
    found = extreme_value_index(x, 200, estimator, normalise=normalise)
    assert found == pytest.approx(path[199], rel=1e-9)


@pytest.mark.parametrize(("a", "xi"), [(2.0, 0.5), (1.0, 1.0)])
def test_moment_on_pareto_and_on_bounded_data(a, xi, rng):
    assert extreme_value_index(pareto(a, 50_000, rng), 2500) == pytest.approx(xi, abs=0.1)
    uniform = rng.uniform(size=50_000)
    assert extreme_value_index(uniform, 2500) == pytest.approx(-1, abs=0.15)


@pytest.mark.parametrize("estimator", ["hill", "moment"])
def test_scale_does_not_matter_and_zeros_do_no_harm(estimator, rng):
    x = pareto(1.5, 2000, rng)
    plain = extreme_value_index(x, 100, estimator)
    assert extreme_value_index(1e6 * x, 100, estimator) == pytest.approx(plain, rel=1e-6)
    x[np.argsort(x)[:1500]] = 0
    assert extreme_value_index(x, 100, estimator) == pytest.approx(plain, rel=1e-12)


def test_normalised_values_lose_no_digits(rng):
    x = pareto(1.5, 2000, rng)
    units = [2.0**power for power in (-300, 0, 300)]
    assert len({extreme_value_index(unit * x, 100) for unit in units}) == 1
    assert len({extreme_value_index(unit * x, 100, normalise=False) for unit in units}) == 3


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("estimator", ["hill", "moment"])
def test_ties_count_as_no_tail(estimator, normalise):
    values = np.zeros(1000)
    assert extreme_value_index(values, 50, estimator, normalise=normalise) == 0
    values[:30] = np.arange(1, 31)
    assert extreme_value_index(values, 50, estimator, normalise=normalise) == 0
    values[:200] = 5
    assert extreme_value_index(values, 50, estimator, normalise=normalise) == 0


@pytest.mark.parametrize("k", [0, 10, 11])
def test_a_number_of_largest_values_that_there_is_not(k):
    with pytest.raises(ValueError, match=f"{k} largest values cannot be taken from 10"):
        extreme_value_index(np.arange(10.0), k)


def test_each_side_has_a_tail_of_its_own(rng):
    """Pareto above with index 1.5, uniform below: xi is 2/3 and -1, within 4 standard errors."""
    side = rng.random(N) < 0.5
    x = np.where(side, pareto(1.5, N, rng) - 1.0, -rng.random(N))
    ((low, high),) = estimate_sides(x[:, None])
    assert abs(high.xi - 2 / 3) < 4 * high.xi_se and high.tail == "heavy"
    # For xi = -1 the moment estimator has the variance 4.8 / k, by Dekkers, Einmahl and de Haan.
    assert abs(low.xi + 1) < 4 * np.sqrt(4.8 / low.k) and low.tail == "light"
    assert low.k + high.k == pytest.approx(0.05 * N, abs=2)
    ((mirrored_high, mirrored_low),) = estimate_sides(-x[:, None])
    assert (mirrored_low, mirrored_high) == (low, high)


def test_a_side_of_few_values_has_no_tail(rng):
    x = np.concatenate([np.zeros(600), pareto(1.0, 400, rng)])
    ((low, high),) = estimate_sides(x[:, None])
    assert low is None and high is not None
