"""The reverse process of Student-t noise with noise of its own at every step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["reverse_student"]


def reverse_student(
    noise: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    levels: Tensor,
    nu: Tensor,
    draw: Callable[[], Tensor],
    progress: Callable[[], None] | None = None,
) -> Tensor:
    r"""Run the stochastic reverse process of Student-t noise through the given levels.

    A step goes from the noise level :math:`t` to :math:`s`, with the posterior mean
    :math:`D = x_t - t \epsilon_t` of the data, :math:`\delta^2 = \|x_t - D\|^2 / t^2` in ``d``
    coordinates, and multivariate Student-t noise of :math:`\nu + d` degrees of freedom:

    .. math:: x_s = x_t - \frac{t^2 - s^2}{t} \epsilon_t
        + s \sqrt{1 - \frac{s^2}{t^2}} \sqrt{\frac{\nu + \delta^2}{\nu + d}}\, T_{\nu + d}.

    This is the law of :math:`x_s` given :math:`x_t` where the data are the point ``D``, for every
    ``nu`` and on any grid: a Gaussian bridge for each :math:`\kappa` of the noise, whose law given
    :math:`x_t` is :math:`\chi^2_{\nu + d} / (\nu + \delta^2)`. For an infinite ``nu`` it is the
    sampler ``sde`` of Gaussian noise. The scatter of the data about ``D`` is left out of
    :math:`\delta`, so that it is not exact for other data, however many the steps.

    Wakatsuki and Shimazaki's step is the same to first order in :math:`t - s`, with Gaussian noise
    of the same covariance, which exists where :math:`\nu + d > 2`.

    Args:
        noise: Predictor of the noise, ``(x, sigma) -> (x - D) / sigma``, in the units of ``x``.
        x: Start, of the law of the data with noise ``levels[0]``, shape ``(E, n, d)``.
        levels: Falling noise levels, shape ``(steps + 1,)``.
        nu: Degrees of freedom of the noise, shape ``(E, 1, 1)``; infinite for Gaussian.
        draw: Student-t noise of ``nu + d`` degrees of freedom and scale one, of the shape of ``x``.
        progress: Called after each step.

    Returns:
        Samples at noise level ``levels[-1]``, shape ``(E, n, d)``.

    References:
        Wakatsuki and Shimazaki, Self-regulating annealing in heavy-tailed diffusion models, 2026.
    """
    ones = torch.ones(1, 1, 1, device=x.device, dtype=x.dtype)
    for t, s in zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True):
        slope = noise(x, t * ones)
        square = slope.square().sum(-1, keepdim=True)
        stretch = ((nu + square) / (nu + x.shape[-1])).sqrt()
        stretch = torch.where(nu.isinf(), 1.0, stretch)
        x = x - (t - s * s / t) * slope + s * (1.0 - (s / t) ** 2) ** 0.5 * stretch * draw()
        if progress is not None:
            progress()
    return x
