"""The experiment on the order in the step size and the growth with the dimension."""

import functools
import math

import pandas as pd
import pytest

from tailbench.theory.w2_rate.experiment import W2Rate


@functools.cache
def measure(cell, **settings):
    """A cell's values, computed once; only to be read."""
    experiment = W2Rate(**settings)
    return pd.DataFrame(experiment.measure(experiment.cells()[cell]))


@pytest.mark.parametrize("target", ["gaussian", "double_well", "uniform"])
def test_errors_fall_and_are_far_above_their_floor(target):
    table = measure(target, targets=(target,), steps=(8, 16, 32))
    assert set(table["sampler"]) == {"euler", "exponential", "heun"}
    for _, group in table.groupby("sampler"):
        assert group["w2"].is_monotonic_decreasing
    assert (table["floor"].dropna() < 1e-4 * table["w2"].min()).all()
    assert table["floor"].notna().sum() == 6


def test_the_error_of_a_gaussian_is_that_of_its_variance():
    table = measure("gaussian", targets=("gaussian",), steps=(8, 16, 32))
    euler = table[table["sampler"] == "euler"].set_index("step")["w2"]
    for step, w2 in euler.items():
        variance = 0.25 * math.exp(-8) - math.expm1(-8)
        for k in range(round(4 / step)):
            t = 4 - k * step
            v = 0.25 * math.exp(-2 * t) - math.expm1(-2 * t)
            variance = (1 + step - 2 * step / v) ** 2 * variance + 2 * step
        assert w2 == pytest.approx(abs(math.sqrt(variance) - 0.5), abs=1e-10)


def test_dimensions_add_up():
    table = measure("dimension-euler", dims=(1, 2, 5), dim_steps=8)
    modes = table[table["target"] == "two_modes"].set_index("dim")["w2"]
    single = measure("gaussian", targets=("gaussian",), steps=(8, 16, 32))
    across = single.query("sampler == 'euler' and step == 0.5")["w2"].item()
    assert modes[5] ** 2 - modes[1] ** 2 == pytest.approx(4 * across**2, rel=1e-9)
    different = table[table["target"] == "different"]["w2"]
    assert different.is_monotonic_increasing


def test_a_target_that_is_added_is_a_cell_that_is_added():
    before = W2Rate(targets=["gaussian"]).cells()
    after = W2Rate(targets=["gaussian", "uniform"]).cells()
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"uniform"}
