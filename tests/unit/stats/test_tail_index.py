"""Which coordinates are heavy, on laws whose tails are known."""

import numpy as np
import pytest

from tailbench.exceptions import InputError
from tailbench.stats.tail_index import estimate_tail, estimate_tails
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
        assert tail.index == pytest.approx(1.0 / tail.xi)
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


def test_a_small_sample_gets_the_benefit_of_the_doubt():
    """An index below two standard errors does not count as heavy."""
    for seed in SEEDS:
        tail = estimate_tail(np.random.default_rng(seed).standard_t(4.0, 60))
        assert (tail.tail == "heavy") is (tail.xi > max(0.05, 2 * tail.xi_se))
        assert tail.k == 30 and tail.xi_se > 0.18


@pytest.mark.parametrize("n", [0, 1, 39])
def test_too_few_values(n):
    with pytest.raises(InputError, match="at least 40 are needed"):
        estimate_tail(np.random.default_rng(0).standard_normal(n))


@pytest.mark.parametrize("other", [0, 1, 2, 3, 39])
def test_too_few_values_that_differ(other):
    x = np.zeros((1000, 2))
    x[:, 0] = np.arange(1000)
    x[:other, 1] = 1.0 + np.arange(other)
    with pytest.raises(InputError, match=r"^column 1 of the data: .* at least 40 are needed$"):
        estimate_tails(x)


def test_half_of_the_values_equal():
    x = np.zeros(4000)
    x[::2] = np.random.default_rng(0).standard_cauchy(2000)
    tail = estimate_tail(x)
    assert tail.tail == "heavy" and tail.k == 100
    assert tail.xi == pytest.approx(1.0, abs=0.4)


def test_plain_data():
    found = estimate_tail(np.random.default_rng(0).standard_t(2.5, 2000)).as_dict()
    assert set(found) == {"xi", "xi_se", "hill", "k", "tail", "index"}
