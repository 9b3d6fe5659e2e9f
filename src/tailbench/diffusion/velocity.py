r"""A velocity from noise to data that is linear at infinity.

On the way :math:`x_t = (1 - t) x_0 + t y` from a base :math:`x_0` of scale :math:`k` to data
:math:`y` of scale one, drawn apart, the velocity is :math:`v(x, t) = E[y - x_0 | x_t = x]`. If
both are Gaussian it is a line, and what is left of :math:`y - x_0` has one deviation for all x:

.. math:: v(x, t) = \frac{t - (1-t) k^2}{m^2} x, \qquad \frac{k}{m}, \qquad
    m^2 = t^2 + (1 - t)^2 k^2.

A network corrects that line,

.. math:: \hat v(x, t) = \frac{t - (1-t) k^2}{m^2}\, x + \frac{k}{m}\, F(x / m, t).

At both ends the line is right for every law of centre zero, and over the whole way it takes
:math:`x` to :math:`x / k`, however far out: what ``F`` adds grows like a logarithm. That is our
parametrisation; published networks of flow matching are told ``x`` and give ``v``.

References:
    Lipman et al., Flow matching for generative modeling, 2023.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tailbench.diffusion.batch_mean import Kernel, batch_mean, gaussian_kernel

__all__ = ["Base", "VelocityField", "far_weight"]

Base = Callable[[Callable[[], Tensor], Callable[..., Tensor]], Tensor]
"""Draws the base, ``(E, n, d)``, from a source of Gaussian numbers of that shape, and one of
uniform numbers ``(E, n, *shape)``."""
SOFT = 1e-3  # of the time at its ends, where the odds of noise to data would be 0 or infinite


def far_weight(x: Tensor, damping: float) -> Tensor:
    r"""Return :math:`(2 / (1 + r^2))^p` with the mean square :math:`r^2` over the coordinates.

    A loss :math:`E\, w(x_t, t) \|\hat v - v\|^2` has the same minimum for every weight of the
    network's own input, :math:`E[v | x_t]`. Points far out have errors as large as they are: with
    ``p`` 1 they count no more than others, and with 0 as much as their square.

    Args:
        x: Input in units in which it is of the order of one, shape ``(E, n, d)``.
        damping: The exponent ``p``.
    """
    return (2.0 / (1.0 + x.square().mean(-1, keepdim=True))) ** damping


class VelocityField(nn.Module):
    """The velocity of each seed, in the units of the model.

    Args:
        network: The conditional network ``F`` of each seed.
        base: Draws the base.
        scale: Scale ``k`` of the base, one number for each seed, shape ``(E,)``; one if left out.
        kernel: Log-density of the base.
    """

    scale: Tensor

    def __init__(
        self,
        network: nn.Module,
        base: Base,
        scale: Tensor | None = None,
        kernel: Kernel = gaussian_kernel,
    ) -> None:
        super().__init__()
        self.network, self.base, self.kernel = network, base, kernel
        scale = torch.ones(1) if scale is None else scale
        self.register_buffer("scale", scale.double().view(-1, 1, 1), persistent=False)

    def coefficients(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the line's slope, the correction's factor and the scale ``m`` of the input."""
        k = self.scale.to(t.dtype)
        size = (t.square() + (k * (1.0 - t)).square()).sqrt()
        return (t - (1.0 - t) * k.square()) / size.square(), k / size, size

    def correction(self, x: Tensor, t: Tensor) -> Tensor:
        """Evaluate the network ``F`` at an input of unit scale, in the precision of ``x``."""
        single = next(self.parameters()).dtype
        odds = (1.0 - t + SOFT) / (t + SOFT)
        return self.network(x.to(single), odds.to(single)).to(x.dtype)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Compute the velocity, shape ``(E, n, d)``, at a time ``t`` broadcast against ``x``."""
        line, factor, size = self.coefficients(t)
        return line * x + factor * self.correction(x / size, t)

    def loss(
        self,
        base: Tensor,
        data: Tensor,
        t: Tensor,
        weight: Tensor | float,
        damping: float,
        batch: Tensor | None = None,
    ) -> Tensor:
        """Compute the squared error of the velocity of each seed, shape ``(E,)``.

        Args:
            base: The base's draws, shape ``(E, n, d)``.
            data: Data, of the same shape, the partner of each draw.
            t: Times, shape ``(E, n, 1)``.
            weight: Weight of each time.
            damping: How much points far out are weighed down: see :func:`far_weight`.
            batch: The rows that ``data`` are of, shape ``(E, B, d)``, if they were drawn apart
                from the base: the target is the mean velocity over them, see
                :mod:`tailbench.diffusion.batch_mean`.
        """
        x = (1.0 - t) * base + t * data
        if batch is not None:
            data = batch_mean(x, batch, t, 1.0 - t, self.kernel)
            base = (x - t * data) / (1.0 - t)
        line, factor, size = self.coefficients(t)
        wanted = (data - base - line * x) / factor
        unit = x / size
        weight = far_weight(unit, damping) * weight * factor.square()
        return (weight * (self.correction(unit, t) - wanted).square()).mean((-2, -1)).float()
