r"""Monotonic rational-quadratic splines, with few and large steps of computation.

The map and the parametrisation are those of zuko's ``MonotonicRQSTransform``, with which the tests
compare. A training step of a flow spends most of its time here, in dozens of small operations
forward and backward; so the spline is one operation, with its gradient in closed form.

References:
    Durkan, Bekasov, Murray and Papamakarios, Neural spline flows, 2019.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

__all__ = ["spline", "spline_inverse"]

LOG_SLOPE = -math.log(1e-3)  # widths, heights and slopes stay within a factor of a thousand


def spline(parameters: Tensor, x: Tensor, bins: int, bound: float) -> tuple[Tensor, Tensor]:
    r"""Map values by monotonic splines on ``[-bound, bound]``, and by the identity beyond.

    With :math:`z \in [0, 1]` the place in a bin of width :math:`w` and height :math:`h` from
    :math:`y_0`, the slopes :math:`d_0, d_1` at its ends and :math:`s = h / w`,

    .. math:: y = y_0 + \frac{h (s z^2 + d_0 z (1 - z))}{s + (d_0 + d_1 - 2 s) z (1 - z)}.

    Args:
        parameters: Of each value's spline: widths and heights of the bins and slopes at the inner
            knots, unconstrained, shape ``(..., 3 bins - 1)``.
        x: Values, shape ``(...)``.
        bins: Number of bins.
        bound: Where the splines end.

    Returns:
        The images and the logarithms of the slopes there, each of the shape of ``x``.
    """
    return _Spline.apply(parameters, x, bins, bound)


def spline_inverse(parameters: Tensor, y: Tensor, bins: int, bound: float) -> Tensor:
    """Map images of ``spline`` back to the values; arguments as there."""
    with torch.no_grad():
        x = _inverse(parameters, y, bins, bound)
    if not torch.is_grad_enabled() or not (parameters.requires_grad or y.requires_grad):
        return x
    # A step of Newton from the solution: it stays there, and has the gradient of the inverse.
    image, log_slope = spline(parameters, x, bins, bound)
    return x + (y - image) * (-log_slope.detach()).exp()


def _inverse(parameters: Tensor, y: Tensor, bins: int, bound: float) -> Tensor:
    """Solve the quadratic equation of each bin."""
    inside = y.abs() < bound
    knots = _Knots(parameters, y, bins, bound, axis=1)
    s = knots.height / knots.width
    above = torch.where(inside, y - knots.y0, 0.0)
    bend = above * (knots.d0 + knots.d1 - 2.0 * s)
    a, b = knots.height * (s - knots.d0) + bend, knots.height * knots.d0 - bend
    c = -s * above
    z = 2.0 * c / (-b - (b.square() - 4.0 * a * c).sqrt())
    return torch.where(inside, knots.x0 + z * knots.width, y)


class _Knots:
    """The bin around each value: its lower left corner, its sides, the slopes at its ends.

    ``axis`` says whether values (0) or their images (1) are looked up.
    """

    def __init__(
        self, parameters: Tensor, value: Tensor, bins: int, bound: float, axis: int
    ) -> None:
        sides = parameters[..., : 2 * bins].unflatten(-1, (2, bins))
        slopes = parameters[..., 2 * bins :]
        self.soft = sides.abs().mul_(2.0 / LOG_SLOPE).add_(1.0)
        # a softmax of arguments that cannot overflow; that of torch is slow for few bins
        powers = (sides / self.soft).exp_()
        ends = powers.cumsum(-1)
        total = ends[..., -1:].clone()
        self.share, ends = powers.div_(total), ends.div_(total)
        level = (value + bound) / (2.0 * bound)
        self.k = (ends[..., axis, :-1] < level.unsqueeze(-1)).sum(-1, keepdim=True)
        self.index = self.k.unsqueeze(-2).expand(*self.k.shape[:-1], 2, 1)
        self.own = self.share.gather(-1, self.index)
        self.begin = ends.gather(-1, self.index).sub_(self.own)
        self.width, self.height = (self.own[..., 0] * (2.0 * bound)).unbind(-1)
        self.x0, self.y0 = (self.begin[..., 0] * (2.0 * bound)).sub_(bound).unbind(-1)
        self.bent = slopes.abs().mul_(1.0 / LOG_SLOPE).add_(1.0)
        padded = nn.functional.pad((slopes / self.bent).exp_(), (1, 1), value=1.0)
        self.d0, self.d1 = (padded.gather(-1, self.k + i).squeeze(-1) for i in (0, 1))


class _Spline(torch.autograd.Function):
    """The spline and its gradient, by hand."""

    @staticmethod
    def forward(
        ctx: Any, parameters: Tensor, x: Tensor, bins: int, bound: float
    ) -> tuple[Tensor, Tensor]:
        inside = x.abs() < bound
        knots = _Knots(parameters, x, bins, bound, axis=0)
        s, d0, d1 = knots.height / knots.width, knots.d0, knots.d1
        z = torch.where(inside, (x - knots.x0) / knots.width, 0.5)
        rest = 1.0 - z
        flat, square = z * rest, z * z
        top = s * square + d0 * flat
        bottom = s + (d0 + d1 - 2.0 * s) * flat
        ratio = top / bottom
        inner = 2.0 * s * flat + d0 * (rest * rest) + d1 * square
        slope = (s / bottom).square_().mul_(inner)
        ctx.knots, ctx.bound = knots, bound
        ctx.save_for_backward(inside, s, z, flat, bottom, ratio, inner, slope)
        y = torch.where(inside, torch.addcmul(knots.y0, knots.height, ratio), x)
        return y, torch.where(inside, slope.log(), 0.0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_y: Tensor, by_log: Tensor) -> tuple[Tensor | None, ...]:
        """Go back from image and logarithm of the slope to the bin, and from there on."""
        inside, s, z, flat, bottom, ratio, inner, slope = ctx.saved_tensors
        knots: _Knots = ctx.knots
        width, height, d0, d1 = knots.width, knots.height, knots.d0, knots.d1
        at_y, at_log = torch.where(inside, by_y, 0.0), torch.where(inside, by_log, 0.0)
        rest, turn, bend = 1.0 - z, 1.0 - 2.0 * z, d0 + d1 - 2.0 * s
        over, of_inner = 2.0 / bottom, 1.0 / inner
        scaled = at_y * height / bottom  # with the derivative of the ratio times bottom
        at_flat = at_log * over  # what the logarithm loses by a growing bottom
        inner_z = 2.0 * (s * turn - d0 * rest + d1 * z)
        at_z = at_y * slope * width + at_log * inner_z * of_inner - at_flat * bend * turn
        share = at_log * of_inner
        at_s = scaled * (z * z - ratio * (1.0 - 2.0 * flat)) + 2.0 * (at_log / s + share * flat)
        at_s = at_s - at_flat * (1.0 - 2.0 * flat)
        at_d0 = scaled * flat * (1.0 - ratio) + share * rest * rest - at_flat * flat
        at_d1 = share * z * z - scaled * flat * ratio - at_flat * flat
        back = at_z / width
        at_width = -(at_s * s + at_z * z) / width
        at_height = at_y * ratio + at_s / width
        by_x = torch.where(inside, back, by_y)
        corner, sides = torch.stack((-back, at_y), -1), torch.stack((at_width, at_height), -1)
        return _to_parameters(knots, ctx.bound, corner, sides, at_d0, at_d1), by_x, None, None


def _to_parameters(
    knots: _Knots, bound: float, corner: Tensor, sides: Tensor, at_d0: Tensor, at_d1: Tensor
) -> Tensor:
    """Go back from the bin ``k`` to the parameters of its spline.

    With the shares ``p`` of the sides, of which ``begin`` is the sum of those before ``k`` and
    ``own`` the ``k``-th, and the arguments ``a`` of their softmax, ``d begin / d a_j =
    p_j ([j < k] - begin)`` and ``d own / d a_j = p_j ([j = k] - own)``.
    """
    bins = knots.share.shape[-1]
    at_begin, at_own = (2.0 * bound * part.unsqueeze(-1) for part in (corner, sides))
    less = -(at_begin * knots.begin + at_own * knots.own)
    before = (torch.arange(bins, device=knots.k.device) < knots.k).unsqueeze(-2)
    by_sides = torch.where(before, at_begin + less, less)
    by_sides.scatter_add_(-1, knots.index, at_own)
    by_sides.mul_(knots.share).div_(knots.soft).div_(knots.soft)
    by_slopes = by_sides.new_zeros(*knots.k.shape[:-1], bins + 1)
    by_slopes.scatter_(-1, knots.k, (at_d0 * knots.d0).unsqueeze(-1))
    by_slopes.scatter_(-1, knots.k + 1, (at_d1 * knots.d1).unsqueeze(-1))
    by_slopes = by_slopes[..., 1:-1] / knots.bent.square()
    return torch.cat((by_sides.flatten(-2), by_slopes), dim=-1)
