"""Samplers, with the exact predictor of Gaussian data in the network's place."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tailbench.diffusion.samplers import SAMPLERS, evaluations, noise_levels, reverse

S = 0.7  # standard deviation of the data
START, DELTA = 4.0, 0.01


def exact(x, sigma):
    """E[epsilon | x] for x = S G + sigma epsilon."""
    return sigma * x / (S**2 + sigma**2)


def ones(seeds=1, n=1, dim=1):
    return torch.ones(seeds, n, dim, dtype=torch.float64)


def flow_error(sampler, steps):
    """Relative error of the probability-flow map, which is x sqrt((S^2+delta^2)/(S^2+T^2))."""
    levels = noise_levels(START, DELTA, steps)
    end = reverse(exact, ones(), levels, sampler).item()
    return abs(end / np.sqrt((S**2 + DELTA**2) / (S**2 + START**2)) - 1.0)


def sde_variance(levels):
    """The exact variance at the end: one sample per source of noise, and squares add up."""
    steps = len(levels) - 1
    x = torch.zeros(1, steps + 1, 1, dtype=torch.float64)
    x[0, 0, 0] = np.sqrt(S**2 + levels[0].item() ** 2)
    sources = iter(range(1, steps + 1))

    def draw():
        kick = torch.zeros_like(x)
        kick[0, next(sources), 0] = 1.0
        return kick

    return reverse(exact, x, levels, "sde", draw).square().sum().item()


@given(
    sigma=st.floats(0.1, 1e3),
    ratio=st.floats(1e-5, 0.9),
    steps=st.integers(1, 200),
    rho=st.floats(1.0, 10.0),
)
@settings(max_examples=60, deadline=None)
def test_levels_fall_from_sigma_to_delta(sigma, ratio, steps, rho):
    levels = noise_levels(sigma, ratio * sigma, steps, rho)
    assert levels.shape == (steps + 1,) and levels.dtype == torch.float64
    assert levels[0].item() == sigma and levels[-1].item() == ratio * sigma
    assert bool((levels.diff() < 0).all())


def test_levels_of_karras():
    """Eq. 5 at sigma_max 80, sigma_min 0.002, rho 7, computed apart."""
    i = np.arange(19) / 18
    expected = (80 ** (1 / 7) + i * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    np.testing.assert_allclose(noise_levels(80.0, 0.002, 18).numpy(), expected, rtol=1e-12)


def test_levels_are_linear_at_rho_one():
    np.testing.assert_allclose(noise_levels(3.0, 1.0, 4, rho=1.0), [3.0, 2.5, 2.0, 1.5, 1.0])


@pytest.mark.parametrize(("sigma", "delta"), [(1.0, 1.0), (1.0, 2.0), (1.0, 0.0), (1.0, -0.1)])
def test_levels_have_to_fall(sigma, delta):
    with pytest.raises(ValueError, match="noise must fall"):
        noise_levels(sigma, delta, 10)


def test_levels_need_a_step():
    with pytest.raises(ValueError, match="at least one step is needed, not 0"):
        noise_levels(1.0, 0.1, 0)


@pytest.mark.parametrize("sampler", ["heun", "dpmpp_2m"])
def test_second_order(sampler):
    errors = [flow_error(sampler, steps) for steps in (32, 64, 128)]
    assert errors[-1] < 1e-3
    for coarse, fine in pairwise(errors):
        assert 3.4 < coarse / fine < 4.6


def test_one_step_of_2m_is_eulers_and_the_second_extrapolates():
    """By hand, with the posterior means D of two steps: x = 3, noise levels 4, 2 and 1."""
    x = torch.tensor([[[3.0]]], dtype=torch.float64)
    levels = torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64)
    first = x - 4.0 * exact(x, 4.0)
    once = 0.5 * x + 0.5 * first
    torch.testing.assert_close(reverse(exact, x, levels[:2], "dpmpp_2m"), once)
    torch.testing.assert_close(once, reverse(exact, x, levels[:2], "euler"))
    second = once - 2.0 * exact(once, 2.0)
    twice = 0.5 * once + 0.5 * (second + 0.5 * (second - first))  # both steps have log 2
    torch.testing.assert_close(reverse(exact, x, levels, "dpmpp_2m"), twice)


def test_churned_noise_has_the_level_that_it_is_said_to_have():
    """Without a pull, a step of churn adds the variance ((1 + g) t)^2 - t^2."""
    levels = torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)
    seen = []

    def no_pull(x, sigma):
        seen.append(sigma.item())
        return 0.0 * x

    end = reverse(no_pull, 0.0 * ones(), levels, "heun", ones, churn=0.25)
    assert end.item() == pytest.approx((1.25**2 - 1) ** 0.5 * (2.0 + 1.0))
    assert seen == [2.5, 1.0, 1.25, 0.5]


@pytest.mark.parametrize("churn", [0.1, 0.4])
def test_churn_converges_to_the_variance(churn):
    generator = torch.Generator().manual_seed(0)
    shape = (1, 200_000, 1)

    def draw():
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    levels = noise_levels(START, DELTA, 48)
    end = reverse(exact, (S**2 + START**2) ** 0.5 * draw(), levels, "heun", draw, churn=churn)
    assert end.var().item() == pytest.approx(S**2 + DELTA**2, rel=0.02)


def test_euler_is_of_first_order():
    errors = [flow_error("euler", steps) for steps in (128, 256, 512)]
    assert errors[-1] < 0.05
    for coarse, fine in pairwise(errors):
        assert 1.8 < coarse / fine < 2.2


def test_sde_converges_to_the_variance():
    goal = S**2 + DELTA**2
    errors = [abs(sde_variance(noise_levels(START, DELTA, n)) / goal - 1) for n in (32, 64, 128)]
    assert errors[-1] < 0.05
    for coarse, fine in pairwise(errors):
        assert 1.6 < coarse / fine < 2.4


def test_sde_step_is_the_gaussian_bridge():
    """One step from t to s: the law of x_s given x_t and the clean x_0, at its posterior mean."""
    t, s = 2.0, 0.5
    x = torch.tensor([[[3.0]]], dtype=torch.float64)
    mean = x - t * exact(x, t)  # E[x_0 | x]
    bridge = mean + (s / t) ** 2 * (x - mean)
    levels = torch.tensor([t, s], dtype=torch.float64)
    still = reverse(exact, x, levels, "sde", lambda: torch.zeros_like(x))
    torch.testing.assert_close(still, bridge)
    kicked = reverse(exact, x, levels, "sde", lambda: torch.ones_like(x))
    variance = s**2 * (t**2 - s**2) / t**2
    torch.testing.assert_close(kicked - still, torch.full_like(x, variance**0.5))


def test_sde_of_many_samples_agrees():
    levels = noise_levels(START, DELTA, 24)
    generator = torch.Generator().manual_seed(0)
    shape = (1, 100_000, 1)

    def draw():
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    end = reverse(exact, (S**2 + START**2) ** 0.5 * draw(), levels, "sde", draw)
    assert end.var().item() == pytest.approx(sde_variance(levels), rel=0.02)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_counts_of_evaluations_and_steps(sampler, steps):
    calls, reports = [], []

    def counted(x, sigma):
        assert sigma.shape == (1, 1, 1)
        calls.append(sigma.item())
        return exact(x, sigma)

    levels = noise_levels(START, DELTA, steps)
    x = ones(2, 5, 3)
    end = reverse(counted, x, levels, sampler, lambda: ones(2, 5, 3), lambda: reports.append(1))
    assert end.shape == x.shape
    assert len(calls) == evaluations(sampler, steps)
    assert len(reports) == steps
    assert max(calls) == START and min(calls) >= DELTA


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_nothing_is_clamped(sampler):
    """Without any pull, what starts at 1e30 ends there."""
    x = 1e30 * ones()
    end = reverse(lambda x, sigma: 0.0 * x, x, noise_levels(START, DELTA, 5), sampler, ones)
    assert end.item() == pytest.approx(1e30)


def test_deterministic_samplers_draw_nothing():
    def never():
        raise AssertionError

    for sampler in ("heun", "dpmpp_2m", "euler"):
        reverse(exact, ones(), noise_levels(START, DELTA, 3), sampler, never)


def test_refuses_an_unknown_sampler_noise_that_is_missing_and_churn_elsewhere():
    levels = noise_levels(START, DELTA, 3)
    with pytest.raises(ValueError, match="'ddpm' is unknown"):
        reverse(exact, ones(), levels, "ddpm")
    with pytest.raises(ValueError, match="'sde' has no noise"):
        reverse(exact, ones(), levels, "sde")
    with pytest.raises(ValueError, match="'heun' has no noise"):
        reverse(exact, ones(), levels, "heun", churn=0.1)
    with pytest.raises(ValueError, match="churn is for 'heun', not for 'dpmpp_2m'"):
        reverse(exact, ones(), levels, "dpmpp_2m", ones, churn=0.1)
