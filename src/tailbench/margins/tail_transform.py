r"""The tail transform, which turns light tails into power-law tails of a given index.

References:
    Hickling and Prangle, Flexible tails for normalizing flows, 2025.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["TailTransform", "half_log_erfc", "inverse_half_log_erfc"]

LOG2 = math.log(2.0)


def half_log_erfc(z: Tensor) -> Tensor:
    r"""Return :math:`u(z) = -\log \mathrm{erfc}(|z|/\sqrt 2)`, exponential if ``z`` is Gaussian."""
    z = z.abs()
    near = -torch.special.log1p(-torch.special.erf(z.clamp(max=1.0) / math.sqrt(2.0)))
    return torch.where(z < 1.0, near, -(torch.special.log_ndtr(-z) + LOG2))


def inverse_half_log_erfc(u: Tensor) -> Tensor:
    r"""Return the :math:`|z|` of which ``u`` is the image, in double precision.

    A starting point from the expansion at zero, the quantile function or the asymptotic
    expansion is corrected by Newton steps on ``u`` itself, which keeps the relative error near
    rounding for every ``u``.
    """
    u = u.double()
    near = torch.special.ndtri(0.5 * torch.exp(-u.clamp(max=700.0))).neg()
    near = torch.where(u < 1e-3, u * math.sqrt(0.5 * math.pi), near)
    square = 2.0 * (u + LOG2)
    far = (square - torch.log(2.0 * math.pi * square.clamp(min=1.0))).clamp(min=1.0).sqrt()
    z = torch.where(u < 30.0, near, far)
    for _ in range(4):
        log_tail = torch.special.log_ndtr(-z)
        slope = torch.exp(-0.5 * z.square() - 0.5 * math.log(2.0 * math.pi) - log_tail)
        z = (z + (u - half_log_erfc(z)) / slope).clamp(min=0.0)
    return torch.where(u > 0.0, z, torch.zeros_like(z))


class TailTransform:
    r"""The map of each coordinate from light to power-law tails, or an affine map.

    .. math:: x = \mu + s\,\mathrm{sign}(z)\,\frac{e^{\lambda u(z)} - 1}{\lambda},
        \qquad u(z) = -\log\mathrm{erfc}(|z|/\sqrt 2)

    A standard Gaussian ``z`` gives a two-sided generalised Pareto ``x`` of tail exponent
    :math:`1/\lambda`. Where :math:`\lambda = 0` the coordinate is light and
    :math:`x = \mu + s z`. All computation is in double precision.

    Args:
        location: :math:`\mu`, shape ``(E, d)`` or ``(d,)``, in units of the data.
        scale: :math:`s`, positive, of the same shape, in units of the data.
        shape: :math:`\lambda \ge 0`, of the same shape.
        low_shape: That of the lower side, if it has its own; both sides then have one scale, so
            that the slope is continuous at :math:`\mu` where both are positive.

    Raises:
        ValueError: If a scale is not positive or a shape is negative.
    """

    def __init__(
        self, location: Tensor, scale: Tensor, shape: Tensor, low_shape: Tensor | None = None
    ) -> None:
        shapes = [shape] if low_shape is None else [shape, low_shape]
        if not bool((scale > 0).all()) or not all(bool((side >= 0).all()) for side in shapes):
            raise ValueError("a tail transform needs positive scales and shapes of at least 0")
        self.location = location.double().unsqueeze(-2)  # (E, 1, d)
        self.scale = scale.double().unsqueeze(-2)
        self._sides = [_positive(side.double().unsqueeze(-2)) for side in shapes]

    def _side(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return whether the side of each value is heavy, and its index where it is."""
        if len(self._sides) == 1:
            return self._sides[0]
        (heavy, index), (low_heavy, low_index) = self._sides
        return torch.where(z < 0, low_heavy, heavy), torch.where(z < 0, low_index, index)

    def __call__(self, z: Tensor) -> Tensor:
        """Map ``z`` of shape ``(E, n, d)`` to data."""
        z = z.double()
        heavy, index = self._side(z)
        stretched = torch.where(heavy, z, torch.zeros_like(z))  # else the slope may be NaN
        grown = torch.expm1(index * half_log_erfc(stretched)) / index
        return self.location + self.scale * torch.where(heavy, z.sign() * grown, z)

    def inverse(self, x: Tensor) -> Tensor:
        """Map data ``x`` of shape ``(E, n, d)`` back to ``z``."""
        y = (x.double() - self.location) / self.scale
        heavy, index = self._side(y)
        u = torch.log1p(index * y.abs()) / index
        return torch.where(heavy, y.sign() * inverse_half_log_erfc(u), y)

    def log_abs_det_jacobian(self, z: Tensor) -> Tensor:
        r"""Return :math:`\sum_j \log |dx_j / dz_j|` at ``z`` ``(E, n, d)``, shape ``(E, n)``."""
        z = z.double()
        heavy, index = self._side(z)
        log_tail = torch.special.log_ndtr(-z.abs())
        log_slope = -0.5 * z.square() - 0.5 * math.log(2.0 * math.pi) - log_tail
        grown = index * -(log_tail + LOG2) + log_slope
        return (self.scale.log() + torch.where(heavy, grown, torch.zeros_like(z))).sum(-1)


def _positive(shape: Tensor) -> tuple[Tensor, Tensor]:
    """Return where a shape is positive, and the shape with ones elsewhere."""
    heavy = shape > 0
    return heavy, torch.where(heavy, shape, torch.ones_like(shape))
