"""The dip of a sample: how far it is from every unimodal law."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError
from tailbench.rng.seeds import generator_for

__all__ = ["dip", "dip_score", "uniform_dip"]

SAMPLES = 400
LARGEST = 1000  # points of a uniform sample; beyond, sqrt(n) times the dip has its limit law

_Array = NDArray[np.float64]


def dip(x: _Array) -> float:
    r"""Compute the distance of a sample's distribution function from the nearest unimodal one.

    .. math:: D = \min_{G\ unimodal} \sup_x |F(x) - G(x)|,

    where a distribution function is unimodal if it is convex below some mode and concave above
    it; at the mode it may jump. Between the greatest convex minorant of the lower ends of the
    jumps and the least concave majorant of their upper ends, the modal interval is narrowed to
    the contact points around the widest gap, until no gap inside is wider than the misfit
    outside; the dip is half of that. Each narrowing takes time in proportion to the points left.

    It lies between ``1/(2n)`` and 1/4 for ``n`` distinct values, is 0 if all agree, and is the same
    after an affine map, but not after other monotone ones. It exists for every tail index.

    Args:
        x: Sample, shape ``(n,)``.

    Raises:
        InputError: If there is no point, or their range is not finite.

    References:
        Hartigan and Hartigan, The dip test of unimodality, 1985.
    """
    points, counts = np.unique(np.asarray(x, np.float64), return_counts=True)
    with np.errstate(over="ignore"):
        finite = len(points) > 0 and np.isfinite(points[-1] - points[0])
    if not finite:
        raise InputError("the dip is of a sample of finite range with at least one point")
    reached = np.cumsum(counts)
    above, below = reached / reached[-1], (reached - counts) / reached[-1]
    low, high, misfit = 0, len(points) - 1, 0.0
    while low < high:
        inside = slice(low, high + 1)
        at, down, up = points[inside], below[inside], above[inside]
        convex, concave = _contacts(at, down, 1.0), _contacts(at, up, -1.0)
        minorant = np.interp(at, at[convex], down[convex])
        majorant = np.interp(at, at[concave], up[concave])
        gaps = majorant[convex] - down[convex], up[concave] - minorant[concave]
        if max(gaps[0].max(), gaps[1].max()) <= misfit:
            break
        if gaps[0].max() >= gaps[1].max():
            left = convex[gaps[0].argmax()]
            right = concave[np.searchsorted(concave, left)]
        else:
            right = concave[gaps[1].argmax()]
            left = convex[np.searchsorted(convex, right, side="right") - 1]
        outside = (up - minorant)[:left], (majorant - down)[right + 1 :]
        misfit = max(misfit, *(float(part.max(initial=0.0)) for part in outside))
        low, high = low + int(left), low + int(right)
    return 0.5 * misfit


def _contacts(at: _Array, values: _Array, sign: float) -> NDArray[np.intp]:
    """Return the places where a function meets its convex minorant, or concave majorant at -1.

    The slopes of the minorant are the isotonic regression of the slopes between the points, each
    weighed by its length.
    """
    from scipy.optimize import isotonic_regression

    width = np.maximum(np.diff(at), np.finfo(np.float64).tiny)
    slopes = sign * np.diff(values) / width
    return isotonic_regression(slopes, weights=width).blocks


@cache
def uniform_dip(n: int) -> tuple[float, float]:
    r"""Compute mean and standard deviation of the dip of ``n`` uniform points, by 400 samples.

    The same numbers every time. Beyond 1,000 points, where :math:`\sqrt n D` has nearly its limit
    law (its mean is 2 % below it at 1,000), they are those of 1,000 points divided by
    :math:`\sqrt{n / 1000}`.

    Args:
        n: Number of points.
    """
    size = min(n, LARGEST)
    rng = generator_for("uniform dip", size)
    found = np.array([dip(rng.random(size)) for _ in range(SAMPLES)])
    shrink = (size / n) ** 0.5
    return float(found.mean()) * shrink, float(found.std(ddof=1)) * shrink


def dip_score(x: _Array) -> float:
    r"""Compute by how many standard deviations the dip is above that of a uniform sample.

    Hartigan and Hartigan (1985) compare with the uniform, as of the unimodal laws it has in large
    samples the largest dip: the scores of a Gaussian, a Cauchy or an exponential sample are below
    zero. Of uniform samples one in a hundred has a score above 3.

    Args:
        x: Sample, shape ``(n,)``.

    Raises:
        InputError: If there are fewer than four points, whose dips say nothing, or their range is
            not finite.
    """
    if len(x) < 4:
        raise InputError(f"the dip is judged by at least 4 points, not by {len(x)}")
    mean, std = uniform_dip(len(x))
    return (dip(x) - mean) / std
