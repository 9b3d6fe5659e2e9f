r"""A predictor of stable noise that is linear at infinity.

At noisy data :math:`x = \bar\gamma x_0 + \bar\sigma \epsilon` the mean of :math:`\epsilon` given
``x`` grows linearly as ``x`` goes far out. Where the data are themselves stable, of scale ``s``
and with the noise's own :math:`\alpha > 1`, it is a line for every ``x``:

.. math:: E[\epsilon | x] = c\, x, \qquad
    c = \frac{\bar\sigma^{\alpha-1}}{\bar\sigma^\alpha + (s \bar\gamma)^\alpha}.

A network whose input is normalised is bounded: a far start of the reverse process is then only
multiplied by :math:`1/\bar\gamma_T`, and a handful of samples per thousand end far outside the
data. So the network corrects the line,

.. math:: \hat\epsilon(x) = c\, x + b\, F, \qquad
    b^\alpha = (1 - q)^\alpha + q^{\alpha-1}(1 - q), \qquad q = c\, \bar\sigma,

where ``b`` is the scale of :math:`\epsilon - c x` for such data, and ``F`` is told features that
grow as a logarithm.
"""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["NoisePredictor"]


class NoisePredictor(nn.Module):
    """The predictor of each seed.

    Args:
        network: The noise-conditional network ``F`` of each seed.
        alpha: Stability of the noise, in (1, 2].
        scale: Scale ``s`` of the data, by which the line is drawn.
    """

    def __init__(self, network: nn.Module, alpha: float, scale: float) -> None:
        super().__init__()
        self.network, self.alpha, self.scale = network, alpha, scale

    def coefficients(self, gbar: Tensor, sbar: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the line's slope ``c``, the correction's factor ``b`` and the scale of ``x``."""
        signal, noise = (self.scale * gbar) ** self.alpha, sbar**self.alpha
        total = signal + noise
        q, rest = noise / total, signal / total
        factor = (rest**self.alpha + q ** (self.alpha - 1.0) * rest) ** (1.0 / self.alpha)
        return q / sbar, factor, total ** (1.0 / self.alpha)

    def forward(self, x: Tensor, gbar: Tensor, sbar: Tensor) -> Tensor:
        r"""Return :math:`\hat\epsilon`, in the precision of ``x``.

        Args:
            x: Noisy data, shape ``(E, n, d)``.
            gbar: Factor of the signal, broadcast against ``x``, such as ``(E, n, 1)``.
            sbar: Scale of the noise, of the shape of ``gbar``, positive.
        """
        slope, factor, size = self.coefficients(gbar, sbar)
        single = next(self.parameters()).dtype
        correction = self.network((x / size).to(single), (sbar / gbar).to(single))
        return slope.to(x.dtype) * x + factor.to(x.dtype) * correction.to(x.dtype)
