"""The law of a chain without sampling, and distances on the line, against closed forms."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from tailbench.theory.laws_1d import Atoms, PiecewiseGaussian
from tailbench.theory.markov_chain_1d import (
    Gaussians,
    Step,
    diffusion,
    propagate,
    total_variation,
    wasserstein,
)
from tailbench.theory.ou_process import backward_step, geometric_times, heun, scale, uniform_times


def gaussian(mean, std):
    return PiecewiseGaussian.mixture([1.0], [mean], [std])


def chain(law, kind, times, extra=0.0):
    def score(x, t):
        return law.diffused(x, *scale(t))[1]

    return [backward_step(kind, score, t, t - s, extra) for t, s in itertools.pairwise(times)]


def law_of(law, steps, start, **options):
    return propagate(lambda x: np.exp(law.diffused(x, *scale(start))[0]), steps, **options)


@pytest.mark.parametrize(
    ("first", "second"), [((0.0, 1.0), (0.7, 0.4)), ((1.0, 0.5), (1.0, 0.501)), ((-2, 1), (2, 1))]
)
def test_w2_of_gaussians(first, second):
    law = Gaussians(np.array([1.0]), np.array([float(first[0])]), first[1])
    wanted = math.hypot(first[0] - second[0], first[1] - second[1])
    assert wasserstein(law, gaussian(*second)) == pytest.approx(wanted, rel=1e-9)


def test_w1_and_w2_to_atoms():
    law = Gaussians(np.array([1.0]), np.array([0.0]), 0.3)
    atom = Atoms([0.5], [1.0])
    assert wasserstein(law, atom) == pytest.approx(math.hypot(0.5, 0.3), rel=1e-9)
    folded = stats.norm(0.5, 0.3).expect(abs)
    assert wasserstein(law, atom, order=1) == pytest.approx(folded, rel=1e-4)


@pytest.mark.parametrize("shift", [1e-4, 0.1, 2.0])
def test_total_variation_of_gaussians(shift):
    law = Gaussians(np.array([1.0]), np.array([0.0]), 0.5)
    found = total_variation(law, lambda y: stats.norm.logpdf(y, shift, 0.5))
    assert found == pytest.approx(2 * stats.norm.cdf(shift / 2 / 0.5) - 1, rel=1e-3)


def test_total_variation_sees_all_of_a_distant_law():
    law = Gaussians(np.array([1.0]), np.array([0.0]), 0.5)
    assert total_variation(law, lambda y: stats.norm.logpdf(y, 50, 0.5)) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["euler", "exponential"])
@pytest.mark.parametrize("steps", [7, 40])
@pytest.mark.parametrize("extra", [0.0, 0.3])
def test_the_chain_of_a_gaussian_has_the_variance_of_its_recursion(kind, steps, extra):
    times = uniform_times(4.0, steps)
    target = gaussian(0.0, 0.5)
    variance = 0.25 * math.exp(-8) - math.expm1(-8)
    for t, s in itertools.pairwise(times):
        g, v = t - s, 0.25 * math.exp(-2 * t) - math.expm1(-2 * t)
        grow, push, noise = (
            (1 + g, 2 * g, 2 * g)
            if kind == "euler"
            else (math.exp(g), 2 * math.expm1(g), math.expm1(2 * g))
        )
        variance = (grow - push / v) ** 2 * variance + noise + (push * extra) ** 2
    found = wasserstein(law_of(target, chain(target, kind, times, extra), 4.0), target)
    assert found == pytest.approx(abs(math.sqrt(variance) - 0.5), abs=2e-9)


def test_the_chain_of_a_mixture_is_that_of_simulation():
    target = PiecewiseGaussian.mixture([0.4, 0.6], [-1.5, 1.0], [0.5, 0.8])
    times = geometric_times(3.0, 0.01, 0.3)
    steps = chain(target, "exponential", times)
    law = law_of(target, steps, 3.0)
    rng = np.random.default_rng(0)
    a, v = scale(3.0)
    first = rng.random(100_000) < 0.4
    x = np.where(first, -1.5, 1.0) + np.where(first, 0.5, 0.8) * rng.standard_normal(100_000)
    x = a * x + math.sqrt(v) * rng.standard_normal(100_000)
    for step in steps:
        x = step.move(x) + step.std * rng.standard_normal(100_000)
    assert stats.kstest(x, lambda y: law.cdf(np.atleast_1d(y))[0]).pvalue > 1e-3


def test_finer_grids_change_nothing():
    target = PiecewiseGaussian.kinked(0.5, 2.0)
    steps = chain(target, "euler", uniform_times(4.0, 20))
    values = [wasserstein(law_of(target, steps, 4.0, fine=f), target) for f in (1.0, 2.0)]
    assert values[0] == pytest.approx(values[1], abs=1e-8)


def test_one_step_is_a_convolution():
    law = propagate(lambda x: stats.norm.pdf(x), [Step(lambda x: 0.5 * x + 1, 0.3)])
    y, wanted = np.linspace(-2, 4, 50), stats.norm(1, math.hypot(0.5, 0.3))
    np.testing.assert_allclose(law.cdf(y)[0], wanted.cdf(y), atol=1e-13)
    np.testing.assert_allclose(law.density(y), wanted.pdf(y), atol=1e-13)


def test_both_tails_of_many_gaussians_are_those_of_all_of_them():
    rng = np.random.default_rng(0)
    weights, means = rng.dirichlet(np.full(2000, 0.1)), 3 * rng.standard_normal(2000)
    y = np.linspace(means.min() - 0.3, means.max() + 0.3, 1500)
    below, above = Gaussians(weights, means, 0.05).cdf(y)
    z = (y[:, None] - means) / 0.05
    np.testing.assert_allclose(below, stats.norm.cdf(z) @ weights, rtol=1e-12, atol=1e-17)
    np.testing.assert_allclose(above, stats.norm.sf(z) @ weights, rtol=1e-12, atol=1e-17)


def test_a_diffused_law_has_the_density_of_the_law():
    target = PiecewiseGaussian.kinked(1.0, 1.0)
    a, v = scale(0.7)
    y = np.linspace(-3, 3, 31)
    density = diffusion(target, a, v).density(y)
    np.testing.assert_allclose(density, np.exp(target.diffused(y, a, v)[0]), rtol=1e-10)


def test_heun_is_of_second_order_on_a_gaussian():
    def score(x, t):
        return -x / (0.25 * math.exp(-2 * t) - math.expm1(-2 * t))

    def error(steps):
        wanted = 0.5 / math.sqrt(0.25 * math.exp(-4) - math.expm1(-4))
        return abs(heun(score, uniform_times(2.0, steps), np.array([1.0]))[0] - wanted)

    assert math.log2(error(200) / error(400)) == pytest.approx(2.0, abs=0.1)


def test_times():
    times = geometric_times(4.0, 1e-3, 0.2)
    assert times[0] == 4.0 and times[-1] == 1e-3
    gaps = -np.diff(times)
    assert np.all(gaps > 0) and np.all(gaps <= 0.2 * np.minimum(1, times[:-1]) + 1e-12)
    assert uniform_times(2.0, 4) == [2.0, 1.5, 1.0, 0.5, 0.0]
