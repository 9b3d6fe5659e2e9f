"""The multivariate t against scipy, and its maximum likelihood against the law that was drawn."""

import numpy as np
import pytest
from scipy import stats

from tailbench.stats.multivariate_student import (
    NU_RANGE,
    StudentLaw,
    best_nu,
    fit_student,
    student_step,
)


def law(dim, nu, seed=0):
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((dim, dim)) + 2.0 * np.eye(dim)
    scatter = factor @ factor.T
    size = np.sqrt(np.diag(scatter))
    return StudentLaw(rng.standard_normal(dim), scatter / np.outer(size, size), nu)


def error_of_log_nu(law, x):
    """The standard error, from the curvature of the likelihood in log nu and the log of the size.

    The other parameters are not correlated with these two, by symmetry.
    """

    def mean_log_prob(a, b):
        moved = StudentLaw(law.loc, np.exp(b) * law.scatter, np.exp(a) * law.nu)
        return moved.log_prob(x).mean()

    h = 1e-3
    aa, bb = (
        (mean_log_prob(*(h * e)) - 2.0 * mean_log_prob(0, 0) + mean_log_prob(*(-h * e))) / h**2
        for e in np.eye(2)
    )
    ab = sum(s * t * mean_log_prob(s * h, t * h) for s in (1, -1) for t in (1, -1)) / (4 * h**2)
    return np.sqrt(np.linalg.inv(-np.array([[aa, ab], [ab, bb]]))[0, 0] / len(x))


@pytest.mark.parametrize(("dim", "nu"), [(1, 0.7), (3, 2.5), (4, 50.0)])
def test_density_is_that_of_scipy(dim, nu):
    one, x = law(dim, nu), 10.0 * np.random.default_rng(1).standard_normal((50, dim))
    exact = stats.multivariate_t(one.loc, one.scatter, nu).logpdf(x)
    np.testing.assert_allclose(one.log_prob(x), exact, rtol=1e-10)


def test_draws_have_the_margins_of_the_law():
    one = law(3, 1.5)
    x = one.sample(20_000, np.random.default_rng(2))
    for j in range(3):
        exact = stats.t(1.5, one.loc[j], np.sqrt(one.scatter[j, j]))
        assert stats.kstest(x[:, j], exact.cdf).pvalue > 1e-3


@pytest.mark.parametrize("nu", [0.3, 0.8, 3.0, 12.0])
@pytest.mark.parametrize("dim", [1, 5])
def test_recovers_the_law_of_its_draws(dim, nu):
    one = law(dim, nu)
    x = one.sample(8000, np.random.default_rng(3))
    fit = fit_student(x)
    assert fit.converged
    assert abs(np.log(fit.law.nu / nu)) < 4.0 * error_of_log_nu(one, x)
    # at least as likely as the truth
    assert fit.law.log_prob(x).sum() >= one.log_prob(x).sum()


def test_agrees_with_scipy_in_one_dimension():
    x = stats.t(2.2, 0.3, 1.4).rvs(2000, random_state=4)
    nu, loc, scale = stats.t.fit(x)
    fit = fit_student(x[:, None], tolerance=1e-9).law
    found = [fit.nu, fit.loc[0], np.sqrt(fit.scatter[0, 0])]
    np.testing.assert_allclose(found, [nu, loc, scale], rtol=2e-3, atol=1e-3)


def test_no_law_nearby_is_likelier():
    x = law(3, 2.0).sample(500, np.random.default_rng(5))
    best = fit_student(x, tolerance=1e-10).law
    top = best.log_prob(x).sum()
    rng = np.random.default_rng(6)
    for _ in range(50):
        tilt = np.eye(3) + 0.01 * rng.standard_normal((3, 3))
        near = StudentLaw(
            best.loc + 0.01 * rng.standard_normal(3),
            tilt @ best.scatter @ tilt.T,
            best.nu * np.exp(0.02 * rng.standard_normal()),
        )
        assert near.log_prob(x).sum() < top


def test_a_step_never_lowers_the_weighted_likelihood():
    rng = np.random.default_rng(7)
    x, weights = rng.standard_t(1.0, (300, 2)), rng.uniform(size=300)
    one, before = StudentLaw(np.array([5.0, -5.0]), 9.0 * np.eye(2), 20.0), -np.inf
    for _ in range(30):
        now = weights @ one.log_prob(x)
        assert now >= before - 1e-9
        before, one = now, student_step(x, one, one.distances(x), weights)


def test_given_degrees_of_freedom_stay():
    x = law(2, 3.0).sample(2000, np.random.default_rng(8))
    assert fit_student(x, 1.5).law.nu == 1.5
    gaussian = fit_student(x[np.abs(x).max(axis=1) < 4.0], 1000.0).law
    inner = x[np.abs(x).max(axis=1) < 4.0]
    np.testing.assert_allclose(gaussian.loc, inner.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(gaussian.scatter, np.cov(inner.T), rtol=0.02, atol=0.01)


@pytest.mark.parametrize("near", [0.1, 1.0, 1000.0])
def test_the_root_does_not_depend_on_where_the_search_begins(near):
    distances = np.random.default_rng(9).chisquare(3, 500) / np.linspace(0.2, 2.0, 500)
    found = best_nu(distances, 3, np.ones(500), near)
    assert found == pytest.approx(best_nu(distances, 3, np.ones(500), 5.0), rel=1e-6)
    grid = [
        StudentLaw(np.zeros(3), np.eye(3), nu).log_density(distances).sum()
        for nu in (0.99 * found, found, 1.01 * found)
    ]
    assert grid[1] == max(grid)


def test_the_ends_of_the_range_are_reached():
    assert best_nu(np.full(50, 3.0), 3, np.ones(50), 4.0) == pytest.approx(NU_RANGE[1])
    assert best_nu(np.geomspace(1e-60, 1e60, 50), 3, np.ones(50), 4.0) == pytest.approx(NU_RANGE[0])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda x: np.column_stack([x, x[:, 0]]),  # a plane
        lambda x: x[:3],  # fewer rows than it takes
        lambda x: np.where(np.arange(len(x))[:, None] < 300, 0.0, x),  # many equal rows
    ],
)
def test_where_the_likelihood_is_unbounded_the_scatter_is_not_singular(spoil):
    x = spoil(np.random.default_rng(10).standard_t(2.0, (400, 3)))
    fit = fit_student(x).law
    values = np.linalg.eigvalsh(fit.scatter)
    assert values[0] >= 0.99e-9 * values[-1] and values[0] >= 0.99e-12
    assert np.isfinite(fit.log_prob(x)).all()
    if x.shape[1] == 4:
        y = fit.sample(500, np.random.default_rng(0))
        np.testing.assert_allclose(y[:, 3], y[:, 0], atol=1e-3 * np.abs(y).max())
