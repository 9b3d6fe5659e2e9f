"""Columns that are linear functions of others, whatever their tails, units and offsets."""

import numpy as np
import pytest

from tailbench.stats.linear_dependence import dependent_column, dependent_columns


@pytest.fixture(params=[(1.0, 0.0), (1e6, 1e9), (1e-30, 0.0)])
def x(request):
    scale, offset = request.param
    return offset + scale * np.random.default_rng(0).standard_t(0.8, (500, 3))


def test_independent_columns(x):
    assert dependent_column(x) is None and dependent_columns(x, "abc") == {}


def test_weights(x):
    y = np.column_stack([x, 2.5 * x[:, 2] - 0.5 * x[:, 0]])
    column, weights = dependent_column(y)
    assert column == 3
    assert weights[1:] == pytest.approx([-0.5, 0.0, 2.5], rel=1e-6, abs=1e-6)


def test_a_copy_and_another_unit():
    a = np.random.default_rng(0).pareto(0.5, 300)
    x = np.column_stack([a, a, 1.8 * a + 32, np.full(300, 7.0)])
    assert dependent_columns(x, ["C", "again", "F", "constant"]) == {
        "again": "is a copy of 'C'",
        "F": "is 1.8 times 'C' plus 32",
    }


def test_few_rows_are_always_dependent_and_say_nothing():
    assert dependent_column(np.random.default_rng(0).standard_normal((4, 3))) is None


def test_what_is_added_is_seen_down_to_a_billionth():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 1000))
    assert dependent_column(np.column_stack([a, a + 1e-8 * b])) is None
    assert dependent_column(np.column_stack([a, a + 1e-12 * b])) is not None
