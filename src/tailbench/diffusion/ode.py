"""Solvers of an ordinary differential equation on given times."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["SOLVERS", "evaluations", "integrate"]

SOLVERS = ("euler", "heun", "midpoint")


def evaluations(solver: str, steps: int) -> int:
    """Return the number of evaluations of the velocity for each sample."""
    return steps if solver == "euler" else 2 * steps


def integrate(
    velocity: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    times: Tensor,
    solver: str = "heun",
    progress: Callable[[], None] | None = None,
) -> Tensor:
    r"""Compute the end of :math:`dx/dt = v(x, t)` from its beginning.

    ``euler`` is of first order, with one evaluation per step; ``heun`` takes the mean of the
    velocities at both ends of a step, ``midpoint`` the velocity in its middle, and both are of
    second order.

    Args:
        velocity: ``(x, t) -> v``, with ``t`` of shape ``(1, 1, 1)``.
        x: Beginning, shape ``(E, n, d)``; all is computed in its precision.
        times: The times, both ends included, shape ``(steps + 1,)``.
        solver: How to take a step.
        progress: Called after each step.

    Raises:
        ValueError: If the solver is unknown.
    """
    if solver not in SOLVERS:
        raise ValueError(f"the solver {solver!r} is unknown")
    ones = torch.ones(1, 1, 1, device=x.device, dtype=x.dtype)
    for t, s in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        step = s - t
        slope = velocity(x, t * ones)
        if solver == "heun":
            slope = 0.5 * (slope + velocity(x + step * slope, s * ones))
        elif solver == "midpoint":
            slope = velocity(x + 0.5 * step * slope, (t + 0.5 * step) * ones)
        x = x + step * slope
        if progress is not None:
            progress()
    return x
