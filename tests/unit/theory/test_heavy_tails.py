"""Heavy-tailed laws, spline flows, the reverse process, and what the experiment says of them."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad

from tailbench.stats.stable import log_tail
from tailbench.theory.heavy_tails import experiment, reverse_ve
from tailbench.theory.heavy_tails.claims import HeavyTailsClaims
from tailbench.theory.heavy_tails.scale_mixtures import ScaleMixture, wide_grid
from tailbench.theory.heavy_tails.spline_flow import SplineFlow

Y = np.array([0.01, 0.5, 3.0, 40.0, 1e3])


@pytest.mark.parametrize("nu", [1.0, 2.5, 10.0])
def test_student_density_and_tail(nu):
    law = ScaleMixture.student(nu)
    np.testing.assert_allclose(law.log_density(Y), stats.t.logpdf(Y, nu), atol=1e-8)
    np.testing.assert_allclose(law.cdf(Y)[1], stats.t.sf(Y, nu), rtol=1e-5)
    if nu > 2:
        assert law.variance() == pytest.approx(nu / (nu - 2), rel=1e-3)


@pytest.mark.parametrize("alpha", [0.9, 1.3, 1.7, 1.9])
def test_stable_density_and_tail(alpha):
    tail, density = log_tail(Y, alpha)
    law = ScaleMixture.stable(alpha)
    np.testing.assert_allclose(law.log_density(Y), density, atol=1e-5)
    np.testing.assert_allclose(law.cdf(Y)[1], np.exp(tail), rtol=1e-4)


def test_noise_against_quadrature_and_voigt():
    from scipy.special import voigt_profile

    law = ScaleMixture.student(1.0).noised(0.7)
    wanted = voigt_profile(Y, 0.7, 1.0)
    np.testing.assert_allclose(np.exp(law.log_density(Y)), wanted, rtol=1e-8)
    law = ScaleMixture.student(2.5).noised(3.0)
    for y in (0.3, 5.0):
        value = quad(
            lambda x, y=y: stats.t.pdf(x, 2.5) * stats.norm.pdf(y, x, 3.0),
            -np.inf,
            np.inf,
            epsabs=0,
            epsrel=1e-11,
        )[0]
        assert math.exp(law.log_density(np.array([y]))[0]) == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize("law", [ScaleMixture.student(1.5), ScaleMixture.stable(1.7)])
@pytest.mark.parametrize("sigma", [0.05, 4.0])
def test_score_and_its_derivative(law, sigma):
    there = law.noised(sigma)
    y, h = np.linspace(-9.0, 9.0, 31), 1e-3
    p = [there.log_density(y + k * h) for k in (-2, -1, 1, 2)]
    s = [there.score(y + k * h)[0] for k in (-2, -1, 1, 2)]
    score, slope = there.score(y)
    np.testing.assert_allclose(score, (p[0] - 8 * p[1] + 8 * p[2] - p[3]) / (12 * h), atol=1e-8)
    np.testing.assert_allclose(slope, (s[0] - 8 * s[1] + 8 * s[2] - s[3]) / (12 * h), atol=1e-8)


def test_samples_in_d_dimensions_have_the_norm_of_the_law():
    law = ScaleMixture.student(3.0, dim=8)
    r = law.sample(50_000, np.random.default_rng(0))
    assert stats.kstest(r**2 / 8, stats.f(8, 3).cdf).pvalue > 1e-3


@pytest.mark.parametrize("sigma", [0.0, 8.0])
def test_quantiles(sigma):
    law = ScaleMixture.student(2.5).noised(sigma)
    above = np.array([0.499, 0.3, 0.01, 1e-6])
    np.testing.assert_allclose(law.cdf(law.quantile(above))[1], above, rtol=1e-10)


@pytest.mark.parametrize("xi", [0.4, 0.1, None])
def test_flow_is_a_density_that_interpolates(xi):
    law = ScaleMixture.student(2.5)
    flow = SplineFlow(law, 6, xi)
    knots = flow._knots[1]
    np.testing.assert_allclose(flow.log_density(knots[:-1]), law.log_density(knots[:-1]), atol=1e-9)
    x, weights = wide_grid(400_001, 1e9)
    assert weights @ np.exp(flow.log_density(x)) == pytest.approx(1.0, abs=1e-6)
    inner = quad(lambda x: math.exp(flow.log_density(np.array([x]))[0]), 0, knots[2])[0]
    assert inner == pytest.approx(0.5 * 2 / 7, abs=1e-8)


def test_distances_of_flows_against_plain_quadrature():
    law = ScaleMixture.student(5.0)
    flow = SplineFlow(law, 5, 0.5)
    x, weights = wide_grid(200_001, 1e6)
    p, q = law.log_density(x), flow.log_density(x)
    kl, tv = flow.distances()
    assert kl == pytest.approx(float(weights @ (np.exp(p) * (p - q))), abs=1e-6)
    assert tv == pytest.approx(0.5 * float(weights @ np.abs(np.exp(p) - np.exp(q))), abs=1e-6)
    assert SplineFlow(ScaleMixture.student(2.0), 4, None).distances()[0] == math.inf


def test_divergence_of_gaussians_in_any_dimension():
    for d in (1, 3, 20):
        law = ScaleMixture(np.array([1.0]), np.array([4.0]), math.inf, d)
        found = experiment._divergence(law, experiment._normal(3.0, d))
        assert found == pytest.approx(d * (math.log(1.5) + 4 / 18 - 0.5), rel=1e-6)


def test_reverse_process_of_a_gaussian_has_the_variance_of_its_recursion():
    law = ScaleMixture(np.array([1.0]), np.array([1.0]), math.inf)
    noise = reverse_ve.levels(4.0, 0.1, 20)
    made = reverse_ve.run(law.noised(4.0).log_density, lambda y, s: law.noised(s).score(y), noise)
    variance = 17.0
    for a, b in itertools.pairwise(noise):
        gap = a * a - b * b
        variance = (1 - gap / (1 + a * a)) ** 2 * variance + gap
    y, _ = wide_grid(reverse_ve.POINTS)
    wanted = ScaleMixture(np.array([1.0]), np.array([variance]), math.inf).log_density(y)
    assert reverse_ve.total_variation(made, wanted) < 1e-5


def test_reverse_process_of_student_converges():
    law = ScaleMixture.student(1.5)
    y, _ = wide_grid(reverse_ve.POINTS)
    errors = [
        reverse_ve.total_variation(
            reverse_ve.run(
                law.noised(4.0).log_density,
                lambda y, s: law.noised(s).score(y),
                reverse_ve.levels(4.0, 0.1, steps),
            ),
            law.noised(0.1).log_density(y),
        )
        for steps in (16, 64)
    ]
    assert errors[1] < 0.35 * errors[0]


def test_a_step_that_folds_the_line_is_refused():
    with pytest.raises(ValueError, match="more steps"):
        reverse_ve.run(lambda y: -0.5 * y * y, lambda y, s: (-y, -np.ones_like(y)), [2.0, 1.0])


@pytest.mark.slow
def test_experiment_and_claims():
    settings = {
        "nus": [1.5, 5.0],
        "alphas": [],
        "sigmas": [1.0, 4.0, 8.0, 16.0, 32.0],
        "bins": [4, 8, 16],
        "steps": 16,
        "fine_steps": 32,
        "deltas": [0.05, 0.1, 0.2],
        "dims": [2],
        "samples": 2000,
        "seeds": 2,
    }
    part = experiment.HeavyTails(**settings)
    cells = part.cells()
    assert set(cells) == {"student-1.5", "student-5", "dim-2"}
    table = pd.DataFrame([row for spec in cells.values() for row in part.measure(spec)])
    start = table[(table["part"] == "start") & (table["law"] == "student-1.5")]
    assert np.isinf(start.loc[start["method"] == "gaussian", "value"]).all()
    assert (start.loc[start["method"] == "flow", "value"] < 0.02).all()
    found = {(s.quantity, s.case): s for s in HeavyTailsClaims().slopes(table)}
    gaussian = found["divergence from the Gaussian against sigma_T, from 8 on", "student-5"]
    assert gaussian.slope == pytest.approx(-4, abs=0.05)
    (growth,) = (s for (q, _), s in found.items() if q.startswith("growth"))
    assert growth.slope == pytest.approx(0.5, abs=0.1)
    assert all(
        s.verdict != "outside" for (q, _), s in found.items() if q.startswith(("total", "error"))
    )
    HeavyTailsClaims().draw(table, pd.DataFrame())
