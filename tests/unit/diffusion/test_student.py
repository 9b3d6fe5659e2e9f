"""The denoiser of Student-t noise: closed forms, its limit of Gaussian noise, points far out."""

import numpy as np
import pytest
import torch
from scipy import integrate as quadrature
from scipy import stats

from tailbench.diffusion.denoiser import Denoiser
from tailbench.diffusion.samplers import noise_levels, reverse
from tailbench.diffusion.student import StudentDenoiser, noise_scale
from tailbench.networks.mlp import ScoreMLP
from tailbench.stats.student import mixing_scale, quartile_ratio


def network(seeds=1, dim=2, gain=0.3):
    """A network that gives numbers of the order of one."""
    made = ScoreMLP([torch.Generator().manual_seed(e) for e in range(seeds)], dim, 16, 1)
    with torch.no_grad():
        made.network.leave.weight.normal_(std=gain, generator=torch.Generator().manual_seed(9))
    return made


def student(n, dim, nu, seed=0):
    rng = np.random.default_rng(seed)
    scale = mixing_scale(rng.uniform(size=(1, n, 1)), nu)
    return torch.from_numpy(scale * rng.standard_normal((1, n, dim)))


@pytest.mark.parametrize("tail", [False, True])
def test_of_many_degrees_is_the_denoiser_of_gaussian_noise(tail):
    """Step by step with the same draws: preconditioning, loss and sampler."""
    shared = network(2).double()
    nu = torch.tensor([1e6, torch.inf] if not tail else [torch.inf, torch.inf])
    ours, theirs = StudentDenoiser(shared, nu, tail), Denoiser(shared)
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(2, 50, 2, generator=rng, dtype=torch.float64)
    noise = torch.randn(2, 50, 2, generator=rng, dtype=torch.float64)
    sigma = torch.randn(2, 50, 1, generator=rng, dtype=torch.float64).exp()
    with torch.no_grad():
        for name in ("noise", "forward"):
            found, expected = (getattr(m, name)(x, sigma) for m in (ours, theirs))
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
        losses = [m.loss(x, sigma, noise).double() for m in (ours, theirs)]
        torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=1e-6)
        levels = noise_levels(80.0, 0.002, 18)
        for end in range(1, 19):
            for sampler in ("heun", "dpmpp_2m"):
                found, expected = (
                    reverse(m.noise, 80.0 * noise, levels[: end + 1], sampler)
                    for m in (ours, theirs)
                )
                torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("nu", [0.7, 2.0, 3.0])
def test_loss_is_the_weighted_error_of_the_denoiser(nu):
    module = StudentDenoiser(network(), torch.tensor([nu])).double()
    x, noise = student(40, 2, 3.0, 1), student(40, 2, nu)
    sigma = torch.linspace(-2, 2, 40, dtype=torch.float64).exp().view(1, -1, 1)
    k2 = nu / (nu - 2) if nu > 2 else quartile_ratio(nu) ** 2
    out = k2 * sigma**2 / (k2 * sigma**2 + 1)
    error = (module(x + sigma * noise, sigma) - x).square() / out
    expected = error.mean((1, 2)).float()
    torch.testing.assert_close(module.loss(x, sigma, noise), expected, rtol=1e-4, atol=1e-5)
    far = ((x + sigma * noise) ** 2 / (k2 * sigma**2 + 1)).mean(-1, keepdim=True)
    expected = ((2 / (1 + far)) ** 0.5 * error).mean((1, 2)).float()
    torch.testing.assert_close(module.loss(x, sigma, noise, 0.5), expected, rtol=1e-4, atol=1e-5)


def slope(module, x, sigma):
    """D(x) / x of a network of zero."""
    with torch.no_grad():
        module.network.network.leave.weight.zero_()
    level = torch.full((1, 1, 1), sigma, dtype=torch.float64)
    return float(module(torch.full((1, 1, 1), x, dtype=torch.float64), level).detach()) / x


def test_line_of_the_paper():
    module = StudentDenoiser(network(dim=1), torch.tensor([3.0]))
    for sigma in (0.1, 1.0, 20.0):
        assert slope(module, 5.0, sigma) == pytest.approx(1 / (3 * sigma**2 + 1), rel=1e-12)


@pytest.mark.parametrize("nu", [0.8, 1.0, 2.5])
def test_line_of_the_tail_is_right_far_out(nu):
    """Posterior mean of Student-t data of the noise's index, by quadrature, at a million."""
    s, x = 1.0 / quartile_ratio(nu), 1e5
    module = StudentDenoiser(network(dim=1), torch.tensor([nu]), tail=True)
    for sigma in (0.5, 2.0):

        def joint(y, sigma=sigma):
            square = (1 + (y / s) ** 2 / nu) * (1 + ((x - y) / sigma) ** 2 / nu)
            return square ** (-0.5 * (nu + 1))

        points = [-100, -1, 0, 1, 100, x - 100, x - 1, x, x + 1, x + 100]
        parts = [
            quadrature.quad(lambda y, f=f: f(y) * joint(y), a, b, limit=500, epsabs=0)[0]
            for f in (lambda y: 1.0, lambda y: y)
            for a, b in zip([-30 * x, *points], [*points, 30 * x], strict=True)
        ]
        half = len(parts) // 2
        exact = sum(parts[half:]) / sum(parts[:half]) / x
        assert slope(module, x, sigma) == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("nu", [1.0, 3.0])
@pytest.mark.parametrize("steps", [1, 2, 7, 30])
@pytest.mark.parametrize("sampler", ["heun", "euler", "dpmpp_2m"])
def test_a_point_mass_is_reached_on_any_grid(nu, steps, sampler):
    """D = c gives the line x_s = c + (s/t) (x_t - c), and every solver is exact on it."""
    c = torch.tensor([3.0, -1e3], dtype=torch.float64)
    start = c + 80.0 * student(100, 2, nu)
    end = reverse(
        lambda x, sigma: (x - c) / sigma, start, noise_levels(80.0, 0.002, steps), sampler
    )
    torch.testing.assert_close(end, c + 0.002 / 80.0 * (start - c), rtol=1e-7, atol=1e-7)


ATOMS = np.array([[0.0, 0.0], [2.0, 1.0], [-1.0, 3.0], [-2.0, -2.0]])
SHARES = np.array([0.4, 0.3, 0.2, 0.1])


def exact_denoiser(x, sigma, nu):
    """The mean of the atoms, each weighed by the density of the noise that it would take."""
    atoms = torch.from_numpy(ATOMS)
    square = (x.unsqueeze(-2) - atoms).square().sum(-1)
    weights = torch.from_numpy(SHARES).log() - 0.5 * (nu + 2) * torch.log1p(
        square / (nu * sigma**2)
    )
    return weights.softmax(-1) @ atoms


@pytest.mark.parametrize("nu", [1.0, 3.0])
def test_atoms_are_reached_with_their_shares(nu):
    """The exact denoiser of four atoms through the sampler; shares within three errors."""
    n = 4000
    start = 80.0 * student(n, 2, nu)
    near = start.norm(dim=-1)[0] < 1e4  # a start beyond is not at its end when steps are few

    def noise(x, sigma):
        return (x - exact_denoiser(x, sigma, nu)) / sigma

    end = reverse(noise, start, noise_levels(80.0, 1e-10, 300))
    gap = torch.cdist(end[0, near], torch.from_numpy(ATOMS))
    assert float(gap.min(1).values.max()) < 1e-6
    found = np.bincount(gap.argmin(1).numpy(), minlength=4) / int(near.sum())
    assert (np.abs(found - SHARES) < 3 * np.sqrt(SHARES * (1 - SHARES) / n) + 0.01).all()


@pytest.mark.parametrize("nu", [1.0, 2.5])
def test_student_data_come_back_by_the_exact_denoiser_far_out(nu):
    """The line of the tail takes noise to Student-t data of the same index and their quartile."""
    module = StudentDenoiser(network(dim=1), torch.tensor([nu]), tail=True)
    with torch.no_grad():
        module.network.network.leave.weight.zero_()
        start = 80.0 * student(20_000, 1, nu)
        end = reverse(module.noise, start, noise_levels(80.0, 0.002, 100))
    torch.testing.assert_close(
        end / start, torch.full_like(end, 1 / quartile_ratio(nu) / 80), rtol=0.02, atol=0
    )


def test_sigma_of_the_caller_is_left_alone():
    module = StudentDenoiser(network(), torch.tensor([2.5]))
    x = student(10, 2, 2.5)
    sigma = torch.full((1, 10, 1), 3.0, dtype=torch.float64)
    levels = noise_levels(80.0, 0.002, 5)
    before = sigma.clone(), levels.clone(), x.clone()
    with torch.no_grad():
        module(x, sigma)
        module.noise(x, sigma)
        module.loss(x, sigma, x)
        reverse(module.noise, x, levels)
    for found, expected in zip((sigma, levels, x), before, strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("tail", [False, True])
@pytest.mark.parametrize("nu", [0.5, 1.0, 3.0])
def test_points_far_out_stay_in_line(nu, tail):
    """The end of a start far out is in proportion to it, as exact as the network is small there."""
    module = StudentDenoiser(network(), torch.tensor([nu]), tail)
    x = torch.tensor([[[1.0, -2.0]]], dtype=torch.float64)
    levels = noise_levels(80.0, 0.002, 18)
    with torch.no_grad():
        ends = [reverse(module.noise, size * x, levels) / size for size in (1e8, 1e10)]
    torch.testing.assert_close(*ends, rtol=1e-3, atol=0)
    assert bool((ends[0] * x > 0).all())


@pytest.mark.parametrize(("nu", "scale"), [(3.0, 3.0**0.5), (1.0, 1.4826022185), (np.inf, 1.0)])
def test_scale_of_the_noise(nu, scale):
    assert noise_scale(nu) == pytest.approx(scale, rel=1e-9)


@pytest.mark.parametrize("nu", [1.0, 3.0])
def test_gaussian_data_come_back_by_the_exact_denoiser(nu):
    """A quadrature over kappa: x V / (V + s^2/kappa), weighed by Gamma(nu/2) times N(x)."""
    level = torch.linspace(-25.0, 6.0, 1500, dtype=torch.float64)  # log kappa
    prior = 0.5 * nu * (level - level.exp())

    def noise(x, sigma):
        total = 1.0 + sigma**2 * (-level).exp()
        weights = (prior - 0.5 * total.log() - 0.5 * x.square() / total).softmax(-1)
        return (x - x * (weights / total).sum(-1, keepdim=True)) / sigma

    p = (np.arange(400) + 0.5) / 400  # one column: the map rises, and quantiles go to quantiles
    start = 80.0 * torch.from_numpy(stats.t.ppf(p, nu)).view(1, -1, 1)
    end = reverse(noise, start, noise_levels(80.0, 0.002, 64))[0, :, 0].numpy()
    middle = (p > 0.02) & (p < 0.98)
    np.testing.assert_allclose(end[middle], stats.norm.ppf(p)[middle], rtol=0.03, atol=0.01)
