"""What metrics share is what each of them computes alone, and is forgotten afterwards."""

import numpy as np
import pytest

from tailbench import registry
from tailbench.stats.dependence import rank_levels
from tailbench.stats.order_statistics import column_medians, column_quantiles, sorted_columns
from tailbench.stats.shared_work import once, shared_work

TABLES = [np.random.default_rng(seed).standard_t(2, (500, 3)) for seed in range(3)]


def test_a_function_of_shared_tables_is_called_once():
    calls = []

    @once
    def sums(x, y):
        calls.append(1)
        return x.sum(axis=0) + y.sum(axis=0)

    x, y, other = TABLES
    with shared_work(x, y):
        first = sums(x, y)
        assert sums(x[:], np.asarray(y)) is first  # the same numbers, by another name
        with pytest.raises(ValueError, match="read-only"):
            first[0] = 0.0
        assert np.array_equal(sums(y, x), first) and len(calls) == 2
        for _ in range(2):  # other tables, and parts of these, every time
            sums(x, other)
            sums(x[:9], y[:9])
        assert len(calls) == 6
    assert sums(x, y) is not first and len(calls) == 7


def test_scopes_do_not_mix():
    x, y, _ = TABLES
    with shared_work(x):
        outer = sorted_columns(x)
        with shared_work(y):
            assert sorted_columns(y) is sorted_columns(y)
            assert sorted_columns(x) is not outer
        assert sorted_columns(x) is outer


def test_a_table_that_fails_leaves_no_scope():
    x = TABLES[0]
    with pytest.raises(RuntimeError), shared_work(x):
        raise RuntimeError
    assert sorted_columns(x) is not sorted_columns(x)


@pytest.mark.parametrize("function", [sorted_columns, rank_levels, column_medians])
def test_what_is_shared_does_not_change(function):
    x = 1e6 + TABLES[0]
    alone = function(x)
    with shared_work(x):
        assert np.array_equal(function(x), alone) and np.array_equal(function(x), alone)


@pytest.mark.parametrize("n", [1, 2, 7, 100, 4001])
def test_medians_are_numpys(n):
    x = 1e6 * np.random.default_rng(n).standard_cauchy((n, 3))
    assert np.array_equal(column_medians(x), np.median(x, axis=0))
    assert np.array_equal(column_medians(x), column_quantiles(x, [0.5])[0]) or n % 2 == 0


@pytest.mark.parametrize(
    "name",
    [
        "angular",
        "expected_shortfall",
        "extremal_dependence",
        "memorisation",
        "msle",
        "portfolio",
        "sliced_wasserstein",
        "sliced_wasserstein_bulk",
        "tail_coverage",
        "tail_direction",
        "tail_index",
        "tail_ks",
    ],
)
def test_metrics_are_the_same_together_and_alone(name):
    """To the bit, in whatever order: what one has left behind serves the next."""
    x, y, train = TABLES
    metric = registry.load("metrics", name)()
    given = {"train": train} if metric.needs_train else {}

    def values():
        return metric(x, y, None, np.random.default_rng(0), **given)

    alone = values()
    with shared_work(x, y):
        together = [values(), values()]
    for own in together:
        assert np.array_equal(list(own.values()), list(alone.values()), equal_nan=True)
