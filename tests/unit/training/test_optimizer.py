"""Optimisers: torch's AdamW, and Muon per matrix and per seed."""

import math

import pytest
import torch
from torch import nn

from tailbench.networks.mlp import ResidualMLP, ScoreMLP
from tailbench.training.optimizer import (
    AdamW,
    Muon,
    make_optimizer,
    orthogonalise,
    update_order,
)
from tailbench.training.state import flatten


def generators(count):
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_adamw_is_torchs():
    flat = randn(2, 30)
    theirs = nn.Parameter(flat.clone())
    ours, reference = AdamW(flat, 0.1), torch.optim.AdamW([theirs], weight_decay=0.1)
    for step in range(5):
        gradient = randn(2, 30, seed=step)
        reference.param_groups[0]["lr"] = 0.1 / (step + 1)
        theirs.grad = gradient.clone()
        reference.step()
        ours.step(gradient, 0.1 / (step + 1))
        torch.testing.assert_close(flat, theirs.detach(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (64, 16)])
@pytest.mark.parametrize("size", [1e-8, 1.0, 1e6])
def test_singular_values_become_about_one(shape, size):
    matrices = size * randn(2, 3, *shape)
    done = orthogonalise(matrices)
    assert done.shape == matrices.shape and done.dtype == matrices.dtype
    u, s, vh = torch.linalg.svd(matrices, full_matrices=False)
    values = (u.mT @ done @ vh.mT).diagonal(dim1=-2, dim2=-1)
    large = s > 0.01 * matrices.norm(dim=(-2, -1))[..., None]
    assert large.float().mean() > 0.9
    assert values[large].min() > 0.72 and values.max() < 1.28
    torch.testing.assert_close(u @ torch.diag_embed(values) @ vh, done, rtol=1e-3, atol=1e-3)


def test_a_matrix_of_zeros_stays_one():
    assert torch.equal(orthogonalise(torch.zeros(1, 4, 6)), torch.zeros(1, 4, 6))


def test_each_matrix_is_orthogonalised_alone():
    matrices = randn(2, 3, 6, 6)
    together = orthogonalise(matrices)
    for e in range(2):
        for k in range(3):
            torch.testing.assert_close(together[e, k], orthogonalise(matrices[e, k]))


def test_one_step_of_muon():
    """The formula of the docstring, with the exact polar factor: one matrix, no momentum yet."""
    flat, gradient = randn(1, 12), randn(1, 12, seed=1)
    before = flat.clone()
    Muon(flat, [(3, 4)], weight_decay=0.5).step(gradient, lr=0.1)
    u, _, vh = torch.linalg.svd(gradient.view(3, 4), full_matrices=False)
    expected = (1 - 0.1 * 0.5) * before.view(3, 4) - 0.1 * 0.2 * 2.0 * (u @ vh)
    assert (flat.view(3, 4) - expected).norm() < 0.3 * 0.1 * 0.2 * 2.0 * math.sqrt(3)


def test_momentum_forgets():
    """Gradients of long ago do not count: then Muon goes along the polar factor of the last."""
    flat = torch.zeros(1, 12)
    muon = Muon(flat, [(3, 4)])
    muon.step(1e3 * randn(1, 12, seed=1), lr=0.0)
    last = randn(1, 12, seed=2)
    for _ in range(600):
        muon.step(last, lr=0.0)
    muon.step(last, lr=1.0)
    factor = -flat.view(3, 4) / (0.2 * 2.0)
    torch.testing.assert_close(factor, orthogonalise(last.view(3, 4)), rtol=1e-3, atol=1e-3)


def test_what_is_no_hidden_matrix_goes_by_adamw():
    network = ResidualMLP(generators(2), 5, 3, 16, 2, condition=4, zero=False)
    parameters = update_order(network, "muon")
    assert {id(p) for p in parameters} == {id(p) for p in network.parameters()}
    sides = [tuple(p.shape[1:]) for p in parameters]
    biases = [(1, 16)] * 7 + [(1, 3)]
    assert sorted(sides[:9]) == sorted([*biases, (16, 3)])  # with the output layer
    assert sides[9:] == [(4, 16)] * 2 + [(5, 16)] + [(16, 16)] * 4
    flat = flatten(parameters)
    start = flat.clone()
    rest = sum(p[0].numel() for p in parameters[:9])
    muon = make_optimizer("muon", flat, network, weight_decay=0.1)
    adamw = AdamW(start[:, :rest].clone(), 0.1)
    for step in range(3):
        gradient = randn(*flat.shape, seed=step)
        muon.step(gradient, 0.01)
        adamw.step(gradient[:, :rest].contiguous(), 0.01)
    torch.testing.assert_close(flat[:, :rest], adamw.parameters)


def test_adamw_keeps_the_order_of_the_module():
    network = ScoreMLP(generators(1), 3, 8, 1)
    assert all(
        a is b for a, b in zip(update_order(network, "adamw"), network.parameters(), strict=True)
    )


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_seeds_do_not_touch(name):
    """A seed's parameters after some steps are those it has alone."""
    network = ScoreMLP(generators(3), 3, 8, 2)
    flat = flatten(update_order(network, name))
    start = flat.clone()
    optimizer = make_optimizer(name, flat, network)
    for step in range(4):
        optimizer.step(randn(*flat.shape, seed=step), 0.05)
    for e in range(3):
        alone = ScoreMLP(generators(3)[e : e + 1], 3, 8, 2)
        own = flatten(update_order(alone, name))
        torch.testing.assert_close(own, start[e : e + 1])
        optimizer = make_optimizer(name, own, alone)
        for step in range(4):
            optimizer.step(randn(*flat.shape, seed=step)[e : e + 1], 0.05)
        torch.testing.assert_close(own, flat[e : e + 1])


def test_kernels_are_matrices_with_a_row_per_output():
    class Convolution(nn.Module):
        def __init__(self):
            super().__init__()
            self.kernel = nn.Parameter(randn(2, 4, 3, 2, 2))

    module = Convolution()
    flat = flatten(update_order(module, "muon"))
    before = module.kernel.detach().clone()
    gradient = randn(*flat.shape, seed=1)
    make_optimizer("muon", flat, module).step(gradient, 1.0)
    update = (before - module.kernel.detach()).flatten(2)
    expected = 0.2 * math.sqrt(12) * orthogonalise(gradient.view(2, 4, 12))
    torch.testing.assert_close(update, expected, rtol=1e-4, atol=1e-5)
