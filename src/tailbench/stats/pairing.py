"""Pairs of two samples by optimal transport."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.pot import import_pot

__all__ = ["optimal_pairs"]


def optimal_pairs(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.intp]:
    r"""Compute the permutation :math:`\pi` of least :math:`\sum_i \|x_i - y_{\pi(i)}\|^2`.

    The cost that POT is given is :math:`-\langle x_i, y_j \rangle`: the squares of the norms are
    the same for every permutation, and of points far out they would leave nothing of the rest
    after rounding. With the squared distances of 512 cubed Cauchy points and as many Gaussian
    ones in two columns, POT gives more than nine in ten a worse partner than with the products.

    Args:
        x: Points, shape ``(n, d)``.
        y: As many points, of the same shape.

    Returns:
        Index of the partner of each ``x``, shape ``(n,)``.

    Raises:
        ValueError: If the samples differ in shape.
        FloatingPointError: If POT does not find a permutation.

    References:
        Flamary et al., POT: Python Optimal Transport, 2021 (``ot.emd``).
    """
    if x.shape != y.shape:
        raise ValueError(f"pairs need samples of one shape, not {x.shape} and {y.shape}")
    plan, log = import_pot().emd([], [], -(x @ y.T), log=True)
    partner: NDArray[np.intp] = plan.argmax(axis=1)
    if log["warning"] is not None or len(np.unique(partner)) < len(x):
        raise FloatingPointError(f"optimal transport of {len(x)} points has failed: {log}")
    return partner
