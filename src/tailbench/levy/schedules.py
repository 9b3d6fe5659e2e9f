r"""Noise schedules of the Lévy family.

Time runs from 0 (data) to 1. At time ``u`` the noisy data are
:math:`\bar\gamma(u) X_0 + \bar\sigma(u)\, \epsilon`, with stable noise of scale one; from one time
to the next, :math:`X_t = \gamma_t X_{t-1} + \sigma_t \epsilon_t`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

__all__ = ["Grid", "Schedule", "cosine", "exploding", "grid", "lim_cosine"]

Schedule = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From times in (0, 1) to the signal's factor and the noise's scale, in double precision."""

OFFSET = 0.008
RHO = 7.0


def _angles(u: Tensor) -> tuple[Tensor, float]:
    start = OFFSET / (1.0 + OFFSET) * math.pi / 2
    return (u.double() + OFFSET) / (1.0 + OFFSET) * (math.pi / 2), start


def cosine(alpha: float) -> Schedule:
    r"""Return the scale-preserving schedule of DLPM.

    .. math:: \bar\gamma(u) = \left(\frac{f(u)}{f(0)}\right)^{1/\alpha}, \qquad
        f(u) = \cos^2\left(\frac{u + s}{1 + s} \frac\pi2\right), \qquad
        \bar\sigma(u) = (1 - \bar\gamma(u)^\alpha)^{1/\alpha}, \qquad s = 0.008.

    References:
        Shariatian, Simsekli and Durmus, Denoising Lévy probabilistic models, 2025; the cosine
        is that of Nichol and Dhariwal, 2021.
    """

    def at(u: Tensor) -> tuple[Tensor, Tensor]:
        angle, start = _angles(u)
        # 1 - cos(angle)^2 / cos(start)^2, without the cancellation near time 0
        noise = (angle - start).sin() * (angle + start).sin() / math.cos(start) ** 2
        signal = (angle.cos() / math.cos(start)).square()
        return signal ** (1.0 / alpha), noise ** (1.0 / alpha)

    return at


def lim_cosine(alpha: float) -> Schedule:
    r"""Return the schedule of LIM, which differs from DLPM's at ``alpha < 2``.

    .. math:: a(u) = \cos\left(\frac{u + s}{1 + s} \frac\pi2\right) \Big/
        \cos\left(\frac{s}{1 + s} \frac\pi2\right), \qquad
        \sigma(u) = (1 - a(u)^\alpha)^{1/\alpha}, \qquad s = 0.008.

    References:
        Yoon, Park, Kim and Lim, Score-based generative models with Lévy processes, 2023.
    """

    def at(u: Tensor) -> tuple[Tensor, Tensor]:
        angle, start = _angles(u)
        log_square = torch.log1p(
            -(angle - start).sin() * (angle + start).sin() / math.cos(start) ** 2
        )
        return (0.5 * log_square).exp(), (-(0.5 * alpha * log_square).expm1()) ** (1.0 / alpha)

    return at


def exploding(sigma_min: float, sigma_max: float) -> Schedule:
    r"""Return the scale-exploding schedule: no shrinking, from ``sigma_min`` to ``sigma_max``.

    .. math:: \bar\gamma(u) = 1, \qquad \bar\sigma(u) = \left(\sigma_{min}^{1/7}
        + u\,(\sigma_{max}^{1/7} - \sigma_{min}^{1/7})\right)^7

    References:
        Karras, Aittala, Aila and Laine, Elucidating the design space, 2022, eq. 5 (the spacing).
    """
    low, high = sigma_min ** (1.0 / RHO), sigma_max ** (1.0 / RHO)

    def at(u: Tensor) -> tuple[Tensor, Tensor]:
        u = u.double()
        return torch.ones_like(u), (low + u * (high - low)) ** RHO

    return at


@dataclass(frozen=True)
class Grid:
    r"""A schedule at ``T`` steps; entry 0 of the cumulated coefficients is the data itself.

    Attributes:
        alpha: Stability of the noise.
        gbar: Cumulated factor of the signal, shape ``(T + 1,)``.
        sbar: Cumulated scale of the noise, shape ``(T + 1,)``.
    """

    alpha: float
    gbar: Tensor
    sbar: Tensor

    @property
    def steps(self) -> int:
        """Number of steps ``T``."""
        return len(self.gbar) - 1

    @property
    def gamma(self) -> Tensor:
        r"""Factor of the signal at each step, :math:`\bar\gamma_t / \bar\gamma_{t-1}`, ``(T,)``."""
        return self.gbar[1:] / self.gbar[:-1]

    @property
    def sigma(self) -> Tensor:
        r"""Scale of the noise of each step, shape ``(T,)``.

        .. math:: \sigma_t^\alpha = \bar\sigma_t^\alpha - \gamma_t^\alpha \bar\sigma_{t-1}^\alpha
        """
        power = partial(torch.pow, exponent=self.alpha)
        left = power(self.sbar[1:]) - power(self.gamma * self.sbar[:-1])
        # rounding alone can make a tiny difference negative, and its root not a number
        return left.clamp(min=0.0) ** (1.0 / self.alpha)


def grid(schedule: Schedule, alpha: float, steps: int, end: float) -> Grid:
    """Return a schedule at ``steps`` equal steps of time from 0 to ``end``.

    Raises:
        ValueError: If there is no step, or the end is outside (0, 1].
    """
    if steps < 1:
        raise ValueError(f"at least one step is needed, not {steps}")
    if not 0.0 < end <= 1.0:
        raise ValueError(f"time ends in (0, 1], not at {end:g}")
    times = torch.linspace(0.0, end, steps + 1, dtype=torch.float64)[1:]
    gbar, sbar = schedule(times)
    one = torch.ones(1, dtype=torch.float64)
    return Grid(alpha, torch.cat([one, gbar]), torch.cat([0.0 * one, sbar]))
