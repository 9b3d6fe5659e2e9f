"""Score errors of known size, distances of laws on the line, spheres, and two modes."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tailbench.theory.laws_1d import PiecewiseGaussian
from tailbench.theory.markov_chain_1d import Gaussians
from tailbench.theory.ou_process import geometric_times, scale
from tailbench.theory.score_error import experiment, spheres
from tailbench.theory.score_error.claims import ScoreErrorClaims


@pytest.mark.parametrize("kind", ["smooth", "constant", "local", "wave"])
@pytest.mark.parametrize("t", [0.01, 1.0])
def test_errors_have_the_size_they_say(kind, t):
    law = experiment.make_target("mixture")
    shape = experiment.make_error(kind, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    a, v = scale(t)
    first = rng.random(200_000) < 0.4
    x = np.where(first, -1.5, 1.5) + 0.5 * rng.standard_normal(200_000)
    y = a * x + math.sqrt(v) * rng.standard_normal(200_000)
    for power in (0.0, 1.0):
        error = experiment.scaled_error(shape, law, 0.3, power)(y, t)
        assert math.sqrt(np.mean(error**2)) * v**power == pytest.approx(0.3, rel=0.03)


def test_two_laws_are_compared_as_gaussians_are():
    one = Gaussians(np.array([1.0]), np.array([0.0]), 0.5)
    two = Gaussians(np.array([1.0]), np.array([0.3]), 0.8)
    tv, w2 = experiment.distances(one, two)
    assert w2 == pytest.approx(math.hypot(0.3, 0.3), rel=1e-4)
    x = np.linspace(-6, 6, 400_001)
    gap = np.abs(stats.norm.pdf(x, 0, 0.5) - stats.norm.pdf(x, 0.3, 0.8))
    assert tv == pytest.approx(0.5 * gap.sum() * (x[1] - x[0]), rel=1e-4)


def test_a_constant_error_moves_a_gaussian_by_what_the_recursion_says():
    law = PiecewiseGaussian.mixture([1.0], [0.0], [0.5])
    times = geometric_times(4.0, 0.01, 0.1)
    error = experiment.scaled_error(lambda y, t: np.ones_like(y), law, 0.1)
    run = [
        experiment.propagate(
            experiment.density_at(law, 4.0), experiment.chain_of(law, times, e), 9.0
        )
        for e in (error, None)
    ]
    mean = 0.0
    for t, s in itertools.pairwise(times):
        v = 0.25 * math.exp(-2 * t) - math.expm1(-2 * t)
        mean = (math.exp(t - s) - 2 * math.expm1(t - s) / v) * mean + 0.2 * math.expm1(t - s)
    tv, w2 = experiment.distances(*run)
    assert w2 == pytest.approx(mean, rel=1e-4)
    assert tv <= 0.1 * math.sqrt(2.0)


@pytest.mark.parametrize("dim", [2, 3, 16])
def test_posterior_mean_on_the_sphere_against_samples(dim):
    t, r = 0.4, 1.1
    a, v = scale(t)
    x = np.random.default_rng(0).standard_normal((400_000, dim))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    weight = np.exp(a * r * (x[:, 0] - 1) / v)
    wanted = float(weight @ x[:, 0] / weight.sum())
    assert spheres.posterior_mean(np.array([r]), t, dim)[0] == pytest.approx(wanted, rel=0.01)


def test_the_sphere_is_found_and_errors_are_compared_with_common_noise():
    times = geometric_times(4.0, 0.01, 0.1)

    def norms(error, white=False):
        return spheres.run(3, times, error, white, 4000, np.random.default_rng(0))

    exact = norms(0.0)
    assert abs(exact.mean() - 1) < 0.05
    small, large = (spheres.sorted_distance(norms(e), exact) for e in (0.05, 0.1))
    assert large / small == pytest.approx(2.0, rel=0.1)
    assert spheres.sorted_distance(norms(0.1, white=True), exact) < 0.3 * large


@pytest.mark.slow
def test_a_stopped_chain_without_error_is_away_from_points_by_its_noise():
    points = experiment.make_target("points")
    beyond = {}
    for step in (0.02, 0.005):
        part = experiment.ScoreError(targets=["points"], step=step)
        spec = part.cells()["points"]
        table = pd.DataFrame(part.measure(spec | {"errors": [], "least_delta": 0.001}))
        assert set(table["quantity"]) == {"w2"}
        last = table.iloc[-1]
        a, v = scale(last["x"])  # a X + sqrt(v) Z, which stays nearest to X
        noise = v + (1 - a) ** 2 * float(points.weights @ points.points**2)
        beyond[step] = last["value"] ** 2 - noise
        assert last["value"] == pytest.approx(math.sqrt(noise), rel=0.3)
    # the rest is mass at the wrong point, by the steps before the points were told apart
    assert 0 < 3 * beyond[0.005] < beyond[0.02]


def test_crossing_time_of_langevin_is_that_of_the_barrier():
    m = 5.0  # near the barrier the density is p(0) cosh(4 m x): half of the mass crosses there
    log_p0 = stats.norm.logpdf(m, 0, 0.5)
    wanted = math.log(0.5) - log_p0 + math.log(math.pi / (4 * m))
    assert experiment.langevin_crossing(m) == pytest.approx(wanted, abs=0.02)


@pytest.mark.slow
def test_experiment_and_claims():
    part = experiment.ScoreError(
        targets=["mixture", "points"],
        errors=[0.02, 0.05, 0.1, 0.2],
        step=0.2,
        least_delta=0.01,
        seeds=2,
        sphere_dims=[3],
        samples=500,
        dims=[4, 8, 16],
        accuracies=[0.4, 0.3, 0.2],
    )
    cells = part.cells()
    assert set(cells) == {"mixture", "points", "sphere-3", "modes"}
    table = pd.DataFrame([row for spec in cells.values() for row in part.measure(spec)])
    found = {(s.quantity, s.case): s for s in ScoreErrorClaims().slopes(table)}
    constant = found["total variation against the size of the error", "mixture, constant"]
    assert constant.slope == pytest.approx(1.0, abs=0.03)
    white = found["total variation against the size of the error", "mixture, white"]
    assert white.slope == pytest.approx(2.0, abs=0.05)
    assert found["largest total variation over Girsanov's bound", "mixture"].slope < 1
    assert found["log of Langevin's crossing time per dimension", "two modes"].slope > 0.3
    worth = "W2 at the least time over W2 at the best time of stopping"
    assert {case for name, case in found if name == worth} == {"mixture", "points"}
    assert all(s.slope >= 1 for (name, _), s in found.items() if name == worth)
    ScoreErrorClaims().draw(table, pd.DataFrame())
