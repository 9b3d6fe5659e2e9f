"""Kendall's tau in blocks, and the nearest correlation matrix."""

import numpy as np
import pytest
from scipy import stats

from tailbench.stats.correlation import equal_correlation, kendall_tau, nearest_correlation, root


def correlated(n, rho, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, len(rho))) @ root(rho).T


def test_one_block_is_all_pairs():
    x = correlated(400, equal_correlation(3, 0.6))
    found = kendall_tau(x)
    for j in range(3):
        for k in range(3):
            exact = stats.kendalltau(x[:, j], x[:, k]).statistic
            assert found[j, k] == pytest.approx(exact, abs=1e-12)


def test_ties_are_those_of_tau_b():
    x = np.round(correlated(400, equal_correlation(2, 0.6)))
    x[:, 1] = np.maximum(x[:, 1], 0.0)
    exact = stats.kendalltau(*x.T).statistic
    assert kendall_tau(x)[0, 1] == pytest.approx(exact, abs=1e-12)


def test_blocks_are_nearly_as_exact_as_all_pairs():
    """Of the same draws, the error of both; and both are near 2/pi arcsin(rho)."""
    rho, n = equal_correlation(2, 0.5), 4000
    exact = 2 / np.pi * np.arcsin(0.5)
    errors = []
    for seed in range(40):
        x = correlated(n, rho, seed)
        every = stats.kendalltau(*x.T).statistic
        errors.append((kendall_tau(x)[0, 1] - exact, every - exact))
    blocks, every = np.square(errors).mean(axis=0) ** 0.5
    assert blocks < 1.1 * every
    assert np.abs(np.mean(errors, axis=0)).max() < 3 * every / np.sqrt(40)


def test_tau_sees_ranks_alone():
    x = correlated(3000, equal_correlation(4, 0.3))
    assert np.array_equal(kendall_tau(x), kendall_tau(np.sinh(20 * x)))
    assert (np.diag(kendall_tau(x)) == 1).all()


def test_a_correlation_matrix_is_its_own_nearest():
    rho = equal_correlation(5, 0.4)
    assert np.array_equal(nearest_correlation(rho), rho)


def test_the_nearest_matrix_of_the_source():
    """The example of Higham (2002), section 5: a distance of 0.5278."""
    given = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=float)
    found = nearest_correlation(given)
    expected = [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.linalg.norm(found - given) == pytest.approx(0.5278, abs=1e-4)


@pytest.mark.parametrize("d", [2, 10, 60])
def test_the_nearest_matrix_is_a_correlation_matrix(d):
    noise = np.random.default_rng(d).uniform(-1, 1, (d, d))
    given = np.sign(noise + noise.T)
    np.fill_diagonal(given, 1.0)
    found = nearest_correlation(given)
    assert np.array_equal(found, found.T) or np.allclose(found, found.T, atol=1e-15)
    assert (np.diag(found) == 1).all() and np.linalg.eigvalsh(found)[0] > 0
    np.testing.assert_allclose(root(found) @ root(found).T, found, atol=1e-12)
