"""The laws of the Student-t autoencoder, and its objectives against quadrature."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

from tailbench.networks.student_vae import (
    Encoded,
    StudentVAE,
    gaussian_bound,
    power_divergence,
    student_bound,
)
from tailbench.stats.student import mixing_scale

SLOPE, OFFSET, SIGMA = 0.7, -0.4, 0.6
"""A decoder of one latent number and one column, Wz + c."""


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def joint(x, z, nu):
    """The density of a row and a latent number, as prior times decoder."""
    scale = SIGMA * math.sqrt((nu + z**2) / (nu + 1))
    return stats.t.pdf(z, nu) * stats.t.pdf(x, nu + 1, SLOPE * z + OFFSET, scale)


def encoder(nu, mean, variance):
    return stats.t(nu + 1, mean, math.sqrt(variance * nu / (nu + 1)))


def whole(function):
    parts = [quad(function, *ends, epsabs=1e-13, epsrel=1e-11)[0] for ends in SPANS]
    return sum(parts)


SPANS = [(-np.inf, -5.0), (-5.0, 0.0), (0.0, 5.0), (5.0, np.inf)]


@pytest.mark.parametrize("nu", [2.5, 5.0, 40.0])
@pytest.mark.parametrize(("x", "mean", "variance"), [(0.3, 0.2, 0.5), (8.0, -1.0, 3.0)])
def test_power_divergence_by_quadrature(nu, x, mean, variance):
    gamma = -2.0 / (nu + 2.0)
    own = encoder(nu, mean, variance)
    # for a given z the integral over x is that of a standard law, times a power of its scale
    standard = whole(lambda u: stats.t.pdf(u, nu + 1) ** (1 + gamma))
    norm = whole(
        lambda z: (
            stats.t.pdf(z, nu) ** (1 + gamma)
            * (SIGMA * math.sqrt((nu + z**2) / (nu + 1))) ** -gamma
            * standard
        )
    ) ** (1 / (1 + gamma))
    cross = whole(lambda z: own.pdf(z) * (joint(x, z, nu) / norm) ** gamma)
    entropy = whole(lambda z: own.pdf(z) ** (1 + gamma)) ** (1 / (1 + gamma))
    spread = variance * nu / (nu - 1)  # of the encoder
    residual = ((x - SLOPE * mean - OFFSET) ** 2 + SLOPE**2 * spread) / SIGMA**2
    rows = Encoded(
        tensor(residual),
        tensor(math.nan),  # not needed: its mean is exact
        tensor(mean)[:, None],
        tensor(math.log(variance))[:, None],
        tensor(math.log(SIGMA)),
    )
    expected = (cross - entropy) / abs(gamma)
    assert float(power_divergence(rows, nu)) == pytest.approx(expected, rel=1e-7)


def posterior(x, nu):
    """Location and squared scale of the encoder that is the posterior of the line's decoder."""
    total = SLOPE**2 + SIGMA**2
    far = 1 + (x - OFFSET) ** 2 / total / nu
    return SLOPE * (x - OFFSET) / total, far * SIGMA**2 / total


def bound(x, nu, mean, variance):
    """The mean of the bound over draws of the encoder, by its quantiles."""
    levels = (np.arange(200_000) + 0.5) / 200_000
    z = torch.from_numpy(encoder(nu, mean, variance).ppf(levels))
    rows = Encoded(
        ((x - SLOPE * z - OFFSET) / SIGMA).square(),
        z.square(),
        torch.full((len(z), 1), mean, dtype=torch.float64),
        torch.full((len(z), 1), math.log(variance), dtype=torch.float64),
        tensor(math.log(SIGMA)),
    )
    return float(student_bound(rows, nu).mean())


@pytest.mark.parametrize("nu", [0.6, 1.0, 3.0, 30.0])
@pytest.mark.parametrize("x", [0.5, -20.0])
def test_the_bound_is_tight_at_the_posterior_alone(nu, x):
    """Rows of a line's decoder are Student's themselves, of the scale of line and noise."""
    exact = -stats.t.logpdf(x, nu, OFFSET, math.hypot(SLOPE, SIGMA))
    mean, variance = posterior(x, nu)
    assert bound(x, nu, mean, variance) == pytest.approx(exact, abs=2e-4)
    for wrong in ((mean + 0.5 * variance**0.5, variance), (mean, 2 * variance)):
        assert bound(x, nu, *wrong) > exact + 0.01


def several_rows(grad=False):
    generator = torch.Generator().manual_seed(0)
    draws = [
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in ((5, 3), (5, 2), (5, 2), (3,))
    ]
    residual, mean, log_variance, log_sigma = draws
    parts = [residual.square().sum(-1), mean, log_variance, log_sigma]
    return [part.requires_grad_(grad) for part in parts]


def encoded(residual, mean, log_variance, log_sigma):
    latent = (mean.square() + log_variance.exp()).sum(-1)  # its mean, where laws are Gaussian
    return Encoded(residual, latent, mean, log_variance, log_sigma)


def test_many_degrees_are_the_gaussian_bound():
    rows = encoded(*several_rows())
    normal = torch.distributions.Normal(rows.mean, (0.5 * rows.log_variance).exp())
    unit = torch.distributions.Normal(tensor(0.0), tensor(1.0))
    likelihood = -0.5 * rows.residual - rows.log_sigma.sum() - 1.5 * math.log(2 * math.pi)
    expected = torch.distributions.kl_divergence(normal, unit).sum(-1) - likelihood
    torch.testing.assert_close(gaussian_bound(rows), expected)
    for objective in (power_divergence, student_bound):
        near, far = (objective(rows, nu) - expected for nu in (1e4, 1e7))
        assert float(far.abs().max()) < 1e-4
        assert float(near.abs().max()) > 100 * float(far.abs().max())


def test_gradients():
    for objective in (power_divergence, student_bound):
        assert torch.autograd.gradcheck(
            lambda *parts, objective=objective: objective(encoded(*parts), 3.0),
            several_rows(grad=True),
        )


@pytest.mark.parametrize("nu", [0.5, 2.0])
def test_the_power_divergence_needs_a_variance(nu):
    with pytest.raises(ValueError, match="needs nu above 2"):
        power_divergence(encoded(*several_rows()), nu)


def made(nu, seeds=(0,), sigma=0.5, **options):
    generators = [torch.Generator().manual_seed(s) for s in seeds]
    return StudentVAE(generators, torch.tensor(nu), 3, 2, 8, 1, sigma, **options)


def student(n, dim, nu, seed):
    rng = np.random.default_rng(seed)
    scale = mixing_scale(rng.uniform(size=(n, 1)), nu)
    return torch.from_numpy(scale * rng.standard_normal((n, dim)))[None]


@pytest.mark.parametrize("nu", [0.7, 3.0, math.inf])
def test_untrained_samples_are_a_multivariate_student_law(nu):
    """Their squared Mahalanobis distances over the columns are F(n, nu) of Fisher's."""
    module = made([nu])
    with torch.no_grad():
        x = module(student(20_000, 2, nu, 1), student(20_000, 3, nu + 2, 2))[0].numpy()
    line = module.decoder.line.weight[0].detach().double().numpy()
    scatter = line.T @ line + 0.25 * np.eye(3)
    squares = np.einsum("ni,ij,nj->n", x, np.linalg.inv(scatter), x) / 3
    law = stats.chi2(3, scale=1 / 3) if math.isinf(nu) else stats.f(3, nu)
    assert stats.kstest(squares, law.cdf).pvalue > 0.01
    side = np.mean(x > 0, axis=0)
    np.testing.assert_allclose(side, 0.5, atol=4 * 0.5 / 20_000**0.5)


def test_seeds_of_any_degrees_stand_beside_each_other():
    nu, x = [1.2, 3.0, math.inf], student(40, 3, 3.0, 0).expand(3, -1, -1)
    noise = torch.cat([student(40, 2, value + 3, 5) for value in nu])
    together = made(nu, (0, 1, 2)).loss(x, noise)
    apart = [made([nu[e]], (e,)).loss(x[[e]], noise[[e]]) for e in range(3)]
    torch.testing.assert_close(together, torch.cat(apart))
    assert together.dtype == torch.float32
    other = made(nu, (0, 1, 2), power=True).loss(x, noise)
    assert (other == together).tolist() == [True, False, True]


def test_the_noise_is_learned_if_it_is_not_given():
    assert "log_sigma" not in dict(made([3.0]).named_parameters())
    learned = made([3.0], sigma=None)
    assert learned.log_sigma.shape == (1, 1, 3) and not learned.log_sigma.any()
    learned.loss(student(40, 3, 3.0, 0), student(40, 2, 6.0, 1)).sum().backward()
    assert learned.log_sigma.grad.abs().min() > 0
