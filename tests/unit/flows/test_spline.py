"""Rational-quadratic splines: zuko's are the reference, and autograd that of the gradients."""

import pytest
import torch
from zuko.transforms import MonotonicRQSTransform

from tailbench.flows.spline import spline, spline_inverse

BOUND = 5.0


def inputs(bins, shape=(2, 300, 3), spread=2.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(bins)
    parameters = spread * torch.randn(*shape, 3 * bins - 1, generator=generator, dtype=dtype)
    return parameters, 3.0 * torch.randn(*shape, generator=generator, dtype=dtype)


def zukos(parameters, bins):
    return MonotonicRQSTransform(*parameters.split([bins, bins, bins - 1], dim=-1), bound=BOUND)


@pytest.mark.parametrize("bins", [2, 3, 8, 16])
@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
def test_values_and_slopes_are_zukos(bins, spread):
    parameters, x = inputs(bins, spread=spread)
    y, ladj = spline(parameters, x, bins, BOUND)
    expected = zukos(parameters, bins).call_and_ladj(x)
    torch.testing.assert_close(y, expected[0], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(ladj, expected[1], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("bins", [2, 8])
@pytest.mark.parametrize("spread", [0.0, 1.0, 5.0])
def test_the_inverse_undoes_it(bins, spread):
    parameters, x = inputs(bins, spread=spread)
    y, _ = spline(parameters, x, bins, BOUND)
    torch.testing.assert_close(spline_inverse(parameters, y, bins, BOUND), x, rtol=1e-7, atol=1e-7)
    expected = zukos(parameters, bins).inv(y)
    torch.testing.assert_close(spline_inverse(parameters, y, bins, BOUND), expected)


@pytest.mark.parametrize("bins", [2, 3, 8])
def test_gradients_are_zukos(bins):
    parameters, x = inputs(bins)
    leaves = [value.clone().requires_grad_() for value in (parameters, x)]
    y, ladj = spline(*leaves, bins, BOUND)
    weights = torch.linspace(-1.0, 2.0, y.numel(), dtype=y.dtype).view(y.shape)
    found = torch.autograd.grad((weights * y + weights.flip(1) * ladj).sum(), leaves)
    y, ladj = zukos(leaves[0], bins).call_and_ladj(leaves[1])
    expected = torch.autograd.grad((weights * y + weights.flip(1) * ladj).sum(), leaves)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-8)


def test_beyond_the_bound_gradients_are_those_of_the_identity():
    parameters, _ = inputs(8)
    x = torch.full(parameters.shape[:-1], 7.0, dtype=torch.float64)
    leaves = [value.clone().requires_grad_() for value in (parameters, x)]
    y, ladj = spline(*leaves, 8, BOUND)
    by_parameters, by_x = torch.autograd.grad((2.0 * y + ladj).sum(), leaves)
    assert not by_parameters.any() and bool((by_x == 2.0).all())


@pytest.mark.parametrize("bins", [2, 8])
def test_gradients_of_the_inverse_are_zukos(bins):
    parameters, y = inputs(bins)
    leaves = [value.clone().requires_grad_() for value in (parameters, y)]
    found = torch.autograd.grad(spline_inverse(*leaves, bins, BOUND).sum(), leaves)
    expected = torch.autograd.grad(zukos(leaves[0], bins).inv(leaves[1]).sum(), leaves)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_beyond_the_bound_it_is_the_identity():
    parameters, _ = inputs(8)
    for far in (5.0, -5.0, 1e6, -1e6):
        x = torch.full(parameters.shape[:-1], far, dtype=torch.float64)
        y, ladj = spline(parameters, x, 8, BOUND)
        assert torch.equal(y, x) and not ladj.any()
        assert torch.equal(spline_inverse(parameters, x, 8, BOUND), x)


def test_single_precision_rises():
    parameters, _ = inputs(8, shape=(1, 1), dtype=torch.float32)
    x = torch.linspace(-6, 6, 2001)
    y, ladj = spline(parameters.expand(1, 2001, -1), x[None], 8, BOUND)
    assert bool((y.diff() >= 0).all()) and bool(torch.isfinite(ladj).all())
