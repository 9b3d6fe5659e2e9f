"""The energy distance that a generator is trained by."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from tailbench.networks.energy_loss import energy_loss


def gaussian(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
def test_by_pairs_of_rows(exponent):
    x, y = gaussian(2, 30, 3), 2 * gaussian(2, 40, 3, seed=1) + 1

    def mean(a, b, same):
        powers = (cdist(a, b) ** 2 + 1e-6) ** (exponent / 2) - 1e-3**exponent
        return powers[~np.eye(len(a), dtype=bool)].mean() if same else powers.mean()

    for e, found in enumerate(energy_loss(x, y, exponent).tolist()):
        a, b = x[e].numpy(), y[e].numpy()
        expected = 2 * mean(a, b, False) - mean(a, a, True) - mean(b, b, True)
        assert found == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_between_gaussians(shift):
    """X - Y is Gaussian of variance 2: its mean distance from zero is known."""
    x, y = gaussian(400, 50, 1), gaussian(400, 70, 1, seed=1) + shift
    far = 2 / math.sqrt(math.pi) * math.exp(-(shift**2) / 4) + shift * math.erf(shift / 2)
    values = energy_loss(x, y)
    error = float(values.std()) / len(values) ** 0.5
    expected = 2 * far - 4 / math.sqrt(math.pi)
    assert abs(float(values.mean()) - expected) < 3 * error + 1e-5
    assert error < 0.02


def test_far_rows_that_are_near_each_other():
    """Products of matrices, in single precision, would see no distance here."""
    x = 1e4 + gaussian(1, 20, 2).float()
    near = energy_loss(x, x + 0.25)
    moved = energy_loss(x - 1e4, x + 0.25 - 1e4)
    torch.testing.assert_close(near, moved, rtol=1e-3, atol=1e-4)


def test_equal_rows_and_single_rows_have_a_gradient():
    y = gaussian(1, 5, 2)
    for rows in ([0, 1, 2, 3, 4], [0], [0, 0, 1]):
        x = y[:, rows].clone().requires_grad_()
        (slope,) = torch.autograd.grad(energy_loss(x, y, 0.5).sum(), x)
        assert slope.isfinite().all() and slope.abs().sum() > 0
