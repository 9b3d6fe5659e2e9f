"""The predictor as a line, far out, and the scale of what it leaves to the network."""

import math

import pytest
import torch

from tailbench.levy.noise import symmetric_stable
from tailbench.levy.predictor import NoisePredictor
from tailbench.levy.schedules import cosine, exploding
from tailbench.networks.mlp import ScoreMLP

ALPHAS = [1.1, 1.7, 2.0]
SCALES = [0.3, 0.7, 2.0]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def predictor(alpha=1.7, scale=0.7, dim=3, seeds=(0,), spread=0.0):
    """A predictor in double precision, with a network that does something if told to."""
    made = NoisePredictor(ScoreMLP([generator(seed) for seed in seeds], dim, 16, 2), alpha, scale)
    made = made.double().requires_grad_(False)
    if spread:
        for parameter in made.parameters():
            for e, seed in enumerate(seeds):
                parameter[e].normal_(0.0, spread, generator=generator(seed + 10))
    return made


def levels(alpha):
    """Factors and scales early, in the middle and late, each of shape (1, 1, 1)."""
    times = torch.tensor([0.02, 0.3, 0.7, 0.98])
    for schedule in (cosine(alpha), exploding(0.05, 50.0)):
        for gbar, sbar in zip(*schedule(times), strict=True):
            yield gbar.view(1, 1, 1), sbar.view(1, 1, 1)


def points(n=50, dim=3, seed=0):
    return 3.0 * torch.randn(1, n, dim, dtype=torch.float64, generator=generator(seed))


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("s", SCALES)
def test_starts_as_the_exact_mean_for_stable_data(alpha, s):
    made, x = predictor(alpha, s), points()
    for gbar, sbar in levels(alpha):
        slope = sbar ** (alpha - 1) / (sbar**alpha + (s * gbar) ** alpha)
        torch.testing.assert_close(made(x, gbar, sbar), slope * x, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("s", SCALES)
def test_coefficients_are_those_that_are_printed(alpha, s):
    for gbar, sbar in levels(alpha):
        slope, factor, size = predictor(alpha, s).coefficients(gbar, sbar)
        q = slope * sbar
        power = (1 - q) ** alpha + q ** (alpha - 1) * (1 - q)
        torch.testing.assert_close(factor**alpha, power, rtol=1e-8, atol=1e-12)
        torch.testing.assert_close(size**alpha, (s * gbar) ** alpha + sbar**alpha)
        torch.testing.assert_close(slope, sbar ** (alpha - 1) / size**alpha)


@pytest.mark.parametrize("s", SCALES)
def test_coefficients_of_gaussian_noise(s):
    """c = sbar / (sbar^2 + s^2 gbar^2), and b^2 is the share of the signal, 1 - c sbar."""
    for gbar, sbar in levels(2.0):
        slope, factor, _ = predictor(2.0, s).coefficients(gbar, sbar)
        total = sbar**2 + s**2 * gbar**2
        torch.testing.assert_close(slope, sbar / total)
        torch.testing.assert_close(factor, (s**2 * gbar**2 / total).sqrt())


@pytest.mark.parametrize("alpha", ALPHAS)
def test_factor_is_the_scale_of_what_the_line_leaves(alpha):
    """By the characteristic functions of epsilon - c x and of x for stable data."""
    s, n = 0.7, 30_000
    clean, noise = (symmetric_stable(n, 1, alpha, generator=generator(seed)) for seed in (1, 2))
    for gbar, sbar in levels(alpha):
        slope, factor, size = (c.item() for c in predictor(alpha, s).coefficients(gbar, sbar))
        x = gbar.item() * s * clean + sbar.item() * noise
        for rest in ((noise - slope * x) / factor, x / size):
            for u in (0.4, 1.0):
                expected, double = (math.exp(-(v**alpha)) for v in (u, 2.0 * u))
                error = math.sqrt(((1.0 + double) / 2.0 - expected**2) / n)
                assert abs((u * rest).cos().mean().item() - expected) < 5.0 * error


@pytest.mark.parametrize("alpha", [1.2, 1.7, 2.0])
def test_is_linear_at_infinity(alpha):
    """|eps(r u)| / r tends to the slope, whatever the network has learnt."""
    u = torch.tensor([[[1.0, -0.3, 0.05], [-2.0, 0.4, 1.0]]], dtype=torch.float64)
    bent = 0
    for seed in range(3):
        made = predictor(alpha, 0.7, seeds=(seed,), spread=0.3)
        for gbar, sbar in levels(alpha):
            slope, _, _ = made.coefficients(gbar, sbar)
            ratios = {r: made(r * u, gbar, sbar).norm(dim=-1) / r for r in (1, 1e3, 1e4, 1e5, 1e6)}
            goal = slope[..., 0] * u.norm(dim=-1)
            errors = [float((ratios[r] / goal - 1).abs().max()) for r in (1e3, 1e4, 1e5, 1e6)]
            assert errors == sorted(errors, reverse=True)
            assert errors[-1] < 0.01 and errors[-1] < errors[0] / 30.0
            assert float((ratios[1e6] / ratios[1e5] - 1).abs().max()) < 0.01
            bent += float((ratios[1] / goal - 1).abs().max()) > 0.1
    assert bent > 10  # near the data the network does count


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gives_the_precision_of_its_input(dtype):
    """Its parameters are in single precision, as they are in training."""
    made = NoisePredictor(ScoreMLP([generator()], 2, 8, 1), 1.7, 0.7)
    x = points(dim=2).to(dtype)
    gbar, sbar = (torch.tensor(v, dtype=torch.float64).view(1, 1, 1) for v in (0.4, 0.8))
    assert made(x, gbar, sbar).dtype == dtype
    assert made(x, gbar.to(dtype), sbar.to(dtype)).dtype == dtype


def test_the_line_of_double_numbers_is_double():
    """A far start in the samplers keeps its digits though the network has single precision."""
    made = NoisePredictor(ScoreMLP([generator()], 1, 8, 1), 1.7, 0.7)
    gbar, sbar = (torch.tensor(v, dtype=torch.float64).view(1, 1, 1) for v in (0.4, 0.8))
    x = torch.tensor([[[1e6 / 3.0]]], dtype=torch.float64)
    expected = x * sbar**0.7 / (sbar**1.7 + (0.7 * gbar) ** 1.7)
    torch.testing.assert_close(made(x, gbar, sbar), expected, rtol=1e-13, atol=0.0)


def test_seeds_are_independent():
    both, second = (predictor(seeds=seeds, spread=0.3) for seeds in ((1, 2), (2,)))
    x = torch.cat([points(seed=3), points(seed=4)])
    for gbar, sbar in levels(1.7):
        found = both(x, gbar, sbar)
        torch.testing.assert_close(found[1:], second(x[1:], gbar, sbar))
        assert not torch.allclose(found[:1], second(x[:1], gbar, sbar))


def test_every_sample_may_have_its_own_level():
    made, x = predictor(spread=0.3), points(n=4)
    gbar, sbar = cosine(1.7)(torch.tensor([0.1, 0.4, 0.6, 0.9]).view(1, 4, 1))
    found = made(x, gbar, sbar)
    for i in range(4):
        part = slice(i, i + 1)
        alone = made(x[:, part], gbar[:, part], sbar[:, part])
        torch.testing.assert_close(found[:, part], alone)


def test_all_weights_learn():
    made = predictor(spread=0.3).requires_grad_(True)
    gbar, sbar = next(iter(levels(1.7)))
    made(points(), gbar, sbar).square().mean().backward()
    assert all(bool((p.grad != 0).any()) for p in made.parameters())
