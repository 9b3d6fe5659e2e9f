"""The update rules against DDPM, DDIM, their printed formulas, and stable data.

Stable data of scale s and stable noise of the same alpha > 1 have a mean of the noise that is
linear: with it in the network's place, every sampler can be tested without training.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from tailbench.levy.noise import positive_stable
from tailbench.levy.samplers import dlim, dlpm, lim, variances
from tailbench.levy.schedules import Grid, cosine, exploding, grid, lim_cosine
from tailbench.rng.streams import uniform
from tailbench.stats.stable import stable_quantiles

ALPHAS = [1.2, 1.7, 2.0]
N = 30_000
LEVELS = np.array([0.5, 0.75, 0.9, 0.95, 0.99, 0.999])


def normal(seed, *shape):
    """Give what draws Gaussian numbers of a shape."""
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(shape, dtype=torch.float64, generator=generator)


def chain(seed, alpha, *shape):
    generator = torch.Generator().manual_seed(seed)
    return positive_stable(lambda *shape: uniform(shape, generator), alpha, *shape)


def stable(seed, alpha, *shape):
    """Give what draws stable noise of a shape, one variance per sample."""
    generator = torch.Generator().manual_seed(seed)

    def draw():
        a = positive_stable(lambda *shape: uniform(shape, generator), alpha, *shape[:-1], 1)
        return a.sqrt() * torch.randn(shape, dtype=torch.float64, generator=generator)

    return draw


def oracle(alpha, s):
    """E[epsilon | x] for x = gbar s epsilon_0 + sbar epsilon."""
    return lambda x, gbar, sbar: x * sbar ** (alpha - 1) / (sbar**alpha + (s * gbar) ** alpha)


def zero(x, gbar, sbar):
    return torch.zeros_like(x)


def one():
    return torch.ones(1, 1, 1, dtype=torch.float64)


def then_nothing(first):
    """Give what draws a number once and zeros after it."""
    values = iter([first])
    return lambda: next(values, 0.0) * one()


def watched(noise):
    """Give a predictor that remembers what it is asked, and its memory."""
    seen = []

    def predictor(x, gbar, sbar):
        assert gbar.shape == sbar.shape == (1, 1, 1)
        seen.append((x.clone(), gbar.item(), sbar.item()))
        return noise(x, gbar, sbar)

    return predictor, seen


def times(alpha, steps):
    """LIM's factors and scales at falling times."""
    return lim_cosine(alpha)(torch.linspace(0.9946, 1e-5, steps + 1, dtype=torch.float64))


def total(alpha, s, gbar, sbar):
    """The scale of noisy stable data."""
    return ((s * gbar) ** alpha + sbar**alpha) ** (1.0 / alpha)


# alpha = 2: DDPM and DDIM, whose noise has variance 1 where ours has 2


def network(x, gbar, sbar):
    return torch.sin(3.0 * x) + sbar * x + 0.3 * gbar


def of_variance_two(x, gbar, sbar):
    root = math.sqrt(2.0)
    return root * network(x / root, gbar, sbar)


def reference(scheduler, made, shape, **options):
    """Run a scheduler of diffusers with the draws of ``normal(0)``, and give all its states."""
    # diffusers keeps it in single precision
    cumulated = torch.cumprod(made.gamma.square(), 0)
    torch.testing.assert_close(scheduler.alphas_cumprod.double(), cumulated, rtol=1e-3, atol=1e-6)
    scheduler.alphas_cumprod = cumulated
    generator = torch.Generator().manual_seed(0)
    x = made.sbar[-1] * torch.randn(shape, dtype=torch.float64, generator=generator)
    states = [x]
    scheduler.set_timesteps(made.steps)
    for t in scheduler.timesteps.tolist():
        predicted = network(x, made.gbar[t + 1], made.sbar[t + 1])
        x = scheduler.step(predicted, t, x, generator=generator, **options).prev_sample
        states.append(x)
    return states


def compare(found, seen, expected):
    ours = [x for x, _, _ in seen] + [found]
    assert len(ours) == len(expected)
    for own, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(own, math.sqrt(2.0) * other, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("steps", [1, 2, 30])
def test_dlpm_of_gaussian_noise_is_ddpm(steps):
    from diffusers import DDPMScheduler

    made, shape = grid(cosine(2.0), 2.0, steps, 0.99), (2, 20, 3)
    scheduler = DDPMScheduler(
        num_train_timesteps=steps,
        trained_betas=(1.0 - made.gamma.square()).tolist(),
        variance_type="fixed_small",
        clip_sample=False,
        prediction_type="epsilon",
    )
    predictor, seen = watched(of_variance_two)
    found = dlpm(predictor, made, chain(0, 2.0, 2, 20, steps, 1), normal(0, *shape))
    compare(found, seen, reference(scheduler, made, shape))


@pytest.mark.parametrize("steps", [1, 2, 30])
@pytest.mark.parametrize("rho", [0.0, 0.5, 1.0])
def test_dlim_of_gaussian_noise_is_ddim(steps, rho):
    from diffusers import DDIMScheduler

    made, shape = grid(cosine(2.0), 2.0, steps, 0.99), (2, 20, 3)
    scheduler = DDIMScheduler(
        num_train_timesteps=steps,
        trained_betas=(1.0 - made.gamma.square()).tolist(),
        set_alpha_to_one=True,
        clip_sample=False,
        prediction_type="epsilon",
    )
    predictor, seen = watched(of_variance_two)
    gaussian = normal(0, *shape)
    found = dlim(predictor, made, lambda: math.sqrt(2.0) * gaussian(), rho)
    compare(found, seen, reference(scheduler, made, shape, eta=rho))


# the four update rules, as the slides print them


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("stochastic", [True, False])
def test_steps_of_lim(alpha, stochastic):
    """The table's row of LIM, where gamma_t is a(s) / a(t) and sigma_{1->t} is sigma(s)."""
    shape, levels = (2, 5, 3), times(alpha, 4)
    predicted, drawn = [], []
    guess, draw = normal(1, *shape), stable(2, alpha, *shape)
    predictor, seen = watched(lambda *_: predicted.append(guess()) or predicted[-1])
    end = lim(
        predictor, levels, alpha, lambda: drawn.append(draw()) or drawn[-1], stochastic=stochastic
    )
    states = [x for x, _, _ in seen] + [end]
    a, sigma = levels
    torch.testing.assert_close(states[0], sigma[0] * drawn[0])
    for i in range(4):
        g = a[i] / a[i + 1]
        if stochastic:
            pull = alpha * (1 / g - 1) / sigma[i] ** (alpha - 1)
            kick = (1 / g**alpha - 1) ** (1 / alpha) * drawn[i + 1]
        else:
            pull = sigma[i] ** (1 - alpha) / g - sigma[i] ** (1 - alpha)
            kick = 0.0
        expected = states[i] / g - pull * predicted[i] + kick
        torch.testing.assert_close(states[i + 1], expected, rtol=1e-10, atol=1e-10)
        assert seen[i][1:] == (a[i].item(), sigma[i].item())
    assert len(drawn) == (5 if stochastic else 1)


def schedules(alpha):
    """A grid by hand, that of DLPM and an exploding one, of a few steps."""
    levels = torch.tensor([0.0, 0.4, 0.7, 1.3], dtype=torch.float64)
    factors = torch.tensor([1.0, 0.9, 0.5, 0.2], dtype=torch.float64)
    return [
        Grid(alpha, factors, levels),
        grid(cosine(alpha), alpha, 3, 0.99),
        grid(exploding(0.01, 10.0), alpha, 3, 0.99),
    ]


@pytest.mark.parametrize("alpha", ALPHAS)
def test_steps_of_dlim(alpha):
    """The table's row of DLPM, deterministic: Y/g - (sbar_t/g - sbar_{t-1}) eps."""
    shape = (2, 5, 3)
    for made in schedules(alpha):
        predicted, guess, start = [], normal(1, *shape), stable(2, alpha, *shape)()
        predictor, seen = watched(lambda *_, p=predicted, g=guess: p.append(g()) or p[-1])
        end = dlim(predictor, made, lambda s=start: s)
        states = [x for x, _, _ in seen] + [end]
        torch.testing.assert_close(states[0], made.sbar[3] * start)
        for i, t in enumerate((3, 2, 1)):
            g = made.gamma[t - 1]
            pull = made.sbar[t] / g - made.sbar[t - 1]
            torch.testing.assert_close(states[i + 1], states[i] / g - pull * predicted[i])
            assert seen[i][1:] == (made.gbar[t].item(), made.sbar[t].item())


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("rho", [0.3, 1.0])
def test_steps_of_dlim_with_fresh_noise(alpha, rho):
    """Eq. 41 at the Z_0 that the predicted noise stands for."""
    shape = (2, 5, 3)
    for made in schedules(alpha):
        predicted, drawn = [], []
        guess, draw = normal(1, *shape), stable(2, alpha, *shape)
        predictor, seen = watched(lambda *_, p=predicted, g=guess: p.append(g()) or p[-1])
        end = dlim(predictor, made, lambda d=drawn, f=draw: d.append(f()) or d[-1], rho)
        states = [x for x, _, _ in seen] + [end]
        for i, t in enumerate((3, 2, 1)):
            clean = (states[i] - made.sbar[t] * predicted[i]) / made.gbar[t]
            before = made.sbar[t - 1]
            share = rho * before / made.sbar[t] * made.sigma[t - 1]
            kept = (before**alpha - share**alpha) ** (1 / alpha)
            fresh = share * drawn[i + 1] if t > 1 else 0.0
            expected = made.gbar[t - 1] * clean + kept * predicted[i] + fresh
            torch.testing.assert_close(states[i + 1], expected, rtol=1e-9, atol=1e-9)
        assert len(drawn) == 3


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("k", [1, 3])
def test_steps_of_dlpm(alpha, k):
    """Eqs. 14 and 33: mean (Y - Gamma_t sbar_t eps) / gamma_t, variance Gamma_t Sigma_{t-1}.

    The slides' table, as printed, drops the 1/gamma_t of the second term and the square root of
    the noise's factor; with alpha 2 it would not be DDPM.
    """
    shape = (2, 5, 3)
    for made in schedules(alpha):
        predicted, drawn = [], []
        guess, draw = normal(1, *shape), normal(2, *shape)
        a = chain(3, alpha, 2, 5, 3, k)
        predictor, seen = watched(lambda *_, p=predicted, g=guess: p.append(g()) or p[-1])
        end = dlpm(predictor, made, a, lambda d=drawn, f=draw: d.append(f()) or d[-1])
        states = [x for x, _, _ in seen] + [end]
        left = [torch.zeros(2, 5, k, dtype=torch.float64)]
        for t in (1, 2, 3):
            own = made.sigma[t - 1] ** 2 * a[:, :, t - 1]
            left.append(own + made.gamma[t - 1] ** 2 * left[-1])
        torch.testing.assert_close(states[0], left[3].sqrt() * drawn[0])
        for i, t in enumerate((3, 2, 1)):
            g = made.gamma[t - 1]
            share = 1 - g**2 * left[t - 1] / left[t]
            mean = (states[i] - share * made.sbar[t] * predicted[i]) / g
            kick = (share * left[t - 1]).sqrt() * drawn[i + 1] if t > 1 else 0.0
            torch.testing.assert_close(states[i + 1], mean + kick, rtol=1e-9, atol=1e-9)
            assert seen[i][1:] == (made.gbar[t].item(), made.sbar[t].item())
        assert len(drawn) == 3


# the chain of DLPM


@pytest.mark.parametrize("alpha", [1.1, 1.7, 2.0])
@pytest.mark.parametrize("k", [1, 3])
def test_variances_are_the_explicit_sum(alpha, k):
    """Sigma_t is the sum over i of (gbar_t / gbar_i sigma_i)^2 A_i."""
    for made in (grid(cosine(alpha), alpha, 20, 0.99), *schedules(alpha)):
        a = chain(0, alpha, 2, 50, made.steps, k)
        found = variances(a, made)
        assert found.shape == (2, 50, made.steps + 1, k)
        assert bool((found[:, :, 0] == 0).all())
        for t in range(1, made.steps + 1):
            weights = (made.gbar[t] / made.gbar[1 : t + 1] * made.sigma[:t]) ** 2
            expected = (weights.view(1, 1, t, 1) * a[:, :, :t]).sum(2)
            torch.testing.assert_close(found[:, :, t], expected, rtol=1e-10, atol=0.0)


@pytest.mark.parametrize("alpha", [1.1, 1.7, 2.0])
def test_shares_are_between_zero_and_one(alpha):
    """Read off the sampler, by a predicted noise of one and no other noise."""
    steps, n = 50, 2000
    made = grid(cosine(alpha), alpha, steps, 0.99)
    predictor, seen = watched(lambda x, gbar, sbar: torch.ones_like(x))
    still = torch.zeros(1, n, 1, dtype=torch.float64)
    a = chain(0, alpha, 1, n, steps, 1)
    end = dlpm(predictor, made, a, lambda: still)
    states = [x for x, _, _ in seen] + [end]
    left = variances(a, made)
    for i, t in enumerate(range(steps, 0, -1)):
        share = (states[i] - made.gamma[t - 1] * states[i + 1]) / made.sbar[t]
        assert share.min().item() > -1e-9 and share.max().item() < 1.0 + 1e-9
        expected = 1.0 - made.gamma[t - 1] ** 2 * left[:, :, t - 1] / left[:, :, t]
        torch.testing.assert_close(share, expected, rtol=0.0, atol=1e-8)
        if alpha < 2.0 and t > 1:
            assert share.max().item() - share.min().item() > 0.5
    assert share.min().item() == pytest.approx(1.0)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_states_of_dlpm_have_the_law_of_the_noise(alpha):
    """Data that are zero make the noise x / sbar_t, and every step exact: scale sbar_t at t."""
    n, steps = 20_000, 12
    for made in (
        grid(cosine(alpha), alpha, steps, 0.99),
        grid(exploding(0.1, 5.0), alpha, 12, 1.0),
    ):
        predictor, seen = watched(lambda x, gbar, sbar: x / sbar)
        end = dlpm(predictor, made, chain(0, alpha, 1, n, steps, 1), normal(1, 1, n, 1))
        for x, _, sbar in seen:
            for u in (0.3, 1.0, 2.0):
                expected, double = (math.exp(-(v**alpha)) for v in (u, 2.0 * u))
                error = math.sqrt(((1.0 + double) / 2.0 - expected**2) / n)
                assert abs((u / sbar * x).cos().mean().item() - expected) < 5.0 * error
        assert end.abs().max().item() < 1e-6 * seen[0][0].abs().max().item()


def test_states_of_dlpm_are_gaussian_given_the_chain():
    """All samples share one chain: variance Sigma_t at every t."""
    steps, alpha = 12, 1.5
    made = grid(cosine(alpha), alpha, steps, 0.99)
    for seed in range(3):
        a = chain(seed, alpha, 1, 1, steps, 1)
        left = variances(a, made).flatten()
        predictor, seen = watched(lambda x, gbar, sbar: x / sbar)
        dlpm(predictor, made, a.expand(1, N, steps, 1), normal(1, 1, N, 1))
        for i, t in enumerate(range(steps, 0, -1)):
            assert seen[i][0].var().item() == pytest.approx(left[t].item(), rel=0.04)


# stable data


def flow(alpha, s, steps, ode):
    """The factor by which a deterministic sampler multiplies its start, over the scale s."""
    if ode:
        return lim(oracle(alpha, s), times(alpha, steps), alpha, one, stochastic=False).item() / s
    return dlim(oracle(alpha, s), grid(cosine(alpha), alpha, steps, 0.99), one).item() / s


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("ode", [True, False])
def test_deterministic_samplers_converge_to_the_flow_of_stable_data(alpha, ode):
    """The flow multiplies by the ratio of the scales at its ends; the error is of first order.

    The start, of scale sbar_T, leaves out gbar_T x_0, which is a matter of 1e-3.
    """
    s = 0.3
    levels = times(alpha, 1) if ode else grid(cosine(alpha), alpha, 1, 0.99)
    (g0, g1), (s0, s1) = (
        levels if ode else (levels.gbar.flip(0).tolist(), levels.sbar.flip(0).tolist())
    )
    goal = float(s0 * total(alpha, s, g1, s1) / total(alpha, s, g0, s0)) / s
    assert goal == pytest.approx(1.0, abs=5e-3)
    errors = [abs(flow(alpha, s, steps, ode) / goal - 1.0) for steps in (100, 200, 400)]
    assert errors[0] < 0.025
    for coarse, fine in pairwise(errors):
        assert 1.8 < coarse / fine < 2.2


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("steps", [1, 5])
def test_ode_of_lim_stands_still_where_the_scale_is_one(alpha, steps):
    """Data of scale one keep it in all noise: the ODE's start is its end, at any step."""
    _, sigma = times(alpha, steps)
    assert flow(alpha, 1.0, steps, ode=True) == pytest.approx(sigma[0].item(), rel=1e-12)


def quantiles(x, alpha, s):
    """Quantiles of |x| over those of stable data of scale s."""
    return np.quantile(x.abs().numpy(), LEVELS) / (s * stable_quantiles((1 + LEVELS) / 2, alpha))


@pytest.mark.parametrize("alpha", [1.5, 1.7, 1.9, 2.0])
@pytest.mark.parametrize("s", [0.3, 1.0])
def test_deterministic_samplers_make_stable_data(alpha, s):
    draw = stable(0, alpha, 1, N, 1)
    for x in (
        dlim(oracle(alpha, s), grid(cosine(alpha), alpha, 200, 0.99), draw),
        lim(oracle(alpha, s), times(alpha, 200), alpha, draw, stochastic=False),
    ):
        found = quantiles(x, alpha, s)
        assert np.abs(found[:-2] - 1.0).max() < 0.04
        assert found[-2] == pytest.approx(1.0, abs=0.1)
        assert found[-1] == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("rho", [0.5, 1.0])
def test_dlim_with_fresh_noise_makes_stable_data(rho):
    alpha, s = 1.7, 0.5
    x = dlim(
        oracle(alpha, s), grid(cosine(alpha), alpha, 200, 0.99), stable(0, alpha, 1, N, 1), rho
    )
    found = quantiles(x, alpha, s)
    assert np.abs(found[:-2] - 1.0).max() < 0.04
    assert found[-2] == pytest.approx(1.0, abs=0.1)


def test_dlpm_makes_stable_data_with_tails_that_are_too_light():
    """Its variance leaves out what is unknown of the data after a jump, and steps do not help."""
    alpha, s = 1.7, 0.7
    made = grid(cosine(alpha), alpha, 100, 0.99)
    x = dlpm(oracle(alpha, s), made, chain(0, alpha, 1, N, 100, 1), normal(1, 1, N, 1))
    found = quantiles(x, alpha, s)
    assert np.abs(found[:3] - 1.0).max() < 0.13
    assert 0.6 < found[4] < 0.85
    assert 0.45 < found[5] < 0.9


def test_dlpm_makes_gaussian_data():
    s = 0.7
    made = grid(cosine(2.0), 2.0, 200, 0.99)
    x = dlpm(oracle(2.0, s), made, chain(0, 2.0, 1, N, 200, 1), normal(1, 1, N, 1))
    assert np.abs(quantiles(x, 2.0, s)[:-1] - 1.0).max() < 0.03


def sde_scale(alpha, s, steps):
    """The exact scale at the end: one sample per source of noise, and their powers add up."""
    sources = iter(range(steps + 1))

    def draw():
        kick = torch.zeros(1, steps + 1, 1, dtype=torch.float64)
        kick[0, next(sources), 0] = 1.0
        return kick

    end = lim(oracle(alpha, s), times(alpha, steps), alpha, draw)
    return end.abs().pow(alpha).sum().item() ** (1.0 / alpha)


def sde_limit(alpha, s):
    """The scale at which LIM's equation ends, by its solution for the linear score.

    With Y the scale of X/a to the power alpha, and v = s^alpha + (sigma/a)^alpha, it reads
    dY/dv = alpha Y / v - 1.
    """
    a, sigma = times(alpha, 1)
    first, last = (s**alpha + (sigma / a) ** alpha).tolist()
    start = (sigma[0] / a[0]).item() ** alpha
    end = last / (alpha - 1) + (start - first / (alpha - 1)) * (last / first) ** alpha
    return a[1].item() * end ** (1 / alpha)


@pytest.mark.parametrize("alpha", [1.5, 1.7, 1.9, 2.0])
@pytest.mark.parametrize("s", [0.3, 1.0])
def test_sde_of_lim_makes_data_that_are_too_wide_but_for_gaussian_noise(alpha, s):
    """By (alpha - 1)^(-1/alpha), 1.23 at alpha 1.7: LIM leaves out a term of its equation."""
    goal = sde_limit(alpha, s)
    assert goal == pytest.approx(s * (alpha - 1) ** (-1 / alpha), rel=0.01)
    errors = [abs(sde_scale(alpha, s, steps) / goal - 1) for steps in (200, 400, 800)]
    assert errors[-1] < 0.005
    for coarse, fine in pairwise(errors):
        assert 1.8 < coarse / fine < 2.6


# what all promise


def everything(noise, start, steps=7, alpha=1.7, progress=None):
    """Run every sampler on one sample whose only noise is its start, given over its scale."""
    made, levels = grid(cosine(alpha), alpha, steps, 0.99), times(alpha, steps)
    a = chain(0, alpha, 1, 1, steps, 1)
    first, scale = variances(a, made)[..., -1, :].sqrt().item(), made.sbar[-1].item()
    (a0, a1), sigma = levels[0][[0, -1]].tolist(), levels[1][0].item()
    return {
        "dlpm": (dlpm(noise, made, a, then_nothing(start), progress), first / made.gbar[-1]),
        "dlim": (dlim(noise, made, then_nothing(start), 0.0, progress), scale / made.gbar[-1]),
        "rho": (dlim(noise, made, then_nothing(start), 0.7, progress), scale / made.gbar[-1]),
        "lim": (lim(noise, levels, alpha, then_nothing(start), True, progress), sigma * a1 / a0),
        "ode": (lim(noise, levels, alpha, then_nothing(start), False, progress), sigma * a1 / a0),
    }


@pytest.mark.parametrize("start", [1.0, -1e6, 1e30])
def test_nothing_is_clamped(start):
    """Without noise to take away, the start is divided by gbar_T, however large."""
    for name, (found, factor) in everything(zero, start).items():
        assert found.item() == pytest.approx(start * float(factor), rel=1e-9), name


def test_progress_is_told_of_every_step():
    reports = []
    predictor, seen = watched(zero)
    made = everything(predictor, 1.0, steps=6, progress=lambda: reports.append(1))
    assert len(reports) == len(seen) == 6 * len(made)


@pytest.mark.parametrize("rho", [-0.1, 1.001, math.nan, math.inf])
def test_shares_of_fresh_noise_out_of_range(rho):
    with pytest.raises(ValueError, match=r"rho must be in \[0, 1\]"):
        dlim(zero, grid(cosine(1.7), 1.7, 3, 0.99), one, rho)


def test_deterministic_samplers_draw_once():
    everyone = [1]

    def draw():
        everyone.pop()
        return one()

    dlim(zero, grid(cosine(1.7), 1.7, 5, 0.99), draw)
    everyone.append(1)
    lim(zero, times(1.7, 5), 1.7, draw, stochastic=False)


def test_coordinates_may_have_chains_of_their_own():
    """The first coordinate of three is what it is alone."""
    made = grid(cosine(1.5), 1.5, 10, 0.99)
    a, gaussian = chain(0, 1.5, 2, 8, 10, 3), [normal(1, 2, 8, 3)() for _ in range(10)]
    whole = dlpm(oracle(1.5, 0.5), made, a, iter(gaussian).__next__)
    part = iter([g[..., :1] for g in gaussian])
    alone = dlpm(oracle(1.5, 0.5), made, a[..., :1], part.__next__)
    torch.testing.assert_close(whole[..., :1], alone)
    assert whole.shape == (2, 8, 3) and whole.dtype == torch.float64
