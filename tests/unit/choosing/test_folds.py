"""Folds: each row is held out once, in blocks where the rows have an order."""

import numpy as np
import pytest

from tailbench.choosing.folds import blocked_folds, fold_count


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(("rows", "count"), [(10, 3), (503, 5), (7, 7)])
def test_folds_part_the_rows(rows, count, ordered):
    folds = blocked_folds(rows, count, ordered, np.random.default_rng(0))
    assert len(folds) == count
    assert np.array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(rows))
    for train, test in folds:
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(rows))
        assert (np.diff(train) > 0).all() and (np.diff(test) > 0).all()
        assert rows // count <= len(test) <= rows // count + 1
        if ordered:
            assert test[-1] - test[0] == len(test) - 1


def test_rows_without_order_are_held_out_at_random():
    one, again, other = (
        blocked_folds(100, 5, False, np.random.default_rng(seed))[0][1] for seed in (0, 0, 1)
    )
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert one[-1] - one[0] > 50  # 20 random rows of 100


def test_number_of_folds():
    assert [fold_count(rows) for rows in (120, 499, 500, 10**6)] == [3, 3, 5, 5]
