"""Schedules: the printed formulas, the identity of the steps, and the ends."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tailbench.levy.schedules import Grid, cosine, exploding, grid, lim_cosine

ALPHAS = [1.1, 1.5, 1.7, 1.9, 2.0]
S = 0.008
KINDS = {"cosine": cosine, "lim": lim_cosine, "exploding": lambda alpha: exploding(0.002, 80.0)}
TIMES = torch.linspace(0.0, 0.999, 1000, dtype=torch.float64)[1:]


def angle(u):
    return (u + S) / (1.0 + S) * math.pi / 2.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_noise_of_the_steps_adds_up(kind, alpha, steps):
    """Eq. (8): sbar_t^alpha is the sum over i of (gbar_t / gbar_i sigma_i)^alpha."""
    made = grid(KINDS[kind](alpha), alpha, steps, 0.99)
    assert made.steps == steps and made.gamma.shape == made.sigma.shape == (steps,)
    for t in range(1, steps + 1):
        parts = made.gbar[t] / made.gbar[1 : t + 1] * made.sigma[:t]
        total = (parts**alpha).sum().item()
        assert total == pytest.approx(made.sbar[t].item() ** alpha, rel=1e-11)
        assert made.gamma[:t].prod().item() == pytest.approx(made.gbar[t].item(), rel=1e-12)


@given(
    kind=st.sampled_from(sorted(KINDS)),
    alpha=st.floats(1.01, 2.0),
    steps=st.integers(1, 300),
    end=st.floats(0.01, 0.9999),
)
@settings(max_examples=60, deadline=None)
def test_signal_falls_and_noise_rises(kind, alpha, steps, end):
    made = grid(KINDS[kind](alpha), alpha, steps, end)
    assert made.gbar.dtype == made.sbar.dtype == torch.float64
    assert made.gbar[0].item() == 1.0 and made.sbar[0].item() == 0.0
    assert bool((made.sbar.diff() > 0).all())
    falls = made.gbar.diff()
    assert bool((falls == 0).all() if kind == "exploding" else (falls < 0).all())
    assert bool((made.gbar > 0).all()) and bool((made.sigma > 0).all())
    assert bool((made.gamma > 0).all()) and bool((made.gamma <= 1).all())


@pytest.mark.parametrize("kind", ["cosine", "lim"])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_cosine_schedules_keep_the_scale(kind, alpha):
    gbar, sbar = KINDS[kind](alpha)(TIMES)
    assert (gbar**alpha + sbar**alpha - 1.0).abs().max().item() < 1e-12


@pytest.mark.parametrize("alpha", ALPHAS)
def test_values_of_dlpm(alpha):
    u = np.linspace(0.0, 1.0, 101)[1:-1]
    f = np.cos(angle(u)) ** 2 / np.cos(angle(0.0)) ** 2
    gbar, sbar = cosine(alpha)(torch.from_numpy(u))
    np.testing.assert_allclose(gbar.numpy(), f ** (1.0 / alpha), rtol=1e-12)
    np.testing.assert_allclose(sbar.numpy(), (1.0 - f) ** (1.0 / alpha), rtol=1e-12)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("steps", [5, 100])
def test_steps_of_dlpm(alpha, steps):
    """At the times t/T of the end, and sigma_t = (1 - gamma_t^alpha)^(1/alpha)."""
    made = grid(cosine(alpha), alpha, steps, 0.99)
    u = 0.99 * np.arange(steps + 1) / steps
    gbar = (np.cos(angle(u)) / np.cos(angle(0.0))) ** (2.0 / alpha)
    np.testing.assert_allclose(made.gbar.numpy(), gbar, rtol=1e-12)
    gamma = gbar[1:] / gbar[:-1]
    np.testing.assert_allclose(made.gamma.numpy(), gamma, rtol=1e-12)
    np.testing.assert_allclose(
        made.sigma.numpy(), (1.0 - gamma**alpha) ** (1.0 / alpha), rtol=1e-10
    )


@pytest.mark.parametrize("alpha", ALPHAS)
def test_values_of_lim(alpha):
    u = np.linspace(1e-3, 0.9946, 100)
    a = np.cos(angle(u)) / np.cos(angle(0.0))
    gbar, sbar = lim_cosine(alpha)(torch.from_numpy(u))
    np.testing.assert_allclose(gbar.numpy(), a, rtol=1e-12)
    np.testing.assert_allclose(sbar.numpy(), (1.0 - a**alpha) ** (1.0 / alpha), rtol=1e-11)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("u", [1e-7, 1e-9, 1e-12])
def test_little_noise_is_not_lost(alpha, u):
    """A series in the small angle, where the difference from one would have lost its digits."""
    start, h = angle(0.0), u / (1.0 + S) * math.pi / 2.0
    noise = 2.0 * math.tan(start) * h + (1.0 - math.tan(start) ** 2) * h**2
    time = torch.tensor([u], dtype=torch.float64)
    _, sbar = cosine(alpha)(time)
    assert sbar.item() ** alpha == pytest.approx(noise, rel=1e-6)
    _, sbar = lim_cosine(alpha)(time)
    assert sbar.item() ** alpha == pytest.approx(alpha / 2.0 * noise, rel=1e-6)


def test_dlpm_and_lim_have_the_same_schedule_only_for_gaussian_noise():
    for alpha in ALPHAS:
        (gbar, sbar), (a, sigma) = cosine(alpha)(TIMES), lim_cosine(alpha)(TIMES)
        torch.testing.assert_close(a, gbar ** (alpha / 2.0), rtol=1e-10, atol=0.0)
        if alpha == 2.0:
            torch.testing.assert_close(sigma, sbar, rtol=1e-12, atol=0.0)
        else:
            assert (sigma - sbar).abs().max().item() > 0.01
            assert (a - gbar).abs().max().item() > 0.01


def test_values_of_exploding_noise():
    """Eq. 5 of Karras et al. from below, and no shrinking."""
    u = np.linspace(0.0, 1.0, 50)
    gbar, sbar = exploding(0.002, 80.0)(torch.from_numpy(u))
    expected = (0.002 ** (1 / 7) + u * (80.0 ** (1 / 7) - 0.002 ** (1 / 7))) ** 7
    np.testing.assert_allclose(sbar.numpy(), expected, rtol=1e-12)
    assert bool((gbar == 1.0).all())
    assert sbar[0].item() == pytest.approx(0.002) and sbar[-1].item() == pytest.approx(80.0)


@pytest.mark.parametrize("kind", KINDS)
def test_times_in_single_precision_give_coefficients_in_double(kind):
    gbar, sbar = KINDS[kind](1.7)(torch.tensor([[0.25], [0.5]]))
    assert gbar.dtype == sbar.dtype == torch.float64
    assert gbar.shape == sbar.shape == (2, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_finer_grid_holds_the_coarser(kind):
    schedule = KINDS[kind](1.7)
    coarse, fine = (grid(schedule, 1.7, steps, 0.9) for steps in (10, 30))
    torch.testing.assert_close(fine.gbar[::3], coarse.gbar, rtol=1e-12, atol=0.0)
    torch.testing.assert_close(fine.sbar[::3], coarse.sbar, rtol=1e-12, atol=0.0)


def test_a_step_without_noise():
    """Rounding may make the noise of a step a little less than nothing."""
    level = torch.tensor([0.0, 0.5, 0.5 - 2e-16], dtype=torch.float64)
    made = Grid(1.5, torch.ones(3, dtype=torch.float64), level)
    assert level[2] < level[1]
    assert made.sigma.tolist() == [pytest.approx(0.5), 0.0]


@pytest.mark.parametrize("steps", [0, -3])
def test_a_grid_needs_a_step(steps):
    with pytest.raises(ValueError, match=f"at least one step is needed, not {steps}"):
        grid(cosine(1.7), 1.7, steps, 0.99)


@pytest.mark.parametrize("end", [0.0, -0.1, 1.001, math.nan, math.inf])
def test_a_grid_ends_in_time(end):
    with pytest.raises(ValueError, match=r"time ends in \(0, 1\]"):
        grid(cosine(1.7), 1.7, 10, end)
