r"""Tail and quantiles of the symmetric stable law, ``E exp(iuX) = exp(-|u|^alpha)``.

``scipy.stats.levy_stable.ppf`` is not used: SciPy 1.17 loses the tail (at ``alpha = 1.5`` its
quantile of level ``1 - 1e-5`` is 318 where the true one is 736), takes any ``alpha`` within
0.005 of one to be one, and spends tens of milliseconds on a level. The quadrature rule and the
root finder are our own: by ``scipy.integrate.tanhsinh`` the probabilities change by up to 2e-8
of themselves, by ``scipy.optimize.elementwise.find_root`` half of the quantiles in the last
digits, and both take longer.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.stats.quantiles import invert, read_levels

__all__ = ["double_exponential_rule", "log_tail", "stable_quantiles"]

Array = NDArray[np.float64]
CHUNK = 1024  # points worked on at once: about 2 MB an array
TINY, HUGE = 1e-300, 1e300


@cache
def double_exponential_rule(step: float = 0.03, end: float = 3.8) -> tuple[Array, Array]:
    """Return nodes and weights of the double-exponential rule on (0, 1), each ``(m,)``."""
    t = np.arange(-end, end + step / 2, step)
    node = 1.0 / (1.0 + np.exp(-np.pi * np.sinh(t)))
    other = 1.0 / (1.0 + np.exp(np.pi * np.sinh(t)))
    return node, step * np.pi * np.cosh(t) * node * other


def _log_exponent(log_x: Array, log_phi: Array, alpha: float) -> Array:
    """Compute the logarithm of Zolotarev's exponent at the angle ``pi/2 - phi``."""
    phi = np.exp(log_phi)
    # Sines of small angles stand for cosines near pi/2, so that nothing cancels.
    if alpha > 1.0:
        edge = 0.5 * np.pi * (2.0 - alpha)
        sine, cosine = np.sin(edge + alpha * phi), np.sin(edge + (alpha - 1.0) * phi)
    else:
        edge = 0.5 * np.pi * alpha
        sine, cosine = np.sin(alpha * (0.5 * np.pi - phi)), np.sin(edge + (1.0 - alpha) * phi)
    log_sin_phi = np.log(np.sin(phi))
    ratio = log_x + log_sin_phi - np.log(np.maximum(sine, TINY))
    return alpha / (alpha - 1.0) * ratio + np.log(np.maximum(cosine, TINY)) - log_sin_phi


def log_tail(x: Array, alpha: float) -> tuple[Array, Array]:
    r"""Compute :math:`\log P(X > x)` and the log-density at ``x > 0`` by Zolotarev's integral.

    .. math:: P(X > x) = \frac1\pi \int_0^{\pi/2} k\bigl(x^{\alpha/(\alpha-1)}
        V(\pi/2 - \varphi)\bigr) \, d\varphi, \qquad
        V(\theta) = \left(\frac{\cos\theta}{\sin\alpha\theta}\right)^{\alpha/(\alpha-1)}
        \frac{\cos((\alpha-1)\theta)}{\cos\theta},

    with ``k(v) = exp(-v)`` for ``alpha > 1`` and ``1 - exp(-v)`` for ``alpha < 1``. The integral
    is split where ``k`` falls from one to zero, linear in the angle before and logarithmic
    after it, by the double-exponential rule. The relative error of the probability is about
    1e-13, in the far tail too; that of the density, which only steers the search for
    quantiles, rises from 1e-9 to 1e-4 as ``alpha`` comes within 0.001 of one.

    Args:
        x: Positive values, shape ``(m,)``.
        alpha: Stability in (0, 2), other than 1.

    Returns:
        The logarithms of the tail probability and of the density, each of shape ``(m,)``.

    References:
        Zolotarev, One-dimensional stable distributions, 1986; Nolan, Numerical calculation of
        stable densities and distribution functions, 1997.
    """
    if len(x) > CHUNK:
        parts = [log_tail(x[i : i + CHUNK], alpha) for i in range(0, len(x), CHUNK)]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    log_x = np.log(x)
    top = math.log(0.5 * np.pi)
    low, high = np.full_like(log_x, -700.0), np.full_like(log_x, top)
    for _ in range(64):
        split = 0.5 * (low + high)
        rises = (_log_exponent(log_x, split, alpha) < 0.0) == (alpha > 1.0)
        low, high = np.where(rises, split, low), np.where(rises, high, split)
    node, weight = double_exponential_rule()
    span = (top - high)[:, None]
    before, after = high[:, None] + np.log(node), high[:, None] + span * node
    tail, slope = np.zeros_like(log_x), np.zeros_like(log_x)
    for log_phi, measure in ((before, weight), (after, weight * span * np.exp(span * node))):
        h = np.minimum(_log_exponent(log_x[:, None], log_phi, alpha), 700.0)
        v = np.exp(h)
        tail += np.sum(measure * (np.exp(-v) if alpha > 1.0 else -np.expm1(-v)), axis=1)
        slope += np.sum(measure * np.exp(h - v), axis=1)
    with np.errstate(divide="ignore"):
        log_pdf = math.log(alpha / abs(alpha - 1.0)) - log_x + np.log(slope)
        return np.log(tail) + high - math.log(np.pi), log_pdf + high - math.log(np.pi)


def stable_quantiles(p: ArrayLike, alpha: float) -> Array:
    r"""Compute the quantiles of the symmetric stable law of scale one.

    Args:
        p: Levels in [0, 1], shape ``(m,)``.
        alpha: Stability in (0, 2]; the law is Cauchy's at 1 and ``N(0, 2)`` at 2.

    Returns:
        Quantiles, shape ``(m,)``; infinite at the levels 0 and 1, and beyond 1e300.

    Raises:
        ValueError: If a level is not in [0, 1] or ``p`` has more than one axis.

    References:
        Nolan, Numerical calculation of stable densities and distribution functions, 1997.
    """
    from scipy.special import ndtri

    levels = read_levels(p)
    side = np.where(levels > 0.5, 1.0, -1.0)
    q, inverse = np.unique(np.minimum(levels, 1.0 - levels), return_inverse=True)
    z = np.where(q == 0.5, 0.0, np.inf)
    inner = (q > 0.0) & (q < 0.5)
    if alpha == 2.0:
        z[inner] = -math.sqrt(2.0) * ndtri(q[inner])
    elif alpha == 1.0:
        z[inner] = 1.0 / np.tan(np.pi * q[inner])
    elif inner.any():
        z[inner] = _solve(q[inner], alpha)
    return side * z[inverse] + 0.0  # no negative zero


def _solve(q: Array, alpha: float) -> Array:
    """Compute the points whose tail probability is ``q`` in (0, 0.5)."""
    constant = math.gamma(alpha) * math.sin(0.5 * np.pi * alpha) / np.pi
    log_upper = np.maximum(np.log(constant / q) / alpha, np.log(2.0 * np.sqrt(-np.log(q))))
    limit = math.log(HUGE)
    while True:
        log_upper = np.minimum(log_upper + math.log(2.0), limit)
        short = log_tail(np.exp(log_upper), alpha)[0] > np.log(q)
        if not np.any(short & (log_upper < limit)):
            break
    lower = np.zeros_like(q)
    found = invert(lambda z: log_tail(np.maximum(z, TINY), alpha), q, lower, np.exp(log_upper))
    return np.where(short, np.inf, found)
