r"""The density of the samples of a probability-flow equation.

.. math:: \frac{dx}{d\sigma} = E[\epsilon \mid x], \qquad
    \frac{d \log p_\sigma(x)}{d\sigma} = -\nabla \cdot E[\epsilon \mid x],

so that the density of a point is that of where it comes from, a Gaussian, and the integral of a
divergence on the way there.

References:
    Chen, Rubanova, Bettencourt and Duvenaud, Neural ordinary differential equations, 2018; Song et
    al., Score-based generative modeling through stochastic differential equations, 2021.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["divergence", "ode_log_prob"]

Noise = Callable[[Tensor, Tensor], Tensor]


def divergence(
    noise: Noise, x: Tensor, sigma: Tensor, probe: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    r"""Compute a field, and its divergence in each row.

    Args:
        noise: ``(x, sigma)`` to the field, shape ``(E, n, d)``, each row by itself.
        x: Points, shape ``(E, n, d)``.
        sigma: Noise level, of a shape that the field takes.
        probe: Signs :math:`v` of the estimate :math:`v^\top J v`, of the shape of ``x``, whose mean
            is the trace (Hutchinson, 1989); the exact trace, by ``d`` gradients, if left out.

    Returns:
        The field ``(E, n, d)`` and the divergence ``(E, n)``.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        field = noise(x, sigma)
        if probe is not None:
            (row,) = torch.autograd.grad((field * probe).sum(), x)
            return field.detach(), (row * probe).sum(-1)
        total = torch.zeros_like(field[..., 0])
        for j in range(x.shape[-1]):
            (row,) = torch.autograd.grad(field[..., j].sum(), x, retain_graph=True)
            total = total + row[..., j]
    return field.detach(), total.detach()


def ode_log_prob(noise: Noise, x: Tensor, levels: Tensor, probe: Tensor | None = None) -> Tensor:
    r"""Compute the log-density of what the probability-flow equation makes of a Gaussian.

    The equation is solved from the least level to the highest by Heun's method, of second order,
    with the integral of the divergence beside it.

    Args:
        noise: The prediction :math:`E[\epsilon \mid x]`, from ``x`` and levels ``(E, n, 1)``.
        x: Points at the least noise level, shape ``(E, n, d)``; all is computed in their precision.
        levels: Noise levels, rising; the start is a Gaussian of the scale of the last one.
        probe: Signs for the estimate of the divergence; see ``divergence``.

    Returns:
        Shape ``(E, n)``.
    """
    total = torch.zeros_like(x[..., 0])
    ones = torch.ones_like(x[..., :1])
    for low, high in zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True):
        step = high - low
        first, growth = divergence(noise, x, low * ones, probe)
        second, growth_after = divergence(noise, x + step * first, high * ones, probe)
        x = x + 0.5 * step * (first + second)
        total = total + 0.5 * step * (growth + growth_after)
    scale = float(levels[-1])
    start = -0.5 * (x / scale).square().sum(-1) - x.shape[-1] * math.log(
        scale * math.sqrt(2.0 * math.pi)
    )
    return start + total
