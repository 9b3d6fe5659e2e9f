"""The density of the probability-flow equation, against Gaussians in closed form."""

import itertools
import math

import pytest
import torch

from tailbench.diffusion.likelihood import divergence, ode_log_prob
from tailbench.diffusion.samplers import noise_levels

LOW, HIGH = 0.01, 80.0


def covariance(dim):
    """A covariance with eigenvalues from 1/4 to 4, and its eigenvectors."""
    generator = torch.Generator().manual_seed(0)
    axes, _ = torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=torch.float64))
    return torch.logspace(-1, 1, dim, base=4.0, dtype=torch.float64), axes


def exact(x, values, axes):
    """The law that the equation makes of its start: of variance H^2 (c + l^2) / (c + H^2)."""
    variance = HIGH**2 * (values + LOW**2) / (values + HIGH**2)
    z = (x @ axes).square() / variance
    return -0.5 * (z + (2.0 * math.pi * variance).log()).sum(-1)


def prediction(values, axes):
    """E[epsilon | x] of Gaussian data: sigma (C + sigma^2)^{-1} x."""
    return lambda x, sigma: sigma * ((x @ axes) / (values + sigma.square())) @ axes.T


def points(dim, n=40):
    generator = torch.Generator().manual_seed(1)
    return 2.0 * torch.randn(1, n, dim, generator=generator, dtype=torch.float64)


def levels(steps):
    return noise_levels(HIGH, LOW, steps).double().flip(0)


@pytest.mark.parametrize("dim", [1, 3, 8])
def test_the_density_of_a_gaussian(dim):
    law = covariance(dim)
    found = ode_log_prob(prediction(*law), points(dim), levels(200))
    torch.testing.assert_close(found, exact(points(dim), *law), rtol=1e-3, atol=2e-3)


def test_the_error_is_of_second_order():
    law, x = covariance(2), points(2)
    errors = [
        (ode_log_prob(prediction(*law), x, levels(steps)) - exact(x, *law)).abs().mean().item()
        for steps in (50, 100, 200)
    ]
    for coarse, fine in itertools.pairwise(errors):
        assert coarse / fine == pytest.approx(4.0, rel=0.3)


def test_the_estimated_trace_has_the_mean_of_the_exact_one():
    """Of signs v, v^T J v has the variance of twice the squares off the diagonal of J."""
    values, axes = covariance(30)
    field, x = prediction(values, axes), points(30, 2000)[:, :1].expand(1, 2000, 30)
    sigma = torch.ones(1, 2000, 1, dtype=torch.float64)
    generator = torch.Generator().manual_seed(2)
    probe = torch.randint(0, 2, x.shape, generator=generator).double() * 2.0 - 1.0
    jacobian = axes @ torch.diag(1.0 / (values + 1.0)) @ axes.T
    _, found = divergence(field, x, sigma, probe)
    off = jacobian - torch.diag(jacobian.diagonal())
    spread = (2.0 * off.square().sum()).sqrt().item()
    assert found.std().item() == pytest.approx(spread, rel=0.1)
    assert abs(found.mean().item() - jacobian.trace().item()) < 4 * spread / math.sqrt(2000)
    same, trace = divergence(field, x[:, :3], sigma[:, :3])
    torch.testing.assert_close(trace, jacobian.trace().expand(1, 3))
    torch.testing.assert_close(same, field(x[:, :3], sigma[:, :3]))
