r"""What a noisy row says of its data, by all rows of its batch.

A denoiser is trained to give :math:`E[y | x]` from pairs of a row :math:`y_k` and
:math:`x = a y_k + b n`. The squared error has the same minimum if :math:`y_k` is replaced by its
mean given ``x`` and the batch :math:`y_1, \dots, y_B`,

.. math:: E[y | x, y_1, \dots, y_B] = \sum_j w_j y_j, \qquad
    w_j \propto p_n\!\left(\frac{x - a y_j}{b}\right),

since the rows of a batch are exchangeable, and which of them was noised is unknown given ``x``:
this is the theorem of Rao and Blackwell. What is left out is the scatter of the target, which is
most of it at high noise. At low noise, and far out, the weight is on the row itself.

References:
    Xu, Tong and Jaakkola, Stable target field for reduced variance score estimation in diffusion
    models, 2023 (with rows beside the batch, of which the noised row is one).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Kernel", "batch_mean", "gaussian_kernel", "mean_noise", "student_kernel"]

Kernel = Callable[[Tensor], Tensor]
"""Log-density of the noise, up to a constant, from the square of its norm."""


def gaussian_kernel(square: Tensor) -> Tensor:
    """Return the log-density of standard Gaussian noise from the square of its norm."""
    return -0.5 * square


def student_kernel(nu: Tensor, dim: int) -> Kernel:
    """Return the log-density of multivariate Student-t noise of scale one.

    Args:
        nu: Degrees of freedom of each seed, shape ``(E, 1, 1)``; infinite for Gaussian noise.
        dim: Dimension of the noise.
    """

    def log_density(square: Tensor) -> Tensor:
        own = nu.to(square.device, square.dtype)
        finite = torch.where(own.isinf(), 1.0, own)
        heavy = -0.5 * (finite + dim) * (square / finite).log1p()
        return torch.where(own.isinf(), gaussian_kernel(square), heavy)

    return log_density


def batch_mean(
    noisy: Tensor,
    rows: Tensor,
    signal: Tensor | float,
    spread: Tensor,
    kernel: Kernel = gaussian_kernel,
) -> Tensor:
    r"""Compute :math:`E[y | x, y_1, \dots, y_B]` of noisy rows, in double precision.

    Args:
        noisy: Noisy rows :math:`x`, shape ``(E, n, d)``.
        rows: The batch :math:`y_1, \dots, y_B` that they were drawn from, shape ``(E, B, d)``.
        signal: Factor ``a`` of the data in them, a number or of shape ``(E, n, 1)``.
        spread: Factor ``b`` of the noise in them, shape ``(E, n, 1)``.
        kernel: Log-density of the noise.

    Returns:
        Shape ``(E, n, d)``.
    """
    noisy, rows, spread = noisy.double(), rows.double(), spread.double()
    scaled = noisy * (signal / spread**2)
    square = (noisy / spread).square().sum(-1, keepdim=True)
    square = square + (signal / spread).square() * rows.square().sum(-1).unsqueeze(1)
    square = torch.baddbmm(square, scaled, rows.mT, alpha=-2.0).clamp_(min=0.0)
    weights = torch.softmax(kernel(square), dim=-1)
    return weights @ rows


def mean_noise(
    x: Tensor,
    sigma: Tensor,
    noise: Tensor,
    batch: Tensor | None,
    kernel: Kernel = gaussian_kernel,
) -> Tensor:
    r"""Compute the mean of the noise :math:`n` given :math:`x + \sigma n` and the batch.

    Args:
        x: Rows, shape ``(E, n, d)``.
        sigma: Noise levels, shape ``(E, n, 1)``.
        noise: The noise of each row, of the shape of ``x``, returned as it is without a batch.
        batch: The rows that ``x`` is of, shape ``(E, B, d)``.
        kernel: Log-density of the noise.
    """
    if batch is None:
        return noise
    mean = batch_mean(x + sigma * noise, batch, 1.0, sigma, kernel)
    return noise + (x - mean.to(x.dtype)) / sigma
