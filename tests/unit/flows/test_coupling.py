"""Coupling layers: inverse, log-determinant, seeds, and whose tail is whose."""

import numpy as np
import pytest
import torch

from tailbench.flows.coupling import CouplingFlow

DIMENSIONS = (1, 2, 3, 5)
BOUND = 5.0


def generators(seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def flow(dim, seeds=(0,), spread=0.3, layers=2):
    """A flow in double precision, away from the identity that it starts at."""
    made = CouplingFlow(generators(seeds), dim, layers, bins=4, bound=BOUND, width=8, num_blocks=1)
    made = made.double()
    with torch.no_grad():
        for parameter in made.parameters():
            for e, generator in enumerate(generators([seed + 100 for seed in seeds])):
                parameter[e].normal_(0.0, spread, generator=generator)
    return made


def points(seeds, n, dim, scale=3.0):
    generator = torch.Generator().manual_seed(1)
    return scale * torch.randn(seeds, n, dim, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_starts_as_the_identity(dim):
    made = CouplingFlow(
        generators([0]), dim, 3, bins=8, bound=BOUND, width=8, num_blocks=1
    ).double()
    x = points(1, 50, dim)
    z, ladj = made.inverse(x)
    torch.testing.assert_close(z, x)
    torch.testing.assert_close(ladj, torch.zeros(1, 50, dtype=torch.float64))
    torch.testing.assert_close(made(x), x)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_is_invertible(dim):
    made, x = flow(dim), points(1, 300, dim)
    z, _ = made.inverse(x)
    assert float((z - x).detach().abs().max()) > 0.1
    torch.testing.assert_close(made(z), x, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(made.inverse(made(x))[0], x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_log_determinant_against_autograd(dim):
    made, x = flow(dim), points(1, 12, dim)
    _, ladj = made.inverse(x)
    assert float(ladj.detach().abs().max()) > 0.1
    for i in range(x.shape[1]):
        jacobian = torch.autograd.functional.jacobian(
            lambda v: made.inverse(v.view(1, 1, dim))[0].flatten(), x[0, i]
        )
        exact = torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(ladj[0, i], exact, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_is_the_identity_beyond_the_bound(dim):
    x = points(1, 200, dim)
    x = x + x.sign() * BOUND
    z, ladj = flow(dim).inverse(x)
    torch.testing.assert_close(z, x)
    assert not ladj.any()


@pytest.mark.parametrize("dim", [2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_a_tail_stays_in_its_coordinate(dim, seed):
    """A coordinate far out passes unchanged, whatever the permutations and the others."""
    made = flow(dim, seeds=(seed,), layers=3)
    for j in range(dim):
        base = points(1, 50, dim, scale=1.0)
        base[..., j] = 1e4
        x = made(base)
        torch.testing.assert_close(x[..., j], base[..., j])
        others = [i for i in range(dim) if i != j]
        assert float(x[..., others].detach().abs().max()) < 20.0


@pytest.mark.parametrize("dim", [1, 3])
def test_seeds_are_independent(dim):
    block, x = flow(dim, seeds=(3, 4)), points(2, 40, dim)
    z, ladj = block.inverse(x)
    for e, seed in enumerate((3, 4)):
        alone = flow(dim, seeds=(seed,))
        own, change = alone.inverse(x[e : e + 1])
        torch.testing.assert_close(z[e : e + 1], own, rtol=1e-11, atol=1e-11)
        torch.testing.assert_close(ladj[e : e + 1], change, rtol=1e-11, atol=1e-11)
        torch.testing.assert_close(block(x)[e : e + 1], alone(x[e : e + 1]), rtol=1e-10, atol=1e-10)


def test_seeds_have_their_own_permutations():
    made = flow(5, seeds=(0, 1, 2))
    assert made.permutations.shape == (3, 2, 5)
    assert made.permutations.sort(-1).values.tolist() == [[list(range(5))] * 2] * 3
    assert len({str(p) for p in made.permutations.tolist()}) == 3


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_every_parameter_has_a_gradient(dim):
    made = flow(dim)
    z, ladj = made.inverse(points(1, 200, dim, scale=2.0))
    (z.square().sum() - ladj.sum()).backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
        # In one dimension nothing conditions the spline: the input of the networks is zero.
        if not (dim == 1 and name.endswith("enter.weight")):
            assert bool(parameter.grad.any()), name


def test_what_is_far_out_tells_by_its_logarithm():
    """The conditioning networks see 1e6 as 14.5, and the rest within the bound."""
    made, seen = flow(3).requires_grad_(False), []
    for network in made.conditioners:
        network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].abs().max()))
    made.inverse(torch.full((1, 5, 3), 1e6, dtype=torch.float64))
    assert len(seen) == 4
    assert max(seen).item() == pytest.approx(np.arcsinh(1e6))


def test_stays_finite_however_far():
    made = flow(3).float()
    for parameter in made.parameters():
        parameter.requires_grad_(False)
    x = torch.tensor([[[1e30, 0.1, -1e30], [0.3, -1e20, 0.0]]])
    z, ladj = made.inverse(x)
    assert bool(z.isfinite().all()) and bool(ladj.isfinite().all())
    assert bool(made(x).isfinite().all())


def test_the_switch_to_half_precision_is_not_shadowed():
    """Modules have a method ``half``; an attribute of that name would break it."""
    assert flow(2).half().permutations.dtype == torch.int64
