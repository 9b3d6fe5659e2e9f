"""Samplers of the reverse process, from any starting noise level down to ``sigma_min``.

Stopping at ``sigma_min > 0`` instead of zero is what makes every target admissible, however rough
(Lee, Lu and Tan, 2022; Fassina, Cardoso, Le Corff and Romary, 2026).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["evaluations", "noise_levels", "reverse"]


def noise_levels(sigma_max: float, sigma_min: float, steps: int, rho: float = 7.0) -> Tensor:
    r"""Return the ``steps + 1`` falling noise levels from ``sigma_max`` to ``sigma_min``.

    .. math:: \sigma_i = \left(\sigma_{max}^{1/\rho}
        + \tfrac{i}{n} (\delta^{1/\rho} - \sigma_{max}^{1/\rho})\right)^\rho

    Raises:
        ValueError: If not ``0 < sigma_min < sigma_max`` or there is no step.

    References:
        Karras, Aittala, Aila and Laine, Elucidating the design space, 2022, eq. 5.
    """
    if not 0.0 < sigma_min < sigma_max:
        raise ValueError(
            f"noise must fall: sigma_min {sigma_min:g} is not below sigma {sigma_max:g}"
        )
    if steps < 1:
        raise ValueError(f"at least one step is needed, not {steps}")
    ramp = torch.linspace(0.0, 1.0, steps + 1, dtype=torch.float64)
    levels = (
        sigma_max ** (1 / rho) + ramp * (sigma_min ** (1 / rho) - sigma_max ** (1 / rho))
    ) ** rho
    levels[0], levels[-1] = sigma_max, sigma_min
    return levels


def evaluations(sampler: str, steps: int) -> int:
    """Return the number of network evaluations of a sampler per sample."""
    return 2 * steps if sampler == "heun" else steps


def reverse(
    noise: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    levels: Tensor,
    sampler: str = "heun",
    draw: Callable[[], Tensor] | None = None,
    progress: Callable[[], None] | None = None,
) -> Tensor:
    r"""Run the reverse process of variance-exploding noise through the given levels.

    ``heun`` and ``euler`` solve the probability-flow equation
    :math:`dx/d\sigma = E[\epsilon | x]`; ``sde`` solves the reverse stochastic equation by the
    exact conditional law of a Gaussian bridge, :math:`x_{s} = x_t - \frac{t^2 - s^2}{t}
    E[\epsilon|x_t] + s \sqrt{1 - s^2/t^2}\, G`.

    Args:
        noise: Predictor of the noise, ``(x, sigma) -> E[epsilon | x]``, in the units of ``x``.
        x: Start, of the law of the data with noise ``levels[0]``, shape ``(E, n, d)``.
        levels: Falling noise levels, shape ``(steps + 1,)``.
        sampler: ``"heun"``, ``"euler"`` or ``"sde"``.
        draw: Standard Gaussian noise of the shape of ``x``; needed by ``"sde"``.
        progress: Called after each step.

    Returns:
        Samples at noise level ``levels[-1]``, shape ``(E, n, d)``.

    Raises:
        ValueError: If the sampler is unknown or ``"sde"`` has no noise.
    """
    if sampler not in ("heun", "euler", "sde") or (sampler == "sde" and draw is None):
        raise ValueError(f"the sampler {sampler!r} is unknown or has no noise to draw")
    ones = torch.ones(1, 1, 1, device=x.device, dtype=x.dtype)
    for t, s in zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True):
        slope = noise(x, t * ones)
        if sampler == "sde":
            assert draw is not None
            x = x - (t - s * s / t) * slope + s * (1.0 - (s / t) ** 2) ** 0.5 * draw()
        else:
            ahead = x + (s - t) * slope
            if sampler == "heun":
                ahead = x + 0.5 * (s - t) * (slope + noise(ahead, s * ones))
            x = ahead
        if progress is not None:
            progress()
    return x
