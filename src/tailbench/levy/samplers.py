r"""Samplers of the Lévy family: the four update rules.

All take a predictor of the noise, ``(x, gbar, sbar) -> epsilon``, any number of steps, and no
clamp. :math:`\bar\gamma_t, \bar\sigma_t, \gamma_t, \sigma_t` are those of
:mod:`tailbench.levy.schedules`.

References:
    Shariatian, Simsekli and Durmus, Denoising Lévy probabilistic models, 2025 (DLPM, DLIM); Yoon,
    Park, Kim and Lim, Score-based generative models with Lévy processes, 2023 (LIM, LIM-ODE).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tailbench.levy.schedules import Grid

__all__ = ["dlim", "dlpm", "lim", "variances"]

Predictor = Callable[[Tensor, Tensor, Tensor], Tensor]
SampleResult = Callable[[], Tensor]


def variances(a: Tensor, grid: Grid) -> Tensor:
    r"""Return the variances of the noise given the chain of ``A``, :math:`\Sigma_0, ..., \Sigma_T`.

    .. math:: \Sigma_t = \sigma_t^2 A_t + \gamma_t^2 \Sigma_{t-1}, \qquad \Sigma_0 = 0

    Args:
        a: :math:`A_1, ..., A_T`, shape ``(..., T, k)``.
        grid: The schedule, of ``T`` steps.

    Returns:
        Shape ``(..., T + 1, k)``.
    """
    gamma, sigma = grid.gamma.to(a.device), grid.sigma.to(a.device)
    out = [torch.zeros_like(a[..., 0, :])]
    for t in range(grid.steps):
        out.append(sigma[t] ** 2 * a[..., t, :] + gamma[t] ** 2 * out[-1])
    return torch.stack(out, dim=-2)


def dlpm(
    noise: Predictor,
    grid: Grid,
    a: Tensor,
    gaussian: SampleResult,
    progress: Callable[[], None] | None = None,
) -> Tensor:
    r"""Run DLPM: Gaussian denoising given the chain of ``A``.

    With :math:`\Gamma_t = \sigma_t^2 A_t / \Sigma_t`, from :math:`X_T = \sqrt{\Sigma_T}\, G`,

    .. math:: X_{t-1} = \frac{X_t - \bar\sigma_t \Gamma_t \hat\epsilon}{\gamma_t}
        + \sqrt{\Gamma_t \Sigma_{t-1}}\, G,

    where the last step adds nothing, since :math:`\Sigma_0 = 0`.

    Args:
        noise: Predictor of the noise.
        grid: The schedule.
        a: The chain, shape ``(E, n, T, 1)``, or ``(E, n, T, d)`` for independent coordinates.
        gaussian: Draws standard Gaussian numbers, shape ``(E, n, d)``.
        progress: Called after each step.
    """
    total = variances(a, grid)  # (E, n, T + 1, k)
    gbar, sbar, gamma, sigma = _on(a, grid)
    x = total[..., -1, :].sqrt() * gaussian()
    for t in range(grid.steps, 0, -1):
        own, left = total[..., t, :], total[..., t - 1, :]
        ratio = sigma[t - 1] ** 2 * a[..., t - 1, :] / own
        x = (x - sbar[t] * ratio * noise(x, _full(gbar[t]), _full(sbar[t]))) / gamma[t - 1]
        if t > 1:
            x = x + (ratio * left).sqrt() * gaussian()
        if progress is not None:
            progress()
    return x


def dlim(
    noise: Predictor,
    grid: Grid,
    stable: SampleResult,
    rho: float = 0.0,
    progress: Callable[[], None] | None = None,
) -> Tensor:
    r"""Run DLIM, deterministic from its start at ``rho = 0``.

    .. math:: X_{t-1} = \frac{X_t - \bar\sigma_t \hat\epsilon}{\gamma_t}
        + (\bar\sigma_{t-1}^\alpha - \rho_t^\alpha)^{1/\alpha}\, \hat\epsilon
        + \rho_t\, \epsilon'_t, \qquad
        \rho_t = \rho\, \frac{\bar\sigma_{t-1}}{\bar\sigma_t}\, \sigma_t,

    with stable :math:`\epsilon'_t`. At :math:`\alpha = 2`, ``rho`` is the ``eta`` of DDIM.

    Args:
        noise: Predictor of the noise.
        grid: The schedule.
        stable: Draws stable noise of scale one in double precision, shape ``(E, n, d)``.
        rho: Share of fresh noise, in [0, 1].
        progress: Called after each step.

    Raises:
        ValueError: If ``rho`` is outside [0, 1].
    """
    if not 0.0 <= rho <= 1.0:
        raise ValueError(f"rho must be in [0, 1], not {rho:g}")
    start = stable()
    gbar, sbar, gamma, sigma = _on(start, grid)
    x = sbar[-1] * start
    for t in range(grid.steps, 0, -1):
        predicted = noise(x, _full(gbar[t]), _full(sbar[t]))
        fresh = rho * sbar[t - 1] / sbar[t] * sigma[t - 1]
        # at the share 1 rounding can leave a negative difference where there is none
        kept = (sbar[t - 1] ** grid.alpha - fresh**grid.alpha).clamp(min=0.0) ** (1 / grid.alpha)
        x = (x - sbar[t] * predicted) / gamma[t - 1] + kept * predicted
        if rho and t > 1:
            x = x + fresh * stable()
        if progress is not None:
            progress()
    return x


def lim(
    noise: Predictor,
    levels: tuple[Tensor, Tensor],
    alpha: float,
    stable: SampleResult,
    stochastic: bool = True,
    progress: Callable[[], None] | None = None,
) -> Tensor:
    r"""Run LIM's reverse equation by its exact linear part.

    From time ``s`` to the earlier ``t``, with :math:`a = a(t)/a(s) > 1` and the fractional score
    :math:`S = -\hat\epsilon / (\alpha \sigma(s)^{\alpha-1})`,

    .. math:: X_t = a X_s + \alpha^2 (a - 1) S + (a^\alpha - 1)^{1/\alpha} \epsilon'
        \quad\text{(SDE)}, \qquad X_t = a X_s + \alpha (a - 1) S \quad\text{(ODE)}.

    Args:
        noise: Predictor of the noise.
        levels: Factors ``a`` and scales ``sigma`` at falling times, each of shape ``(T + 1,)``.
        alpha: Stability of the noise.
        stable: Draws stable noise of scale one in double precision, shape ``(E, n, d)``.
        stochastic: Solve the SDE, or the ODE.
        progress: Called after each step.
    """
    start = stable()
    a, sigma = (level.to(start.device) for level in levels)
    x = sigma[0] * start
    for i in range(len(a) - 1):
        ratio = a[i + 1] / a[i]
        pull = (ratio - 1.0) * sigma[i] ** (1.0 - alpha) * noise(x, _full(a[i]), _full(sigma[i]))
        if stochastic:
            x = ratio * x - alpha * pull + (ratio**alpha - 1.0) ** (1.0 / alpha) * stable()
        else:
            x = ratio * x - pull
        if progress is not None:
            progress()
    return x


def _on(like: Tensor, grid: Grid) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    coefficients = (grid.gbar, grid.sbar, grid.gamma, grid.sigma)
    gbar, sbar, gamma, sigma = (c.to(like.device) for c in coefficients)
    return gbar, sbar, gamma, sigma


def _full(value: Tensor) -> Tensor:
    return value.view(1, 1, 1)
