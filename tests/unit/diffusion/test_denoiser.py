"""The denoiser at infinity, in the bulk, and the law that its loss looks for."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tailbench.diffusion.denoiser import Denoiser, local_variance
from tailbench.networks.embeddings import noise_features
from tailbench.networks.mlp import ScoreMLP

BENDS = [False, True]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def denoiser(dim=3, bent=False, seeds=(0,), spread=0.3):
    """A denoiser in double precision with a network that does something."""
    made = Denoiser(ScoreMLP([generator(seed) for seed in seeds], dim, 16, 2), bent)
    made = made.double().requires_grad_(False)
    for parameter in made.parameters():
        for e, seed in enumerate(seeds):
            parameter[e].normal_(0.0, spread, generator=generator(seed + 10))
    return made


def level(value):
    return torch.full((1, 1, 1), value, dtype=torch.float64)


@given(
    x=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5),
    sigma=st.floats(1e-3, 1e2),
)
@settings(max_examples=100, deadline=None)
def test_local_variance_is_at_least_one(x, sigma):
    v = local_variance(torch.tensor([[x]], dtype=torch.float64), level(sigma))
    assert v.shape == (1, 1, len(x))
    assert bool((v >= 1.0).all())
    assert bool(v.isfinite().all())


@pytest.mark.parametrize("dim", [1, 2, 20])
@pytest.mark.parametrize("sigma", [0.01, 0.5, 2.0, 20.0])
def test_local_variance_is_one_in_the_bulk(dim, sigma):
    """For noisy Gaussian data of unit variance the line is nearly straight."""
    x = torch.randn(1, 20_000, dim, dtype=torch.float64, generator=generator())
    v = local_variance(x * math.hypot(1.0, sigma), level(sigma))
    assert v.median().item() < 1.1
    assert (v > 2.0).double().mean().item() < 0.1


@pytest.mark.parametrize("dim", [1, 2, 20])
@pytest.mark.parametrize("sigma", [0.01, 1.0, 10.0])
def test_local_variance_far_out_is_the_square(dim, sigma):
    """One far coordinate: its own square, and its share of the mean square, here and beside it."""
    far = 1e6
    x = torch.zeros(1, 1, dim, dtype=torch.float64)
    x[..., 0] = far
    v = local_variance(x, level(sigma)).flatten()
    assert v[0].item() == pytest.approx(far**2 * (1.0 + 1.0 / dim), rel=1e-6)
    for beside in v[1:].tolist():
        assert beside == pytest.approx(far**2 / dim, rel=1e-6)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 10.0])
def test_local_variance_is_the_excess_over_what_noise_can_do(sigma):
    """V - 1 = x^2 - 2 u (1 + sigma^2) with u = 2 + 7/4 log(1 + sigma^2): far enough, not softened.

    In many dimensions, one coordinate says nothing about the mean square.
    """
    total = 1.0 + sigma**2
    bound = 2.0 * (2.0 + 1.75 * math.log(total)) * total
    x = torch.zeros(1, 3, 10_000, dtype=torch.float64)
    for i, excess in enumerate((10.0, 20.0, 40.0)):
        x[0, i, 0] = math.sqrt(bound + excess * total)
    v = local_variance(x, level(sigma))[0, :, 0]
    expected = torch.tensor([10.0, 20.0, 40.0], dtype=torch.float64) * total
    torch.testing.assert_close(v - 1.0, expected, rtol=1e-2, atol=0.0)


@pytest.mark.parametrize("dim", [5, 50])
def test_local_variance_of_a_large_norm(dim):
    """No coordinate stands out, but their mean square is beyond what chi-square can be."""
    x = torch.full((1, 1, dim), 2.0 * math.sqrt(3.0), dtype=torch.float64)
    odds = 2.0 + 1.75 * math.log(2.0)
    bound = 1.0 + 2.0 * math.sqrt(odds / dim) + 2.0 * odds / dim
    v = local_variance(x, level(1.0))
    own = math.log1p(math.exp(6.0 - 2.0 * odds))
    assert 6.0 - bound > 0.5  # the mean square is 12, in units of 1 + sigma^2 = 2
    torch.testing.assert_close(
        v, torch.full_like(v, 1.0 + 2.0 * (own + 6.0 - bound)), rtol=5e-2, atol=0.0
    )


def test_local_variance_rises_with_the_distance():
    x = torch.logspace(-2, 6, 200, dtype=torch.float64).view(1, -1, 1)
    for sigma in (0.1, 1.0, 10.0):
        assert bool((local_variance(x, level(sigma)).diff(dim=1) >= 0).all())


@pytest.mark.parametrize("bent", BENDS)
@pytest.mark.parametrize("sigma", [0.01, 1.0, 30.0])
def test_denoised_is_the_noisy_less_the_noise(bent, sigma):
    made = denoiser(bent=bent)
    x = 5.0 * torch.randn(1, 20, 3, dtype=torch.float64, generator=generator())
    expected = x - sigma * made.noise(x, level(sigma))
    torch.testing.assert_close(made(x, level(sigma)), expected)


@pytest.mark.parametrize("bent", BENDS)
def test_starts_as_the_line(bent):
    made = Denoiser(ScoreMLP([generator()], 3, 16, 2), bent).double()
    x = 5.0 * torch.randn(1, 20, 3, dtype=torch.float64, generator=generator())
    for sigma in (0.1, 2.0):
        v = local_variance(x, level(sigma)) if bent else 1.0
        torch.testing.assert_close(made(x, level(sigma)), v / (v + sigma**2) * x)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 10.0])
def test_bent_line_is_the_identity_at_infinity(sigma):
    """|D(r u, sigma) / (r u) - 1| falls like log(r)/r."""
    made = denoiser(bent=True)
    u = torch.tensor([[[1.0, -0.3, 0.05]]], dtype=torch.float64)
    errors = [
        float((made(r * u, level(sigma)) / (r * u) - 1.0).abs().max()) for r in (1e3, 1e4, 1e5, 1e6)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3 * max(sigma, 1.0)
    assert errors[-1] < errors[0] / 300.0


@pytest.mark.parametrize("sigma", [0.05, 1.0, 10.0])
def test_straight_line_keeps_its_slope_at_infinity(sigma):
    made = denoiser(bent=False)
    u = torch.tensor([[[1.0, -0.3, 0.05]]], dtype=torch.float64)
    slope = made(1e7 * u, level(sigma)) / (1e7 * u)
    torch.testing.assert_close(
        slope, torch.full_like(slope, 1.0 / (1.0 + sigma**2)), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("bent", BENDS)
@pytest.mark.parametrize("sigma", [0.005, 1.0, 80.0])
def test_noise_far_out_in_single_precision(bent, sigma):
    """Finite for both; bounded up to a logarithm where the line is bent."""
    made = denoiser(bent=bent).float()
    u = torch.tensor([[[1.0, -0.3, 0.0], [0.0, 0.0, 1.0]]])
    for r in (1e2, 1e4, 1e6):
        noise = made.noise(r * u, level(sigma).float())
        assert bool(noise.isfinite().all())
        if bent:
            # sigma r/(V + sigma^2) is at most 1/2 where V >= 1, and the network grows like log r.
            assert float(noise.abs().max()) < 10.0 + 5.0 * math.log(r)


@pytest.mark.parametrize("bent", BENDS)
@pytest.mark.parametrize("sigma", [0.3, 3.0])
def test_loss_is_least_at_the_posterior_mean(bent, sigma):
    """Data N(0, s^2): E[epsilon|x] = sigma x / (s^2 + sigma^2) in the network's place."""
    s, shift = 2.0, torch.zeros((), dtype=torch.float64)

    class Oracle(Denoiser):
        def correction(self, x, sigma):
            line, bend = self.coefficients(x, sigma)
            return (sigma * x / (s**2 + sigma**2) - line * x) / bend + shift

    made = Oracle(ScoreMLP([generator()], 1, 4, 0), bent).double()
    x = s * torch.randn(1, 100_000, 1, dtype=torch.float64, generator=generator(1))
    noise = torch.randn(1, 100_000, 1, dtype=torch.float64, generator=generator(2))
    noisy = x + sigma * noise
    expected = sigma * noisy / (s**2 + sigma**2)
    torch.testing.assert_close(made.noise(noisy, level(sigma)), expected)
    least = made.loss(x, level(sigma), noise).item()
    for wrong in (-0.1, 0.1):
        shift.fill_(wrong)
        worse = made.loss(x, level(sigma), noise).item()
        assert worse - least == pytest.approx(0.01, rel=0.2)
    if not bent:  # Var(epsilon | x) / bend^2 = s^2 / (s^2 + sigma^2) (1 + sigma^2)
        assert least == pytest.approx(s**2 / (s**2 + sigma**2) * (1.0 + sigma**2), rel=0.02)


def test_loss_of_a_silent_network_on_gaussian_data_is_one():
    made = Denoiser(ScoreMLP([generator()], 4, 4, 1)).double()
    x = torch.randn(1, 50_000, 4, dtype=torch.float64, generator=generator(1))
    noise = torch.randn(1, 50_000, 4, dtype=torch.float64, generator=generator(2))
    sigma = torch.randn(1, 50_000, 1, dtype=torch.float64, generator=generator(3)).exp()
    assert made.loss(x, sigma, noise).item() == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("bent", BENDS)
def test_seeds_are_independent(bent):
    block = denoiser(bent=bent, seeds=(1, 2))
    x, noise = torch.randn(2, 2, 30, 3, dtype=torch.float64, generator=generator())
    sigma = torch.rand(2, 30, 1, dtype=torch.float64, generator=generator()) + 0.1
    for e, seed in enumerate((1, 2)):
        alone = denoiser(bent=bent, seeds=(seed,))
        own = slice(e, e + 1)
        torch.testing.assert_close(block(x, sigma)[own], alone(x[own], sigma[own]))
        torch.testing.assert_close(
            block.loss(x, sigma, noise)[own], alone.loss(x[own], sigma[own], noise[own])
        )


@pytest.mark.parametrize("bent", BENDS)
def test_a_common_noise_level_is_that_of_each_seed(bent):
    """Samplers give one level, of shape (1, 1, 1), to all seeds."""
    block = denoiser(bent=bent, seeds=(1, 2, 3))
    x = torch.randn(3, 30, 3, dtype=torch.float64, generator=generator())
    torch.testing.assert_close(block(x, level(0.7)), block(x, level(0.7).repeat(3, 30, 1)))


@pytest.mark.parametrize("bent", BENDS)
def test_every_parameter_has_a_gradient(bent):
    made = denoiser(bent=bent).requires_grad_(True)
    x, noise = torch.randn(2, 1, 30, 3, dtype=torch.float64, generator=generator())
    sigma = torch.rand(1, 30, 1, dtype=torch.float64, generator=generator()) + 0.1
    made.loss(x, sigma, noise).sum().backward()
    for name, parameter in made.named_parameters():
        assert bool(parameter.grad.any()), name


def test_features_of_the_noise_level():
    sigma = torch.tensor([1e-3, 0.1, 1.0, 80.0, 1e3]).view(1, -1, 1)
    features = noise_features(sigma)
    assert features.shape == (1, 5, 17)
    assert bool(features.isfinite().all()) and float(features.abs().max()) < 2.0
    assert len(torch.unique(features[0], dim=0)) == 5
