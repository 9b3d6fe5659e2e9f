"""A perceptron that is linear along every ray far out."""

import pytest
import torch

from tailbench.networks.ray_mlp import RayMLP, radius


def made(seeds=(0,), inputs=3, outputs=2, trained=True):
    module = RayMLP([torch.Generator().manual_seed(s) for s in seeds], inputs, outputs, 8, 1)
    if trained:
        generator = torch.Generator().manual_seed(9)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.5 * torch.randn(parameter.shape, generator=generator))
    return module


def points(n, inputs=3, seeds=1):
    shape = (seeds, n, inputs)
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_the_radius():
    x = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]], dtype=torch.float64)
    assert radius(x).flatten().tolist() == pytest.approx([1.0, (1 + 12.5) ** 0.5])


def test_untrained_it_is_a_line():
    module, x = made(trained=False), 100 * points(50)
    expected = x @ module.line.weight.detach().double()
    torch.testing.assert_close(module(x).detach(), expected, rtol=1e-5, atol=1e-4)


def test_far_out_it_is_linear_along_a_ray_and_not_in_the_direction():
    module, x = made(), points(50)
    x = x / x.norm(dim=-1, keepdim=True)
    with torch.no_grad():
        at = [module(r * x) / r for r in (1e4, 1e6, 1e30)]
        opposite = module(-1e6 * x) / 1e6
    assert at[0].dtype == torch.float64 and float(at[0].abs().min()) > 0
    for one in at[1:]:
        torch.testing.assert_close(one, at[0], rtol=1e-3, atol=1e-3)
    assert float((opposite + at[1]).abs().mean()) > 0.1  # one side may be unlike the other


def test_seeds_share_nothing():
    both, x = made((0, 1), trained=False), points(5, seeds=2)
    for e in (0, 1):
        torch.testing.assert_close(both(x)[[e]], made((e,), trained=False)(x[[e]]))
