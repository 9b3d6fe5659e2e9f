"""Fitted slopes, their intervals, and what is said of them."""

import json
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fabricate import seal
from tailbench.pipeline.stages.claims import slopes, slopes_table
from tailbench.theory.claims import Slope, bootstrap, regression


def slope(low, high, relation, claimed=1.0):
    return Slope("q", "c", 0.5 * (low + high), low, high, "none", 5, claimed, relation)


@pytest.mark.parametrize(
    ("low", "high", "relation", "verdict"),
    [
        (0.9, 1.1, "=", "agrees"),
        (1.1, 1.2, "=", "outside"),
        (0.8, 0.9, ">=", "outside"),
        (1.1, 1.2, ">=", "within the bound"),
        (0.8, 0.9, "<=", "within the bound"),
        (1.1, 1.2, "<=", "outside"),
        (0.9, 1.1, "<=", "agrees"),
        (0.9, 1.1, "", "no claim"),
        (math.nan, math.nan, "=", "no fit"),
    ],
)
def test_verdicts(low, high, relation, verdict):
    assert slope(low, high, relation).verdict == verdict
    assert slope(low, high, relation).row()["verdict"] == verdict


def test_regression_finds_a_power_and_leaves_out_what_has_no_logarithm():
    x = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    y = 3 * x**-1.5
    found, low, high, n = regression([*x, 32.0, 64.0], [*y, 0.0, math.nan])
    assert found == pytest.approx(-1.5) and n == 5
    assert low == pytest.approx(-1.5, abs=1e-6) and high == pytest.approx(-1.5, abs=1e-6)
    assert math.isnan(regression([1.0], [1.0])[0])
    assert regression([1.0, 2.0], [1.0, 2.0])[1:3] == (-math.inf, math.inf)


def test_intervals_cover_the_slope_as_often_as_they_say():
    rng = np.random.default_rng(0)
    x = np.geomspace(1, 100, 6)
    covered = 0
    for _ in range(400):
        y = x**0.5 * np.exp(0.1 * rng.standard_normal(6))
        _, low, high, _ = regression(x, y)
        covered += low <= 0.5 <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_the_bootstrap_takes_whole_seeds():
    x = np.geomspace(1, 100, 5)
    scale = np.array([1.0, 2.0, 5.0])[:, None]
    found, low, high, n = bootstrap(x, scale * x**0.5)
    assert found == pytest.approx(0.5) and n == 5  # a scale common to a seed moves no slope
    assert low == pytest.approx(0.5, abs=1e-6) and high == pytest.approx(0.5, abs=1e-6)
    rng = np.random.default_rng(1)
    noisy = scale * x**0.5 * np.exp(0.2 * rng.standard_normal((3, 5)))
    _, low, high, _ = bootstrap(x, noisy)
    assert high - low > 0.05


def test_the_interval_is_that_of_the_residuals_however_small():
    """Beside the formulas in exact arithmetic; a width from the correlation would be zero."""
    x = np.geomspace(1e-3, 1e2, 7)
    signs = np.array([1, -1, 1, 1, -1, -1, 1])
    for noise in (0.1, 1e-4, 1e-7):
        y = x**0.5 * np.exp(noise * signs)
        a, b = ([Fraction(float(v)) for v in np.log(values)] for values in (x, y))
        a_mean, b_mean = sum(a) / 7, sum(b) / 7
        spread = sum((u - a_mean) ** 2 for u in a)
        slope = sum((u - a_mean) * (v - b_mean) for u, v in zip(a, b, strict=True)) / spread
        rest = sum((v - b_mean - slope * (u - a_mean)) ** 2 for u, v in zip(a, b, strict=True))
        half = stats.t.ppf(0.975, 5) * math.sqrt(rest / 5 / spread)
        found, low, high, _ = regression(x, y)
        assert found == pytest.approx(float(slope), rel=1e-13)
        assert high - low == pytest.approx(2 * half, rel=1e-6)


def test_the_bootstrap_is_the_percentile_interval_over_seeds():
    x = np.array([1.0, 10.0])  # two points, where the interval of the regression is infinite
    table = np.array([[1.0, 2.0], [1.0, 8.0], [1.0, 3.0], [2.0, 5.0]])
    picks = np.random.default_rng(7).integers(4, size=(500, 4))
    slopes = [math.log10(table[p, 1].mean() / table[p, 0].mean()) for p in picks]
    _, low, high, _ = bootstrap(x, table, resamples=500, seed=7)
    assert [low, high] == pytest.approx(np.quantile(slopes, [0.025, 0.975]), rel=1e-12)


def test_seeds_without_a_slope_leave_the_interval_of_the_regression():
    x = np.array([1.0, 2.0, 4.0])
    table = np.array([[2.0, 3.0, 7.0], [-1.5, 3.0, 7.0], [1.0, -2.0, -2.0]])
    found, low, high, n = bootstrap(x, table)
    assert (found, low, high, n) == regression(x, table.mean(axis=0)) and n == 3


def points(orders):
    """Rows as of the experiment, with a slope of one's choice for each target."""
    rows = []
    for target, order in orders.items():
        for step in 4.0 / np.array([8, 16, 32, 64, 128, 256, 512]):
            for sampler, p in (("euler", order), ("exponential", order), ("heun", 2 * order)):
                rows.append((target, sampler, "step", step, 1, step**p, 0.0))
    for sampler in ("euler", "exponential"):
        rows += [("different", sampler, "dim", 0.1, d, math.sqrt(d), 0.0) for d in (1, 4, 16, 64)]
    columns = ["target", "sampler", "varied", "step", "dim", "w2", "floor"]
    return pd.DataFrame(rows, columns=columns)


def test_w2_rate_judges_orders():
    from tailbench.theory.w2_rate.claims import W2RateClaims

    table = points({"gaussian": 1.0, "elastic_net": 0.5, "uniform": 0.75})
    found = {(s.quantity, s.case): s for s in W2RateClaims().slopes(table)}
    order = "order over the smallest decade"
    assert found[order, "gaussian, euler"].slope == pytest.approx(1.0)
    assert "up to a step of 0.5" in found[order, "gaussian, euler"].reason
    assert found[order, "elastic_net, euler"].verdict == "outside"
    assert "up to" not in found[order, "elastic_net, euler"].reason
    assert found[order, "uniform, euler"].claimed == 0.75
    assert found[order, "uniform, euler"].source == "derived"
    assert found["growth with the dimension", "different, euler"].slope == pytest.approx(0.5)
    W2RateClaims().draw(table, pd.DataFrame())


def test_slopes_of_a_run_are_read_and_laid_out(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"theory": {"rate": {"type": "w2_rate"}, "next": {}}}))
    seal(tmp_path / "plan.json", [config])
    made = pd.DataFrame([slope(0.9, 1.1, "=").row(), slope(0.4, 0.6, "", math.nan).row()])
    made.insert(0, "experiment", "rate")
    (tmp_path / "theory" / "rate").mkdir(parents=True)
    made.to_csv(tmp_path / "theory" / "rate" / "slopes.csv", index=False)
    found = slopes(tmp_path)
    pd.testing.assert_frame_equal(found, made)
    grid = slopes_table(found)
    claimed, verdicts = (list(column.cells) for column in grid.columns[-2:])
    assert claimed == ["= 1.00", ""] and verdicts == ["agrees", "no claim"]


def test_a_run_without_experiments_has_no_slopes(tmp_path):
    config = tmp_path / "config.json"
    config.write_text("{}")
    seal(tmp_path / "plan.json", [config])
    assert slopes(tmp_path) is None
