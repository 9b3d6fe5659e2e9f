r"""Positive alpha-stable variables, for NumPy arrays and torch tensors alike.

A symmetric stable vector is a Gaussian one with a random variance: with ``G ~ N(0, I)`` and
``A`` of Laplace transform :math:`E e^{-uA} = e^{-(2u)^{\alpha/2}}`, the characteristic function
of ``sqrt(A) G`` is :math:`e^{-|u|^\alpha}`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

__all__ = ["kanter", "log_kanter"]


def kanter(u: Any, w: Any, alpha: float, xp: ModuleType) -> Any:
    r"""Compute ``A`` from a uniform and an exponential draw by Kanter's formula.

    With :math:`a = \alpha/2`,

    .. math:: A = 2 \frac{\sin(aU)}{\sin(U)^{1/a}}
        \left(\frac{\sin((1-a)U)}{W}\right)^{(1-a)/a}.

    Computed as :math:`2 \frac{x}{y} (y/z)^{1/a}` with :math:`x = \sin(aU)`,
    :math:`y = \sin((1-a)U)/W` and :math:`z = \sin U`, through logarithms, which neither
    overflow nor lose the ends of ``U``.

    Args:
        u: Draws of ``U(0, pi)``, open at both ends, in double precision, any shape.
        w: Draws of ``Exp(1)``, positive, of the same shape.
        alpha: Stability in (0, 2]; at 2 the variable is the constant 2.
        xp: ``numpy`` or ``torch``, whichever made the arrays.

    Returns:
        Positive values of the shape of ``u``.

    Raises:
        ValueError: If ``alpha`` is outside (0, 2].

    References:
        Kanter, Stable densities under change of scale and total variation inequalities, 1975.
    """
    if not 0.0 < alpha <= 2.0:
        raise ValueError(f"alpha must be in (0, 2], not {alpha}")
    if alpha == 2.0:
        return xp.full_like(u, 2.0)
    a = alpha / 2.0
    y = xp.sin((1.0 - a) * u) / w
    return 2.0 * xp.sin(a * u) / y * xp.exp(xp.log(y / xp.sin(u)) / a)


def log_kanter(u: Any, w: Any, alpha: float, xp: ModuleType) -> Any:
    """Compute the logarithm of what ``kanter`` returns, where that itself may be out of range.

    At an ``alpha`` near 0 the variable is beyond double precision on both sides.

    Args:
        u: As for ``kanter``.
        w: As for ``kanter``.
        alpha: As for ``kanter``.
        xp: As for ``kanter``.

    Raises:
        ValueError: If ``alpha`` is outside (0, 2].
    """
    if not 0.0 < alpha <= 2.0:
        raise ValueError(f"alpha must be in (0, 2], not {alpha}")
    if alpha == 2.0:
        return xp.log(xp.full_like(u, 2.0))
    a = alpha / 2.0
    y = xp.sin((1.0 - a) * u) / w
    return xp.log(2.0 * xp.sin(a * u) / y) + xp.log(y / xp.sin(u)) / a
