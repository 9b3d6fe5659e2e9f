"""The perceptron of a seed block."""

import pytest
import torch
from torch.nn import functional as F

from tailbench.networks.mlp import Linear, ResidualMLP


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def randomise(module, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(generator=generator)
    return module


def test_a_linear_map_is_the_seeds_own():
    layer = randomise(Linear(generators(0, 1, 2), 4, 3).double())
    x = torch.randn(3, 5, 4, dtype=torch.float64, generator=generators(3)[0])
    y = layer(x)
    assert y.shape == (3, 5, 3)
    for e in range(3):
        expected = x[e] @ layer.weight[e] + layer.bias[e]
        torch.testing.assert_close(y[e], expected, rtol=1e-14, atol=1e-14)


def test_one_seed_takes_the_short_way_to_the_same_result():
    layer = randomise(Linear(generators(0), 4, 3).double())
    x = torch.randn(1, 5, 4, dtype=torch.float64, generator=generators(3)[0])
    torch.testing.assert_close(
        layer(x), torch.baddbmm(layer.bias, x, layer.weight), rtol=1e-14, atol=1e-14
    )


def test_an_input_that_seeds_share_meets_the_weights_of_each():
    layer = randomise(Linear(generators(0, 1, 2), 4, 3).double())
    x = torch.randn(1, 5, 4, dtype=torch.float64, generator=generators(3)[0])
    torch.testing.assert_close(layer(x), layer(x.repeat(3, 1, 1)))


def test_initial_weights_are_uniform_of_the_variance_promised():
    layer = Linear(generators(0), 400, 300, gain=0.5)
    bound = 0.5 / 400**0.5
    assert float(layer.weight.detach().abs().max()) <= bound
    assert float(layer.weight.detach().var()) == pytest.approx(0.25 / (3 * 400), rel=0.02)
    assert not layer.bias.any()


def test_the_formula_of_the_blocks():
    net = randomise(ResidualMLP(generators(0), 2, 3, width=4, num_blocks=2, condition=5).double())
    x, c = torch.randn(1, 6, 2).double(), torch.randn(1, 6, 5).double()
    h = net.enter(x)
    for first, second, told in zip(net.first, net.second, net.told, strict=True):
        h = h + second(F.silu(first(F.silu(h)) + told(c)))
    torch.testing.assert_close(net(x, c), net.leave(F.silu(h)))


def test_a_condition_may_be_common_to_all_samples():
    net = randomise(
        ResidualMLP(generators(0, 1), 2, 3, width=4, num_blocks=2, condition=5).double()
    )
    x, c = torch.randn(2, 6, 2).double(), torch.randn(2, 1, 5).double()
    torch.testing.assert_close(net(x, c), net(x, c.expand(2, 6, 5)))
    torch.testing.assert_close(net(x, c[:1]), net(x, c[:1].repeat(2, 6, 1)))


@pytest.mark.parametrize(("zero", "blocks"), [(True, 0), (True, 2), (False, 2)])
def test_starts_at_zero_if_told(zero, blocks):
    net = ResidualMLP(generators(0), 2, 3, width=4, num_blocks=blocks, zero=zero)
    y = net(torch.randn(1, 6, 2))
    assert bool((y == 0).all()) is zero


def test_seeds_share_nothing():
    """A block equals its seeds, each built alone from its own generator."""
    block = ResidualMLP(generators(5, 6), 2, 3, width=8, num_blocks=2, zero=False).double()
    x = torch.randn(2, 7, 2).double()
    for e, seed in enumerate((5, 6)):
        alone = ResidualMLP(generators(seed), 2, 3, width=8, num_blocks=2, zero=False).double()
        torch.testing.assert_close(block(x)[e : e + 1], alone(x[e : e + 1]), rtol=1e-12, atol=1e-12)


def test_a_seeds_loss_has_no_gradient_for_another():
    net = randomise(ResidualMLP(generators(5, 6), 2, 3, width=8, num_blocks=1))
    net(torch.randn(2, 7, 2))[0].square().sum().backward()
    for parameter in net.parameters():
        assert parameter.grad[0].abs().sum() > 0
        assert not parameter.grad[1].any()
