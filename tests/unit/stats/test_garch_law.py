"""Joint GARCH series against a simulation written out, and the t copula against what was drawn."""

import numpy as np
import pytest
from scipy import stats

from tailbench.stats.garch_law import GarchLaw

CORRELATION = np.array([[1.0, 0.6], [0.6, 1.0]])
LAW = GarchLaw(
    mean=np.array([0.1, -1.0]),
    omega=np.array([0.05, 2.0]),
    alpha=np.array([0.1, 0.05]),
    beta=np.array([0.85, 0.5]),
    nu=np.array([8.0, 12.0]),
    start=np.array([1.0, 4.0]),
    correlation=CORRELATION,
    joint_nu=5.0,
)


def innovations(n, rng, nu=LAW.nu):
    """Draws of the copula with its margins, by scipy alone."""
    w = stats.multivariate_t(np.zeros(2), CORRELATION, LAW.joint_nu).rvs(n, random_state=rng)
    return stats.t.ppf(stats.t.cdf(w, LAW.joint_nu), nu) * np.sqrt((nu - 2.0) / nu)


def path(n, rng):
    """One long series."""
    z, x = innovations(n, rng), np.empty((n, 2))
    variance = LAW.omega / (1.0 - LAW.alpha - LAW.beta)
    for t in range(n):
        x[t] = np.sqrt(variance) * z[t]
        variance = LAW.omega + LAW.alpha * x[t] ** 2 + LAW.beta * variance
    return LAW.mean + x


@pytest.fixture(scope="module")
def drawn():
    return LAW.sample(20_000, 300, np.random.default_rng(0))


def test_the_variance_is_the_unconditional_one(drawn):
    squares = (drawn - LAW.mean) ** 2
    exact = LAW.omega / (1.0 - LAW.alpha - LAW.beta)
    error = squares.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(squares.mean(axis=0) - exact) < 4.0 * error).all()
    assert (np.abs(drawn.mean(axis=0) - LAW.mean) < 4.0 * np.sqrt(exact / len(drawn))).all()


def test_rows_are_those_of_a_long_series_without_its_clusters(drawn):
    long = path(200_000, np.random.default_rng(1))
    parts = long.reshape(40, -1, 2)  # much longer than volatility remembers
    for p in (0.01, 0.1, 0.5, 0.9, 0.99):
        level = np.quantile(long, p, axis=0)
        below = (parts <= level).mean(axis=1)
        error = np.sqrt(below.var(axis=0) / len(parts) + p * (1 - p) / len(drawn))
        assert (np.abs((drawn <= level).mean(axis=0) - p) < 4.0 * error).all()
    both = (parts > np.quantile(long, 0.95, axis=0)).all(axis=2).mean(axis=1)
    share = (drawn > np.quantile(long, 0.95, axis=0)).all(axis=1).mean()
    error = np.sqrt(both.var() / len(parts) + share / len(drawn))
    assert abs(share - both.mean()) < 4.0 * error
    size = np.abs(drawn - np.median(drawn, axis=0))
    neighbours = stats.spearmanr(size[:-1, 0], size[1:, 0]).statistic
    assert abs(neighbours) < 4.0 / np.sqrt(len(drawn))


@pytest.mark.parametrize(("joint_nu", "nu"), [(1.0, 2.1), (4.0, 4.0), (150.0, 2.5), (2.0, 400.0)])
def test_innovations_have_their_margins(joint_nu, nu):
    """Without volatility a sample is an innovation, whatever the tails of the copula."""
    one, zero = np.ones(1), np.zeros(1)
    law = GarchLaw(zero, one, zero, zero, np.array([nu]), one, np.ones((1, 1)), joint_nu)
    x = law.sample(50_000, 1, np.random.default_rng(2))[:, 0]
    exact = stats.t(nu, scale=np.sqrt((nu - 2.0) / nu))
    assert stats.kstest(x, exact.cdf).pvalue > 1e-3
    p = np.array([1e-3, 1.0 - 1e-3])
    below = (x[:, None] <= exact.ppf(p)).mean(axis=0)
    assert (np.abs(below - p) < 4.0 * np.sqrt(p * (1 - p) / len(x))).all()
