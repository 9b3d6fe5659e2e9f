"""Solvers of the velocity's equation against closed forms."""

import numpy as np
import pytest
import torch

from tailbench.diffusion.ode import evaluations, integrate


def stable(alpha, base, data):
    """The velocity from a stable base to stable data of the same index, drawn apart."""

    def velocity(x, t):
        up, down = t ** (alpha - 1) * data**alpha, (1 - t) ** (alpha - 1) * base**alpha
        return x * (up - down) / (t * up + (1 - t) * down)

    return velocity


def errors(solver, alpha, steps, data=2.0):
    """The relative error of the whole map, which is a factor of the two scales."""
    x = torch.tensor([[[1.0, -3.0], [1e6, 1e-3]]], dtype=torch.float64)
    found = []
    for n in steps:
        times = torch.linspace(0.0, 1.0, n + 1, dtype=torch.float64)
        y = integrate(stable(alpha, 0.5, data), x, times, solver)
        factor = y / x
        torch.testing.assert_close(factor, factor[:, :1, :1].expand_as(factor), rtol=1e-12, atol=0)
        found.append(abs(float(factor[0, 0, 0]) / (data / 0.5) - 1.0))
    return np.array(found)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2), ("midpoint", 3)])
def test_error_falls_by_a_power_of_the_steps(solver, order):
    """From a Gaussian to one four times as wide; there midpoint's error of order two cancels."""
    found = errors(solver, 2.0, [64, 128, 256])
    np.testing.assert_allclose(np.log2(found[:-1] / found[1:]), order, atol=0.1)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2), ("midpoint", 2)])
def test_order_where_nothing_cancels(solver, order):
    """x' = -x^2 cos t from 1, which is 1 / (1 + sin t)."""
    x = torch.ones(1, 1, 1, dtype=torch.float64)
    found = []
    for n in (64, 128, 256):
        times = torch.linspace(0.0, 1.0, n + 1, dtype=torch.float64)
        end = integrate(lambda x, t: -x.square() * t.cos(), x, times, solver).item()
        found.append(abs(end - 1.0 / (1.0 + np.sin(1.0))))
    np.testing.assert_allclose(np.log2(np.divide(found[:-1], found[1:])), order, atol=0.15)


@pytest.mark.parametrize("solver", ["euler", "heun", "midpoint"])
def test_paths_of_the_cauchy_law_are_straight(solver):
    """The velocity is x (s1 - s0) / scale, and its paths are lines: one step is exact."""
    assert errors(solver, 1.0, [1, 7]).max() < (1e-12 if solver == "euler" else 0.8)
    assert errors(solver, 1.0, [400]).max() < 1e-4


@pytest.mark.parametrize("alpha", [1.2, 1.5, 1.8])
def test_stable_laws_are_stretched(alpha):
    assert errors("heun", alpha, [400])[0] < 2e-3


def test_velocity_is_evaluated_at_both_ends():
    for solver, expected in (
        ("euler", [0.0, 0.5]),
        ("heun", [0.0, 0.5, 0.5, 1.0]),
        ("midpoint", [0.0, 0.25, 0.5, 0.75]),
    ):
        seen, done = [], []

        def velocity(x, t, seen=seen):
            assert t.shape == (1, 1, 1) and t.dtype == x.dtype
            seen.append(float(t))
            return 0.0 * x

        x = torch.ones(1, 3, 2)
        times = torch.tensor([0.0, 0.5, 1.0])
        integrate(velocity, x, times, solver, lambda done=done: done.append(1))
        assert seen == expected and len(done) == 2
        assert evaluations(solver, 2) == len(seen)


def test_unknown_solver():
    with pytest.raises(ValueError, match="the solver 'rk4' is unknown"):
        integrate(lambda x, t: x, torch.ones(1, 1, 1), torch.tensor([0.0, 1.0]), "rk4")
