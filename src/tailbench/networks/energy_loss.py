"""The energy distance between a batch and what a generator draws, with a gradient."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["energy_loss"]

SMALL = 1e-3
"""Distance below which the power of a distance is rounded off."""


def energy_loss(samples: Tensor, data: Tensor, exponent: float = 1.0) -> Tensor:
    r"""Return the energy distance of each seed, shape ``(E,)``.

    .. math:: 2 E k(X, Y) - E k(X, X') - E k(Y, Y'), \qquad
        k(x, y) = (\|x - y\|^2 + 10^{-6})^{b/2} - 10^{-3b}.

    The expectations are means over pairs of different rows, so that equal laws have the mean zero.
    The power of the distance itself has no gradient at zero; rounded off it is of negative type
    too, and the distance is zero between equal laws alone.

    Args:
        samples: Rows ``X``, shape ``(E, n, d)``.
        data: Rows ``Y``, shape ``(E, m, d)``.
        exponent: The power ``b`` in (0, 2).

    References:
        Székely and Rizzo, Energy statistics: a class of statistics based on distances, 2013;
        Micchelli, Interpolation of scattered data, 1986 (multiquadrics are of negative type).
    """
    between = _powers(samples, data, exponent).mean((-2, -1))
    return 2.0 * between - _within(samples, exponent) - _within(data, exponent)


def _within(x: Tensor, exponent: float) -> Tensor:
    """Return the mean over pairs of different rows; zero of a single row."""
    n = x.shape[-2]
    return _powers(x, x, exponent).sum((-2, -1)) / max(n * (n - 1), 1)


def _powers(x: Tensor, y: Tensor, exponent: float) -> Tensor:
    """Return ``k`` of all pairs, shape ``(E, n, m)``."""
    # products of matrices would lose near pairs that are far from zero
    distance = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    return (distance.square() + SMALL**2) ** (0.5 * exponent) - SMALL**exponent
