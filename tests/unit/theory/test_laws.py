"""Exact scores, densities and quantiles of diffused laws on the line."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from tailbench.theory.laws_1d import Atoms, PiecewiseGaussian, Smooth, log_interval

LAWS = {
    "half_normal": PiecewiseGaussian.kinked(0.5, 2.0),
    "downward_kink": PiecewiseGaussian.kinked(0.5, -1.5),
    "mixture": PiecewiseGaussian.mixture([0.4, 0.6], [-1.5, 1.0], [0.5, 0.8]),
    "uniform": PiecewiseGaussian.uniform(1.5),
    "double_well": Smooth(lambda x: -((x * x - 1.0) ** 2), -3.2, 3.2, width=0.3),
}
DENSITIES = {
    "half_normal": lambda x: math.exp(-0.5 * x * x - 2 * abs(x)),
    "downward_kink": lambda x: math.exp(-0.5 * x * x + 1.5 * abs(x)),
    "mixture": lambda x: 0.4 * stats.norm.pdf(x, -1.5, 0.5) + 0.6 * stats.norm.pdf(x, 1.0, 0.8),
    "uniform": lambda x: float(abs(x) <= 1.5),
    "double_well": lambda x: math.exp(-((x * x - 1) ** 2)),
}
TIMES = (0.005, 0.1, 1.0, 4.0)


def integral(f, centre, width):
    """Integrate over the line by pieces, with breaks at kinks and where the kernel is."""
    breaks = {-1.5, 0.0, 1.5, -8.0, 8.0}
    breaks |= {min(8.0, max(-8.0, centre + k * width)) for k in (-9, -3, 0, 3, 9)}
    ends = sorted(breaks)
    return sum(
        quad(f, a, b, epsabs=0, epsrel=1e-13, limit=200)[0]
        for a, b in itertools.pairwise(ends)
        if b > a
    )


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("t", TIMES)
def test_density_and_score_against_quadrature(name, t):
    a, v = math.exp(-t), -math.expm1(-2 * t)
    density = DENSITIES[name]
    total = integral(density, 0.0, 1.0)
    for y in (-1.9, -0.02, 0.7, 1.6):

        def kernel(x, y=y):
            return density(x) * math.exp(-0.5 * (y - a * x) ** 2 / v) / math.sqrt(2 * math.pi * v)

        width = math.sqrt(v) / a
        p = integral(kernel, y / a, width) / total
        slope = integral(lambda x, k=kernel, y=y: k(x) * (a * x - y) / v, y / a, width) / total
        log_p, score = LAWS[name].diffused(np.array([y]), a, v)
        assert log_p[0] == pytest.approx(math.log(p), abs=1e-9)
        assert score[0] == pytest.approx(slope / p, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("name", [*LAWS, "atoms"])
@pytest.mark.parametrize("t", TIMES)
def test_score_is_the_derivative_of_the_log_density(name, t):
    law = LAWS.get(name) or Atoms([-1.0, 0.2, 1.5], [0.3, 0.3, 0.4])
    a, v = math.exp(-t), -math.expm1(-2 * t)
    y = np.linspace(-4.0, 4.0, 41)
    h = 1e-3 * math.sqrt(v)
    shift = [law.diffused(y + k * h, a, v)[0] for k in (-2, -1, 1, 2)]
    numeric = (shift[0] - 8 * shift[1] + 8 * shift[2] - shift[3]) / (12 * h)
    score = law.diffused(y, a, v)[1]
    np.testing.assert_allclose(score, numeric, rtol=1e-6, atol=1e-6 * np.abs(score).max())


def test_score_is_that_of_autograd():
    import torch

    weights, means, stds = [0.4, 0.6], [-1.5, 1.0], [0.5, 0.8]
    a, v = 0.7, 0.51
    y = torch.linspace(-3, 3, 13, dtype=torch.float64, requires_grad=True)
    variances = torch.tensor([a * a * s * s + v for s in stds], dtype=torch.float64)
    centres = a * torch.tensor(means, dtype=torch.float64)
    terms = -0.5 * (y[:, None] - centres) ** 2 / variances - 0.5 * torch.log(variances)
    log_p = torch.logsumexp(terms + torch.log(torch.tensor(weights, dtype=torch.float64)), dim=1)
    (wanted,) = torch.autograd.grad(log_p.sum(), y)
    score = LAWS["mixture"].diffused(y.detach().numpy(), a, v)[1]
    np.testing.assert_allclose(score, wanted.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_quantiles_invert_the_distribution(name):
    law = LAWS[name]
    p = np.array([1e-12, 1e-6, 0.01, 0.37, 0.5])
    for below, above in ((p, 1 - p), (1 - p, p)):
        x = law.quantile(below, above)
        found = law.cdf(x)
        tail = np.minimum(*found) if below[0] < above[0] else found[1]
        np.testing.assert_allclose(tail, p, rtol=1e-4)
        assert np.all(np.abs(found[0] + found[1] - 1) < 1e-13)


def test_moments_and_quantiles_of_known_laws():
    law = PiecewiseGaussian.mixture([1.0], [0.3], [0.5])
    assert law.moments() == pytest.approx((0.3, 0.25), abs=1e-12)
    p = np.array([0.001, 0.2, 0.9])
    np.testing.assert_allclose(law.quantile(p, 1 - p), stats.norm.ppf(p, 0.3, 0.5), atol=1e-11)
    assert PiecewiseGaussian.uniform(1.5).moments() == pytest.approx((0.0, 0.75), abs=1e-12)
    atoms = Atoms([-1.0, 2.0], [0.25, 0.75])
    assert atoms.moments() == pytest.approx((1.25, 27 / 16))
    assert list(atoms.quantile(np.array([0.1, 0.3, 1.0]), np.array([0.9, 0.7, 0.0]))) == [-1, 2, 2]


def test_intervals_far_in_the_tail():
    ends = [(-np.inf, -40.0), (38.0, 39.0), (-1.0, 1.0), (-np.inf, np.inf), (5.0, np.inf)]
    wanted = [
        stats.norm.logcdf(-40),
        stats.norm.logsf(38) + math.log1p(-math.exp(stats.norm.logsf(39) - stats.norm.logsf(38))),
        math.log(stats.norm.cdf(1) - stats.norm.cdf(-1)),
        0.0,
        stats.norm.logsf(5),
    ]
    low, high = zip(*ends, strict=True)
    np.testing.assert_allclose(log_interval(low, high), wanted, rtol=1e-12, atol=1e-15)
