"""Samplers of the reverse process, from any starting noise level down to ``sigma_min``.

Stopping at ``sigma_min > 0`` instead of zero is what makes every target admissible, however rough
(Lee, Lu and Tan, 2022; Fassina, Cardoso, Le Corff and Romary, 2026).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["SAMPLERS", "evaluations", "noise_levels", "reverse"]

SAMPLERS = ("heun", "dpmpp_2m", "sde", "euler")


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
    churn: float = 0.0,
) -> Tensor:
    r"""Run the reverse process of variance-exploding noise through the given levels.

    A step goes from the noise level :math:`t` to :math:`s`, with the prediction
    :math:`\epsilon_t = E[\epsilon | x_t]` and the posterior mean :math:`D_t = x_t - t \epsilon_t`.

    - ``heun`` and ``euler`` solve the probability-flow equation :math:`dx/d\sigma =
      E[\epsilon | x]` to second and first order. With ``churn`` :math:`\gamma`, ``heun`` first
      adds noise that raises the level to :math:`(1 + \gamma) t`.
    - ``dpmpp_2m`` solves it to second order with one evaluation per step, by the posterior means
      of this and of the last step: :math:`x_s = \frac st x_t + (1 - \frac st) (D_t +
      \frac{h_t}{2 h_{t'}} (D_t - D_{t'}))`, where :math:`h_t = \log(t/s)` and :math:`t'` is
      the level of the step before.
    - ``sde`` solves the reverse stochastic equation by the exact conditional law of a Gaussian
      bridge, :math:`x_{s} = x_t - \frac{t^2 - s^2}{t} \epsilon_t + s \sqrt{1 - s^2/t^2}\, G`.

    Args:
        noise: Predictor of the noise, ``(x, sigma) -> E[epsilon | x]``, in the units of ``x``.
        x: Start, of the law of the data with noise ``levels[0]``, shape ``(E, n, d)``.
        levels: Falling noise levels, shape ``(steps + 1,)``.
        sampler: How to take a step.
        draw: Standard Gaussian noise of the shape of ``x``; needed by ``sde`` and ``churn``.
        progress: Called after each step.
        churn: Relative rise of the noise level before each step of ``heun``.

    Returns:
        Samples at noise level ``levels[-1]``, shape ``(E, n, d)``.

    Raises:
        ValueError: If the sampler is unknown, noise is needed and missing, or another sampler than
            ``heun`` is to churn.

    References:
        Karras, Aittala, Aila and Laine, Elucidating the design space, 2022 (``heun`` and its
        churn); Lu et al., DPM-Solver++, 2022 (``dpmpp_2m``).
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"the sampler {sampler!r} is unknown")
    if (sampler == "sde" or churn) and draw is None:
        raise ValueError(f"the sampler {sampler!r} has no noise to draw")
    if churn and sampler != "heun":
        raise ValueError(f"churn is for 'heun', not for {sampler!r}")
    ones = torch.ones(1, 1, 1, device=x.device, dtype=x.dtype)
    last: tuple[Tensor, float] | None = None
    for t, s in zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True):
        if churn:
            assert draw is not None
            x = x + t * ((1.0 + churn) ** 2 - 1.0) ** 0.5 * draw()
            t *= 1.0 + churn
        slope = noise(x, t * ones)
        if sampler == "sde":
            assert draw is not None
            x = x - (t - s * s / t) * slope + s * (1.0 - (s / t) ** 2) ** 0.5 * draw()
        elif sampler == "dpmpp_2m":
            mean, width = x - t * slope, math.log(t / s)
            change = 0.0 if last is None else (mean - last[0]) * (0.5 * width / last[1])
            x = s / t * x + (1.0 - s / t) * (mean + change)
            last = mean, width
        else:
            ahead = x + (s - t) * slope
            if sampler == "heun":
                ahead = x + 0.5 * (s - t) * (slope + noise(ahead, s * ones))
            x = ahead
        if progress is not None:
            progress()
    return x
