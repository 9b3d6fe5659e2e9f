"""Whether the columns of data share a radius, and the constants of that radius."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit_radius", "has_radius", "quartile_factor", "share_of_joint_extremes"]

_Array = NDArray[np.float64]

QUARTILE = 0.6744897501960817  # of a standard Gaussian
LEVEL = 0.95
JOINT = 0.1  # least share of joint extremes of columns that share a radius
MOST_PAIRS = 500


def quartile_factor(shape: _Array) -> _Array:
    r"""Compute the factor by which the tail transform's quartiles would miss those of the data.

    The quartile of a standard Gaussian has :math:`u = \log 2`, which the transform takes to
    :math:`s (2^\lambda - 1)/\lambda`; it is to be 0.6745 robust units.
    """
    safe = np.where(shape > 0, shape, 1.0)
    return np.where(shape > 0, QUARTILE * safe / np.expm1(safe * math.log(2.0)), 1.0)


def share_of_joint_extremes(x: _Array) -> float:
    r"""Compute how often a column is extreme where another is, on the side where it is less so.

    Of the columns' distances to their medians the 5 % largest are extreme. Of each pair,
    :math:`P(|V| > q_V \mid U > Q_U(0.95))` and :math:`P(|V| > q_V \mid U < Q_U(0.05))`, each as
    its mean over ordered pairs; the smaller of both. 0.05 for independent columns that are
    symmetric; near 0 where one side of the columns is short, as that of losses: a radius, the
    same on all sides, would not be theirs.

    Args:
        x: Rows, shape ``(n, d)`` with ``d`` of at least 2.
    """
    from tailbench.stats.dependence import column_pairs, rank_levels

    levels = rank_levels(x)
    far = rank_levels(np.abs(x - np.median(x, axis=0))) > LEVEL
    pairs = column_pairs(x.shape[1], MOST_PAIRS)
    first, second = np.concatenate([pairs, pairs[:, ::-1]]).T
    sides = (levels > LEVEL, levels < 1.0 - LEVEL)
    joint = [(side[:, first] & far[:, second]).mean() for side in sides]
    return float(min(joint) / (1.0 - LEVEL))


def has_radius(x: _Array, shape: _Array) -> bool:
    """Return whether columns share a radius: all are heavy, and extremes come together.

    Args:
        x: Rows, shape ``(n, d)`` with ``d`` of at least 2.
        shape: Index of the tail transform of each column, 0 of a light one, shape ``(d,)``.
    """
    return bool((shape > 0).all()) and share_of_joint_extremes(x) > JOINT


def fit_radius(x: _Array, margins: Mapping[str, _Array]) -> dict[str, _Array]:
    """Compute the constants of a radius map, each of shape ``(E, 1)``.

    Common to the columns is the mean of their indices, which is also that of the radius: so each
    column keeps its own.

    Args:
        x: Data, shape ``(E, n, d)``.
        margins: ``location``, ``scale`` and ``shape`` of the tail transform of the columns.
    """
    import torch

    from tailbench.margins.tail_transform import TailTransform

    shape = margins["shape"].mean(axis=1, keepdims=True)
    common = {"common_scale": quartile_factor(shape), "common_shape": shape}
    columns = TailTransform(*(torch.from_numpy(margins[k]) for k in ("location", "scale", "shape")))
    equal = TailTransform(*(torch.from_numpy(v) for v in (0.0 * shape, *common.values())))
    v = equal(columns.inverse(torch.from_numpy(x))).numpy()
    radii = np.linalg.norm(v, axis=2) / math.sqrt(x.shape[2])
    middle, quarter = np.quantile(radii, [0.5, 0.75], axis=1)[..., None]
    spread = (quarter / middle - 1.0) / QUARTILE * quartile_factor(shape)
    return common | {"middle": middle, "spread": spread, "radius_shape": shape}
