"""The stochastic reverse process of Student-t noise: a point, its Gaussian limit, its bias."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from tailbench.diffusion.samplers import noise_levels, reverse
from tailbench.diffusion.student_bridge import reverse_student
from tailbench.stats.student import mixing_scale


def student(rng, n, dim, nu):
    scale = mixing_scale(rng.uniform(size=(1, n, 1)), nu)
    return torch.from_numpy(scale * rng.standard_normal((1, n, dim)))


def run(noise, nu, dim, levels, n=4000, centre=0.0):
    rng = np.random.default_rng(0)
    start = centre + levels[0] * student(rng, n, dim, nu)
    degrees = torch.full((1, 1, 1), nu, dtype=torch.float64)
    return reverse_student(noise, start, levels, degrees, lambda: student(rng, n, dim, nu + dim))


@pytest.mark.parametrize("nu", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(("dim", "steps"), [(1, 1), (1, 7), (3, 2)])
def test_around_a_point_the_law_is_exact_on_any_grid(nu, dim, steps):
    """x_s = c + s T, at the end of a grid of any number of steps: by the norm of T."""
    c = torch.tensor([3.0, -1e6, 0.5][:dim], dtype=torch.float64)
    levels = noise_levels(80.0, 0.5, steps)
    end = run(lambda x, sigma: (x - c) / sigma, nu, dim, levels, centre=c)
    norm = ((end - c) / 0.5).square().sum(-1)[0].numpy() / dim  # an F law
    assert stats.kstest(norm, stats.f(dim, nu).cdf).pvalue > 0.01
    signs = (end - c > 0).double().mean(1)[0].numpy()
    assert np.abs(signs - 0.5).max() < 3.5 * 0.5 / math.sqrt(4000)


def test_around_a_point_two_levels_have_the_joint_law_of_the_noise():
    """The increment is independent of what is left, given kappa: so are signs and sizes."""
    nu, levels = 2.0, torch.tensor([4.0, 1.0], dtype=torch.float64)
    rng = np.random.default_rng(1)
    start = 4.0 * student(rng, 20_000, 1, nu)
    degrees = torch.full((1, 1, 1), nu, dtype=torch.float64)
    end = reverse_student(
        lambda x, sigma: x / sigma, start, levels, degrees,
        lambda: student(rng, 20_000, 1, nu + 1),
    )  # fmt: skip
    exact = 1.0 * student(rng, 20_000, 1, np.inf), math.sqrt(15.0) * student(rng, 20_000, 1, np.inf)
    kappa = torch.from_numpy(mixing_scale(rng.uniform(size=(1, 20_000, 1)), nu))
    expected = kappa * exact[0], kappa * exact[1]
    found = end, start - end
    for a, b in ((0, 1), (1, 0)):
        one, two = ((x[a] / x[b])[0, :, 0].numpy() for x in (found, expected))
        assert stats.ks_2samp(one, two).pvalue > 0.01


def test_of_infinite_degrees_it_is_the_sampler_of_gaussian_noise():
    """Step by step with the same draws, and nearly so for many degrees."""
    generator = torch.Generator().manual_seed(0)
    start = 80.0 * torch.randn(2, 50, 3, generator=generator, dtype=torch.float64)
    levels = noise_levels(80.0, 0.01, 9)

    def noise(x, sigma):
        return x * sigma / (1.0 + sigma**2) + 0.1 * torch.sin(x)

    def draws():
        again = torch.Generator().manual_seed(1)
        return lambda: torch.randn(2, 50, 3, generator=again, dtype=torch.float64)

    degrees = torch.tensor([torch.inf, 1e9], dtype=torch.float64).view(2, 1, 1)
    found = reverse_student(noise, start, levels, degrees, draws())
    expected = reverse(noise, start, levels, "sde", draws())
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found[1], expected[1], rtol=1e-5, atol=1e-5)


def test_progress_is_told_of_every_step():
    told = []
    degrees = torch.full((1, 1, 1), 2.0, dtype=torch.float64)
    x = torch.ones(1, 4, 2, dtype=torch.float64)
    reverse_student(
        lambda x, sigma: x / sigma, x, noise_levels(2.0, 1.0, 3), degrees,
        lambda: torch.zeros_like(x), lambda: told.append(1),
    )  # fmt: skip
    assert len(told) == 3


def test_data_with_scatter_come_out_too_narrow():
    """What the documentation says of standard Gaussian data: about 0.85 of their scale.

    By the exact denoiser, a quadrature over kappa, and 64 steps; the deterministic process, from
    the same start, is right.
    """
    nu, n = 3.0, 3000
    level = torch.linspace(-18.0, 5.0, 200, dtype=torch.float64)  # log kappa
    prior = 0.5 * nu * (level - level.exp())

    def noise(x, sigma):
        total = 1.0 + sigma.view(-1)[0] ** 2 * (-level).exp()
        weights = (prior - 0.5 * total.log() - 0.5 * x.square() / total).softmax(-1)
        return (x - x * (weights / total).sum(-1, keepdim=True)) / sigma

    levels = noise_levels(80.0, 0.002, 64)
    found = run(noise, nu, 1, levels, n)
    right = reverse(noise, 80.0 * student(np.random.default_rng(0), n, 1, nu), levels)
    ratio = [float(x.abs().quantile(0.5)) / stats.halfnorm.ppf(0.5) for x in (found, right)]
    error = 3.5 * 1.2 / math.sqrt(n)  # of a median's share of itself
    assert abs(ratio[0] - 0.85) < 0.04 + error and abs(ratio[1] - 1.0) < 0.03 + error
