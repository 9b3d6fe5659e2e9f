"""Correlation matrices of copulas: Kendall's tau of many columns, and the nearest valid matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["equal_correlation", "kendall_tau", "nearest_correlation", "root"]

Array = NDArray[np.float64]

BLOCK = 256  # rows of which all pairs are compared
LEAST = 1e-6  # least eigenvalue


def kendall_tau(x: Array) -> Array:
    r"""Compute Kendall's tau of all pairs of columns by pairs of rows within blocks.

    .. math:: \tau_{jk} = \frac{E\, s_j s_k}{\sqrt{E s_j^2 \, E s_k^2}}, \qquad
        s_j = \mathrm{sign}(X_j - X_j'),

    which is tau-b where there are ties. Rows are compared with those of their own block of 256
    alone: a product of matrices for each block, in the place of a sort for each pair of columns.
    The variance is above that of all pairs by about a hundredth. Up to 511 rows are one block.

    Args:
        x: Data in random order, shape ``(n, d)``, with no constant column.

    Returns:
        Shape ``(d, d)``, with ones on the diagonal; 0 between columns that differ in no block.

    References:
        Kendall, A new measure of rank correlation, 1938; The treatment of ties in ranking
        problems, 1945; Blom, Some properties of incomplete U-statistics, 1976.
    """
    d = x.shape[1]
    total = np.zeros((d, d))
    for rows in np.array_split(x, max(len(x) // BLOCK, 1)):
        first, second = np.triu_indices(len(rows), 1)
        signs = np.sign(rows[first] - rows[second]).astype(np.float32)
        total += signs.T @ signs
    untied = np.sqrt(np.maximum(np.diag(total), 1.0))
    tau = total / np.outer(untied, untied)
    np.fill_diagonal(tau, 1.0)
    return tau


def nearest_correlation(matrix: Array, steps: int = 200) -> Array:
    """Compute the nearest correlation matrix in the Frobenius norm, with eigenvalues from 1e-6.

    By alternating projections with Dykstra's correction. A matrix that is one already is returned
    as it is.

    Args:
        matrix: Symmetric, shape ``(d, d)``, with ones on the diagonal.
        steps: Largest number of projections.

    Returns:
        Shape ``(d, d)``.

    References:
        Higham, Computing the nearest correlation matrix, 2002.
    """
    if np.linalg.eigvalsh(matrix)[0] >= LEAST:
        return matrix
    result, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(steps):
        shifted = result - correction
        values, vectors = np.linalg.eigh(shifted)
        valid = (vectors * np.maximum(values, LEAST)) @ vectors.T
        correction = valid - shifted
        result = valid.copy()
        np.fill_diagonal(result, 1.0)
        if np.abs(result - valid).max() < 1e-8:
            break
    units = np.sqrt(np.diag(valid))
    result = valid / np.outer(units, units)
    np.fill_diagonal(result, 1.0)
    return result


def root(matrix: Array) -> Array:
    """Return the lower triangular factor of a correlation matrix, shape ``(d, d)``."""
    factor: Array = np.linalg.cholesky(matrix).astype(np.float64)
    return factor


def equal_correlation(dim: int, rho: float) -> Array:
    """Return the matrix with ones on the diagonal and ``rho`` beside it, ``(d, d)``."""
    return np.full((dim, dim), rho) + (1.0 - rho) * np.eye(dim)
