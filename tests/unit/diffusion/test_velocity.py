"""The parametrised velocity: its line, its loss, and what becomes of points far out."""

import numpy as np
import pytest
import torch

from tailbench.diffusion.ode import integrate
from tailbench.diffusion.velocity import VelocityField, far_weight
from tailbench.networks.mlp import ScoreMLP


def gaussian(source, uniform):
    return source()


def field(seeds=1, dim=2, scale=None):
    """A velocity whose network gives numbers of the order of one."""
    generators = [torch.Generator().manual_seed(e) for e in range(seeds)]
    network = ScoreMLP(generators, dim, 16, 1)
    with torch.no_grad():
        network.network.leave.weight.normal_(generator=torch.Generator().manual_seed(9))
    return VelocityField(network, gaussian, scale)


def line(module):
    """The same with a network of zero."""
    with torch.no_grad():
        module.network.network.leave.weight.zero_()
    return module


@pytest.mark.parametrize("k", [0.3, 1.0, 4.0])
def test_line_is_the_velocity_of_gaussians(k):
    """Closed form for N(0, k^2) and N(0, 1), which are drawn apart; and what is left."""
    rng = np.random.default_rng(0)
    base, data = k * rng.standard_normal(200_000), rng.standard_normal(200_000)
    module = line(field(scale=torch.tensor([k])))
    for t in (0.0, 0.3, 0.8, 1.0):
        x = (1 - t) * base + t * data
        slope = np.cov(x, data - base)[0, 1] / x.var()
        level = torch.full((1, 1, 1), t, dtype=torch.float64)
        at_one = module(torch.ones(1, 1, 2, dtype=torch.float64), level)
        assert at_one.flatten().tolist() == pytest.approx([slope] * 2, abs=0.02 * max(k, 1))
        left = (data - base - slope * x).std()
        _, factor, size = (float(part) for part in module.coefficients(level))
        assert (factor, size) == pytest.approx((left, x.std()), rel=0.01)


@pytest.mark.parametrize("k", [0.5, 2.0])
def test_line_takes_every_point_to_its_place(k):
    x = torch.tensor([[[1e-3, 1e6], [-7.0, 0.0]]], dtype=torch.float64)
    module = line(field(scale=torch.tensor([k])))
    with torch.no_grad():
        y = integrate(module, x, torch.linspace(0, 1, 201, dtype=torch.float64), "heun")
    torch.testing.assert_close(y, x / k, rtol=1e-4, atol=1e-12)


def test_points_far_out_stay_in_line():
    """What the network adds to the way of a far point is nothing beside its size."""
    module = field()
    times = torch.linspace(0, 1, 65, dtype=torch.float64)
    for size, bound in ((1e3, 0.2), (1e6, 1e-3), (1e12, 1e-5)):
        x = size * torch.tensor([[[1.0, -2.0]]], dtype=torch.float64)
        with torch.no_grad():
            y = integrate(module, x, times, "heun")
        assert float((y / x - 1.0).abs().max()) < bound


@pytest.mark.parametrize("damping", [0.0, 0.5, 1.0])
def test_loss_is_the_squared_error_of_the_velocity(damping):
    rng = torch.Generator().manual_seed(0)
    base, data = torch.randn(2, 3, 50, 2, generator=rng, dtype=torch.float64)
    t = torch.rand(3, 50, 1, generator=rng, dtype=torch.float64)
    module = field(3, scale=torch.tensor([0.5, 1.0, 2.0]))
    x = (1 - t) * base + t * data
    error = (module(x, t) - (data - base)).square()
    size = (t**2 + (torch.tensor([0.5, 1.0, 2.0]).view(3, 1, 1) * (1 - t)) ** 2).sqrt()
    error = error * (2 / (1 + (x / size).square().mean(-1, keepdim=True))) ** damping
    expected = (t.square() * error).mean((1, 2)).float()
    torch.testing.assert_close(module.loss(base, data, t, t.square(), damping), expected)


def test_far_points_are_weighed_down():
    x = torch.tensor([[[0.0, 0.0], [1.0, 1.0], [1e6, 0.0]]], dtype=torch.float64)
    np.testing.assert_allclose(far_weight(x, 1.0).flatten(), [2.0, 1.0, 4e-12], rtol=1e-5)
    np.testing.assert_allclose(far_weight(x, 0.5).flatten(), [2**0.5, 1.0, 2e-6], rtol=1e-5)
    assert far_weight(x, 0.0).flatten().tolist() == [1.0, 1.0, 1.0]


def test_ends_of_the_way_and_precision():
    """Finite at both ends, and as precise as its input."""
    module = field()
    for dtype in (torch.float32, torch.float64):
        x = torch.ones(1, 3, 2, dtype=dtype)
        for t in (0.0, 1.0):
            v = module(x, torch.full((1, 1, 1), t, dtype=dtype))
            assert v.dtype == dtype and bool(v.isfinite().all())
