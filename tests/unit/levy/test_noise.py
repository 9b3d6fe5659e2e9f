"""Stable noise against its characteristic function, its law in SciPy and its Laplace transform."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import levy_stable

from tailbench.levy.noise import StableNoise, positive_stable, symmetric_stable
from tailbench.rng.streams import IndexedStreams, Streams, uniform

CPU = torch.device("cpu")
ALPHAS = [0.8, 1.0, 1.2, 1.7, 2.0]
ENDS = [2.0**-54, 1.0 - 2.0**-53]
DIRECTIONS = [
    [1.0, 0.0, 0.0],
    [0.0, -0.4, 0.0],
    [0.6, 0.3, -0.9],
    [0.05, 0.1, 0.1],
    [1.5, 1.5, 1.0],
]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(n, dim, alpha, isotropic=True, seed=0):
    return symmetric_stable(n, dim, alpha, isotropic=isotropic, generator=generator(seed))


def source(seed=0):
    chosen = generator(seed)
    return lambda *shape: uniform(shape, chosen)


def near(values, expected, double):
    """Is a mean of cosines what it should be? ``double`` is the expectation at twice the point."""
    variance = (1.0 + double) / 2.0 - expected**2
    error = math.sqrt(variance / len(values))
    return abs(values.mean().item() - expected) < 5.0 * error


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("isotropic", [True, False])
def test_characteristic_function(alpha, isotropic):
    """exp(-|u|^alpha), or the product of the coordinates' where these are independent."""
    x = drawn(200_000, 3, alpha, isotropic)
    for direction in DIRECTIONS:
        u = torch.tensor(direction, dtype=torch.float64)
        power = float(u.norm() ** alpha if isotropic else u.abs().pow(alpha).sum())
        expected, double = math.exp(-power), math.exp(-power * 2.0**alpha)
        assert near((x @ u).cos(), expected, double)
        assert abs((x @ u).sin().mean().item()) < 5.0 * math.sqrt((1.0 - double) / 2.0 / len(x))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_marginals_are_those_of_scipy(alpha):
    """Kolmogorov-Smirnov at points from -200 to 200; 1.95 is exceeded once in a thousand times."""
    n = 100_000
    points = np.sinh(np.linspace(-6.0, 6.0, 121))
    expected = levy_stable.cdf(points, alpha, 0.0)
    for column in drawn(n, 2, alpha).numpy().T:
        found = np.searchsorted(np.sort(column), points, side="right") / n
        assert np.abs(found - expected).max() < 1.95 / math.sqrt(n)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_laplace_transform_of_the_variance(alpha):
    n = 200_000
    a = positive_stable(source(), alpha, n)
    for u in (0.02, 0.3, 1.0, 4.0):
        expected, double = (math.exp(-((2.0 * v) ** (alpha / 2.0))) for v in (u, 2.0 * u))
        error = math.sqrt(max(double - expected**2, 0.0) / n)
        assert abs((-u * a).exp().mean().item() - expected) < 5.0 * error + 1e-12


@pytest.mark.parametrize("alpha", [0.8, 1.0, 1.2, 1.5, 1.7, 1.9])
def test_variance_is_kanters_formula(alpha):
    """As it is printed, at angles and exponential draws that do no harm."""
    first, second = np.random.default_rng(0).uniform(0.05, 0.95, (2, 1000))
    draws = iter([torch.from_numpy(first), torch.from_numpy(second)])
    a, u, w = alpha / 2.0, np.pi * first, -np.log(second)
    expected = (
        2.0 * np.sin(a * u) / np.sin(u) ** (1 / a) * (np.sin((1 - a) * u) / w) ** ((1 - a) / a)
    )
    found = positive_stable(lambda *shape: next(draws), alpha, 1000)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-11)


def test_variance_of_gaussian_noise_is_two():
    a = positive_stable(source(), 2.0, 3, 1000)
    assert torch.equal(a, torch.full((3, 1000), 2.0, dtype=torch.float64))


@pytest.mark.parametrize("alpha", [0.8, 0.9, 1.0, 1.1, 1.5, 1.9, 1.99, 2.0])
def test_variance_is_finite_and_positive_at_the_ends_of_the_uniforms(alpha):
    for ends in product(ENDS, ENDS):
        values = iter(ends)
        a = positive_stable(
            lambda *shape, v=values: torch.full(shape, next(v), dtype=torch.float64), alpha, 1
        )
        assert a.dtype == torch.float64
        assert bool(a.isfinite().all()) and bool((a > 0).all())


def test_five_million_draws_are_finite():
    x = drawn(5_000_000, 1, 1.1)
    assert bool(x.isfinite().all())
    assert x.abs().max().item() > 1e5


def of_block(seeds, law, n, dim):
    """Draw noise as a model in training does, shape (E, n, d)."""
    streams = Streams(seeds, CPU, "train")
    return law.draw(streams.uniform, lambda: streams.randn(n, dim), dim, n)


def test_nothing_is_clamped():
    """Among a million Cauchy numbers one beyond 1e5 is missing with probability exp(-6)."""
    assert drawn(1_000_000, 1, 1.0).abs().max().item() > 1e5
    block = of_block([1, 2], StableNoise(1.0), 1_000_000, 1)
    assert bool((block.abs().amax(dim=1) > 1e5).all())


def test_shape_and_precision():
    x = drawn(7, 3, 1.7)
    assert x.shape == (7, 3) and x.dtype == torch.float64
    assert drawn(0, 3, 1.7).shape == (0, 3)


@pytest.mark.parametrize("isotropic", [True, False])
def test_the_same_generator_gives_the_same_draws(isotropic):
    first = drawn(100, 2, 1.5, isotropic)
    assert torch.equal(first, drawn(100, 2, 1.5, isotropic))
    assert not torch.equal(first, drawn(100, 2, 1.5, isotropic, seed=1))


def test_no_row_is_drawn_twice():
    """Many rows are drawn piece by piece."""
    x = drawn(120_000, 1, 1.5)
    assert len(x.unique()) > 0.999 * len(x)


@pytest.mark.parametrize("alpha", [0.0, -1.0, 2.1, math.nan])
def test_alpha_out_of_range(alpha):
    with pytest.raises(ValueError, match=r"alpha must be in \(0, 2\]"):
        drawn(10, 1, alpha)


def test_coordinates_share_a_variance_or_do_not():
    """Where they do, it cancels from their ratio, which is then Cauchy's at any alpha."""
    for isotropic in (True, False):
        x = drawn(200_000, 2, 0.8, isotropic)
        related = torch.corrcoef(x.abs().log().T)[0, 1].item()
        quantile = torch.quantile((x[:, 0] / x[:, 1]).abs(), 0.75).item()
        cauchy = math.tan(3.0 * math.pi / 8.0)
        if isotropic:
            assert related > 0.3 and quantile == pytest.approx(cauchy, rel=0.03)
        else:
            assert abs(related) < 0.02 and quantile > 1.2 * cauchy


@pytest.mark.parametrize("isotropic", [True, False])
def test_clamps_bind_what_they_name_and_nothing_else(isotropic):
    free, a, eps = (
        of_block([1], StableNoise(1.2, isotropic, *clamps), 50_000, 3)
        for clamps in ((), (20.0, None), (None, 50.0))
    )
    assert free.abs().max() > 1e3
    assert torch.equal(eps, free.clamp(-50.0, 50.0))
    changed = a != free
    rows = changed.any(-1)
    assert 0 < rows.double().mean() < 0.5
    assert bool((changed.all(-1) == rows).all()) == isotropic
    assert bool((a.abs() <= free.abs()).all()) and a.abs().max() < 20.0**0.5 * 7.0


@pytest.mark.parametrize("isotropic", [True, False])
def test_noise_of_a_block(isotropic):
    noise = of_block([1, 2], StableNoise(1.5, isotropic), 50_000, 2)
    assert noise.shape == (2, 50_000, 2) and noise.dtype == torch.float64
    u = torch.tensor([0.4, 0.7], dtype=torch.float64)
    power = float(u.norm() ** 1.5 if isotropic else u.pow(1.5).sum())
    for draws in noise:
        assert near((draws @ u).cos(), math.exp(-power), math.exp(-power * 2.0**1.5))
    alone = of_block([2], StableNoise(1.5, isotropic), 50_000, 2)
    assert torch.equal(noise[1], alone[0])
    assert not torch.equal(noise[0], noise[1])


def test_uniform_numbers_are_open_at_both_ends(monkeypatch):
    def always(value):
        return lambda *shape, dtype, **_: torch.full(shape, value, dtype=dtype)

    streams = (Streams([1], CPU, "train"), IndexedStreams([1], 0, 3, 2, CPU))
    for value in (0.0, ENDS[1]):
        monkeypatch.setattr(torch, "rand", always(value))
        for stream in streams:
            u = stream.uniform(4)
            assert bool((u > 0.0).all()) and bool((u < 1.0).all())
            # what the noise is made of
            assert bool((-u.log() > 0.0).all()) and bool((torch.pi * u).sin().min() > 0.0)


def test_uniform_numbers_are_uniform_and_in_double_precision():
    """A number of single precision would be a multiple of 2^-24."""
    for streams, shape in (
        (Streams([1, 2], CPU, "train"), (50_000, 1)),
        (IndexedStreams([1, 2], 0, 50_000, 3, CPU), (1,)),
    ):
        u = streams.uniform(*shape)
        assert u.shape == (2, 50_000, 1) and u.dtype == torch.float64
        assert ((u * 2.0**24) % 1.0 != 0.0).double().mean().item() > 0.99
        ranks = torch.arange(1, 50_001, dtype=torch.float64) / 50_000
        for draws in u[..., 0]:
            assert (draws.sort().values - ranks).abs().max().item() < 1.95 / math.sqrt(50_000)


def test_uniform_numbers_of_a_longer_draw_begin_with_those_of_a_shorter():
    long, short = (IndexedStreams([3, 4], 0, n, 2, CPU) for n in (1000, 300))
    for shape in ((5, 1), (2,), ()):
        expected, found = long.uniform(*shape), short.uniform(*shape)
        assert expected.shape == (2, 1000, *shape) and found.shape == (2, 300, *shape)
        assert torch.equal(expected[:, :300], found)


@pytest.mark.parametrize("start", [256, 768])
def test_uniform_numbers_of_a_later_batch_are_the_later_rows(start):
    whole = IndexedStreams([3], 0, 1000, 2, CPU)
    part = IndexedStreams([3], start, 1000 - start, 2, CPU)
    for _ in range(3):
        assert torch.equal(whole.uniform(4, 1)[:, start:], part.uniform(4, 1))
        assert torch.equal(whole.randn()[:, start:], part.randn())


def test_uniform_numbers_of_a_seed_do_not_depend_on_the_others():
    block, alone = IndexedStreams([3, 4], 0, 300, 2, CPU), IndexedStreams([4], 0, 300, 2, CPU)
    assert torch.equal(block.uniform(2)[1:], alone.uniform(2))
    block, alone = Streams([3, 4], CPU, "train"), Streams([4], CPU, "train")
    assert torch.equal(block.uniform(7, 2)[1:], alone.uniform(7, 2))
    assert not torch.equal(*block.uniform(7, 2))
