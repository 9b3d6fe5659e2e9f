"""Mixtures of t laws: the density of the target's, and what was drawn is found again."""

import numpy as np
import pytest

from tailbench.exceptions import InputError
from tailbench.stats.multivariate_student import StudentLaw
from tailbench.stats.student_mixture import StudentMixtureLaw
from tailbench.stats.student_mixture_em import best_mixture, fit_mixture
from tailbench.targets.cholesky_student_mixture import CholeskyStudentMixture

TWO = StudentMixtureLaw(
    np.array([0.3, 0.7]),
    (
        StudentLaw(np.array([-6.0, 2.0]), np.array([[1.0, 0.5], [0.5, 2.0]]), 1.5),
        StudentLaw(np.array([6.0, 0.0]), np.array([[0.5, 0.0], [0.0, 0.3]]), 6.0),
    ),
)


def test_density_and_draws_are_those_of_the_target():
    target = CholeskyStudentMixture(dim=3, components=4)
    scatters = [(q * r) @ (q * r).T for q, r in zip(target.axes, target.roots, strict=True)]
    laws = tuple(StudentLaw(m, s, target.nu) for m, s in zip(target.loc, scatters, strict=True))
    law = StudentMixtureLaw(target.weights, laws)
    x = target.sample(200, np.random.default_rng(0))
    np.testing.assert_allclose(law.log_prob(x), target.log_prob(x), rtol=1e-9)
    y = law.sample(20_000, np.random.default_rng(1))
    p = np.array([0.01, 0.2, 0.5, 0.8, 0.99])
    below = (y[:, :, None] <= target.quantile(p)).mean(axis=0)
    error = np.sqrt(p * (1 - p) / len(y))
    assert (np.abs(below - p) < 4.0 * error).all()


@pytest.fixture(scope="module")
def drawn():
    return TWO.sample(6000, np.random.default_rng(2))


@pytest.fixture(scope="module")
def found(drawn):
    return best_mixture(drawn, 6, np.random.default_rng(3))


def test_two_components_are_found_again(drawn, found):
    law, n = found.law, len(drawn)
    assert found.converged and len(law.weights) == 2
    order = np.argsort([one.loc[0] for one in law.laws])
    curvature = [1.76, 3.98]  # error of log nu times the root of the rows, by the likelihood
    for j, truth, weight, spread in zip(order, TWO.laws, TWO.weights, curvature, strict=True):
        own, rows = law.laws[j], weight * n
        assert abs(law.weights[j] - weight) < 4.0 * np.sqrt(weight * (1 - weight) / n)
        # Fisher's information of the centre is (nu + d)/(nu + d + 2) over the scatter
        inflated = (truth.nu + 4.0) / (truth.nu + 2.0) * np.diag(truth.scatter)
        assert (np.abs(own.loc - truth.loc) < 4.0 * np.sqrt(inflated / rows)).all()
        assert abs(np.log(own.nu / truth.nu)) < 4.0 * spread / np.sqrt(rows)
        np.testing.assert_allclose(own.scatter, truth.scatter, rtol=0.15, atol=0.06)


def test_it_is_likelier_than_the_truth(drawn, found):
    assert found.log_likelihood == pytest.approx(found.law.log_prob(drawn).sum(), rel=1e-6)
    assert found.log_likelihood > TWO.log_prob(drawn).sum()


def test_bic_is_its_formula(drawn, found):
    count = 1 + 2 * (2 + 3 + 1)
    assert found.bic == pytest.approx(count * np.log(6000) - 2.0 * found.log_likelihood)
    shared = fit_mixture(drawn, 2, np.random.default_rng(3), shared_nu=True)
    assert shared.law.laws[0].nu == shared.law.laws[1].nu
    assert shared.bic == pytest.approx(12 * np.log(6000) - 2.0 * shared.log_likelihood)
    assert shared.log_likelihood < found.log_likelihood


@pytest.mark.parametrize("nu", [0.8, 2.0, 30.0])
@pytest.mark.parametrize("dim", [1, 4])
def test_one_component_is_one(nu, dim):
    x = StudentLaw(np.zeros(dim), np.eye(dim), nu).sample(2000, np.random.default_rng(4))
    notes = []
    found = best_mixture(x, 6, np.random.default_rng(5), starts=3, report=notes.append)
    assert len(found.law.weights) == 1
    assert notes == ["2 components", "3 components"]


def test_a_start_is_not_drawn_to_the_farthest_rows():
    """Three lumps and a row at a billion: plain k-means++ would always choose that row."""
    rng = np.random.default_rng(6)
    x = 8.0 * np.eye(3)[rng.integers(3, size=900)] + rng.standard_normal((900, 3))
    x[0] = 1e9
    found = best_mixture(x, 5, rng, starts=3)
    assert len(found.law.weights) == 3 and min(found.law.weights) > 0.25


def test_components_without_mean_are_found_again():
    laws = tuple(StudentLaw(np.array([10.0 * side, 0.0]), np.eye(2), 0.8) for side in (-1, 1))
    x = StudentMixtureLaw(np.array([0.5, 0.5]), laws).sample(4000, np.random.default_rng(9))
    found = best_mixture(x, 5, np.random.default_rng(10), starts=3, shared_nu=True)
    assert len(found.law.weights) == 2
    # 1.4 by the likelihood of one law; some more, since these two overlap far out
    assert abs(np.log(found.law.laws[0].nu / 0.8)) < 4.0 * 1.6 / np.sqrt(4000)
    assert sorted(round(one.loc[0]) for one in found.law.laws) == [-10, 10]


def test_equal_rows_do_not_make_the_likelihood_infinite():
    rng = np.random.default_rng(7)
    x = rng.standard_normal((600, 2))
    x[:200] = 0.5
    found = best_mixture(x, 4, rng, starts=3)
    assert np.isfinite(found.log_likelihood)
    for law in found.law.laws:
        assert np.linalg.eigvalsh(law.scatter)[0] > 1e-8


def test_too_many_components_are_refused():
    x = np.random.default_rng(8).standard_normal((40, 3))
    with pytest.raises(InputError, match="20 components leaves one of them with fewer than 8"):
        fit_mixture(x, 20, np.random.default_rng(0))
