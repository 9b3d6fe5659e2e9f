r"""Gaussian and Student-t copulas: draws, and their fit to ranks.

The copula of :math:`Z \sim N(0, R)`, or of :math:`Z \sqrt{\nu / \chi^2_\nu}`. An infinite ``nu`` is
the Gaussian copula.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.correlation import kendall_tau, nearest_correlation
from tailbench.stats.semiparametric import pseudo_levels

__all__ = [
    "copula_levels",
    "draw_elliptical",
    "fit_gaussian_copula",
    "fit_student_copula",
    "log_likelihood",
]

Array = NDArray[np.float64]

RANGE = 0.2, 200.0  # of the degrees of freedom
ROWS = 20_000  # by which they are chosen


def draw_elliptical(factor: Array, nu: float, n: int, rng: np.random.Generator) -> Array:
    """Draw from a Gaussian (``nu`` infinite) or multivariate Student-t law.

    Args:
        factor: Factor ``L`` of the correlation matrix ``L L^T``, shape ``(d, d)``.
        nu: Degrees of freedom.
        n: Number of samples.
        rng: The only source of randomness.

    Returns:
        Shape ``(n, d)``.
    """
    z = rng.standard_normal((n, len(factor))) @ factor.T
    if math.isinf(nu):
        return z
    return z / np.sqrt(rng.chisquare(nu, (n, 1)) / nu)


def copula_levels(z: Array, nu: float) -> tuple[Array, Array]:
    """Return the levels of a standard Gaussian or Student-t variable and their distances from 1.

    Each is exact where it is small, far beyond what the distance of another from 1 could be.

    Args:
        z: Values, any shape.
        nu: Degrees of freedom, infinite for the Gaussian law.
    """
    from scipy.special import ndtr, stdtr

    small = ndtr(-np.abs(z)) if math.isinf(nu) else stdtr(nu, -np.abs(z))
    return np.where(z < 0, small, 1.0 - small), np.where(z < 0, 1.0 - small, small)


def fit_gaussian_copula(x: Array) -> Array:
    """Train a Gaussian copula: the correlation of normal scores, equal ones for equal values.

    Args:
        x: Data, shape ``(n, d)``.

    Returns:
        Correlation matrix, shape ``(d, d)``.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    scores = ndtri(rankdata(x, axis=0) / (len(x) + 1.0))
    return nearest_correlation(np.atleast_2d(np.corrcoef(scores.T)))


def fit_student_copula(x: Array, rng: np.random.Generator) -> tuple[Array, float]:
    r"""Train a Student-t copula.

    The correlation is :math:`\rho = \sin(\pi \tau / 2)` of Kendall's :math:`\tau`, then the nearest
    correlation matrix; the degrees of freedom, from 0.2 to 200, maximise the pseudo-likelihood
    given that, of up to 20,000 rows, where equal values are put in random order.

    Args:
        x: Data, shape ``(n, d)``.
        rng: What orders rows and equal values.

    Returns:
        Correlation matrix, shape ``(d, d)``, and degrees of freedom; infinite for one column.

    References:
        Demarta and McNeil, The t copula and related copulas, 2005; Genest, Ghoudi and Rivest, A
        semiparametric estimation procedure of dependence parameters in multivariate families of
        distributions, 1995.
    """
    from scipy.optimize import minimize_scalar

    if x.shape[1] == 1:
        return np.ones((1, 1)), math.inf
    x = x[rng.permutation(len(x))]
    matrix = nearest_correlation(np.sin(0.5 * math.pi * kendall_tau(x)))
    levels = pseudo_levels(x, rng)[:ROWS]
    found = minimize_scalar(
        lambda log_nu: -log_likelihood(levels, matrix, math.exp(log_nu)),
        bounds=tuple(np.log(RANGE)),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return matrix, math.exp(float(found.x))


def log_likelihood(levels: Array, matrix: Array, nu: float) -> float:
    r"""Compute the mean log-density of a Student-t copula.

    .. math:: \log f_\nu(t; R) - \sum_j \log f_\nu(t_j), \qquad t_j = T_\nu^{-1}(u_j).

    Args:
        levels: Levels in (0, 1), shape ``(n, d)``.
        matrix: Correlation matrix, shape ``(d, d)``.
        nu: Degrees of freedom.
    """
    from scipy.linalg import solve_triangular
    from scipy.special import stdtrit

    d = len(matrix)
    different, where = np.unique(levels, return_inverse=True)  # ranks are those of all columns
    t = stdtrit(nu, different)[where].reshape(levels.shape)
    factor = np.linalg.cholesky(matrix)
    squares = np.sum(solve_triangular(factor, t.T, lower=True) ** 2, axis=0)
    constant = math.lgamma(0.5 * (nu + d)) + (d - 1) * math.lgamma(0.5 * nu)
    constant -= d * math.lgamma(0.5 * (nu + 1.0)) + float(np.sum(np.log(np.diag(factor))))
    joint = -0.5 * (nu + d) * np.log1p(squares / nu)
    single = 0.5 * (nu + 1.0) * np.sum(np.log1p(t**2 / nu), axis=1)
    return constant + float(np.mean(joint + single))
