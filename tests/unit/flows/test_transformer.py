"""The transformer flow: order of the patches, what depends on what, and the change of variables."""

import math

import pytest
import torch

from tailbench.flows.transformer import TransformerFlow, from_patches, to_patches

SHAPE = (2, 4, 6)


def flow(tokens=5, size=3, steps=2, spread=0.3):
    """A flow in double precision that does something."""
    torch.manual_seed(0)
    made = TransformerFlow(tokens, size, steps, depth=2, width=8, heads=2).double()
    if spread:
        for step in made.steps:
            for parameter in (step.begin, step.leave.weight, step.leave.bias):
                torch.nn.init.normal_(parameter, std=spread)
    return made.requires_grad_(False)


def test_patches_are_squares_in_rows():
    x = torch.arange(48.0).view(1, 2, 4, 6)
    tokens = to_patches(x.flatten(1), SHAPE, 2)
    assert tokens.shape == (1, 6, 8)
    first, last = x[0, :, :2, :2], x[0, :, 2:, 4:]
    assert torch.equal(tokens[0, 0], first.flatten()) and torch.equal(tokens[0, 5], last.flatten())
    assert torch.equal(from_patches(tokens, SHAPE, 2), x.flatten(1))
    assert to_patches(x.flatten(1), SHAPE, 1).shape == (1, 24, 2)


def test_starts_as_the_identity():
    made, x = flow(spread=0.0), torch.randn(4, 5, 3, dtype=torch.float64)
    z, ladj = made(x)
    assert torch.equal(z, x) and bool((ladj == 0).all())


@pytest.mark.parametrize("size", [1.0, 1e3, 1e6])
def test_there_and_back(size):
    made = flow(steps=3)
    x = size * torch.randn(20, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(made.inverse(made(x)[0]), x, rtol=1e-9, atol=1e-9)
    z = torch.randn(20, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(made(made.inverse(z))[0], z, rtol=1e-9, atol=1e-9)


def test_log_determinant_is_that_of_the_jacobian():
    made = flow(tokens=3, size=2, steps=3)
    for x in torch.randn(4, 3, 2, dtype=torch.float64):
        jacobian = torch.autograd.functional.jacobian(lambda v: made(v[None])[0][0], x)
        expected = torch.linalg.slogdet(jacobian.view(6, 6))[1]
        torch.testing.assert_close(made(x[None])[1][0], expected)


def test_density_of_one_token_integrates_to_one():
    """One token of one number: the flow is an affine map, and its density a Gaussian."""
    made = flow(tokens=1, size=1, steps=2)
    grid = torch.linspace(-60.0, 60.0, 200_001, dtype=torch.float64)
    z, ladj = made(grid.view(-1, 1, 1))
    density = (ladj - 0.5 * z[:, 0, 0].square() - 0.5 * math.log(2 * math.pi)).exp()
    assert float(torch.trapezoid(density, grid)) == pytest.approx(1.0, abs=1e-6)


def test_a_step_looks_back_only():
    made = flow(steps=1)
    x = torch.randn(1, 5, 3, dtype=torch.float64)
    before = made(x)[0].flip(1)  # the step's own order
    changed = x.clone()
    changed[:, 2] += 1.0
    after = made(changed)[0].flip(1)
    torch.testing.assert_close(before[:, :2], after[:, :2], rtol=0, atol=0)
    for token in (2, 3, 4):
        assert not torch.allclose(before[:, token], after[:, token])


def test_two_steps_see_everything():
    made = flow(steps=2)
    x = torch.randn(5, 3, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda v: made(v[None])[0][0], x)
    assert bool((jacobian != 0).any(dim=3).any(dim=1).all())
