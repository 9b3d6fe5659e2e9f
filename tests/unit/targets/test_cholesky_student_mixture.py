"""The mixture of the headline's source: its recipe and its exact laws."""

import numpy as np
import pytest

from tailbench.targets.cholesky_student_mixture import CholeskyStudentMixture
from tailbench.targets.student_mixture import StudentMixture


@pytest.mark.parametrize(("dim", "components"), [(2, 4), (10, 20)])
def test_data_have_the_mean_zero_and_the_deviation_one(dim, components):
    target = CholeskyStudentMixture(dim=dim, components=components, nu=5.0)
    x = target.sample(200_000, np.random.default_rng(0))
    assert np.abs(x.mean(axis=0)).max() < 0.05
    assert x.std() == pytest.approx(1.0, rel=0.05)


def test_scale_matrices_are_of_the_recipe():
    """Up to the one deviation, the Cholesky factor has the ratios u / 1 of its columns."""
    target = CholeskyStudentMixture(dim=4, components=3)
    matrices = np.einsum("kij,kj,klj->kil", target.axes, target.roots**2, target.axes)
    diagonal = np.diagonal(np.linalg.cholesky(matrices), axis1=1, axis2=2)
    assert (diagonal.max(axis=1) / diagonal.min(axis=1) < 10.0).all()
    assert np.allclose(target.weights.sum(), 1.0) and (target.weights > 0).all()


def test_marginal_quantiles_are_those_of_draws():
    target = CholeskyStudentMixture(dim=2, components=4)
    x = target.sample(400_000, np.random.default_rng(1))
    levels = np.array([0.01, 0.25, 0.5, 0.9, 0.99])
    exact = target.quantile(levels)
    below = np.stack([(x[:, [j]] <= exact[j]).mean(axis=0) for j in range(2)])
    assert np.abs(below - levels).max() < 4 * np.sqrt(0.25 / 400_000)


def test_the_density_integrates_to_one():
    """By importance sampling from the same components with heavier tails."""
    target = CholeskyStudentMixture(dim=2, components=4)
    wider = CholeskyStudentMixture(dim=2, components=4)
    wider.nu, wider.roots = 2.5, 1.3 * wider.roots
    x = wider.sample(200_000, np.random.default_rng(2))
    weights = np.exp(target.log_prob(x) - wider.log_prob(x))
    assert weights.mean() == pytest.approx(1.0, abs=5 * weights.std() / np.sqrt(len(x)))


@pytest.mark.parametrize("sigma", [0.3, 2.0])
def test_the_noised_score_weighs_components(sigma):
    """Against differences of a noised density by Monte Carlo over the clean point."""
    target = CholeskyStudentMixture(dim=2, components=3)
    clean = target.sample(400_000, np.random.default_rng(3))
    at = np.array([[0.2, -0.4], [1.0, 0.7]])
    gap = at[:, None] - clean
    log_kernel = -0.5 * np.sum((gap / sigma) ** 2, axis=-1)
    weights = np.exp(log_kernel)
    expected = -(weights[..., None] * gap).sum(axis=1) / weights.sum(axis=1)[:, None] / sigma**2
    np.testing.assert_allclose(target.noised_score(at, sigma), expected, rtol=0.05, atol=0.02)


def test_student_mixture_is_one_of_equal_weights():
    target = StudentMixture(dim=3)
    assert np.array_equal(target.weights, np.full(4, 0.25))
    assert target.nu == 2.5 and target.roots.shape == (4, 3)
