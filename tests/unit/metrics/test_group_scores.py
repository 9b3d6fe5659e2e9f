"""Scores by group, against the formula written out."""

import numpy as np
import pandas as pd
import pytest

from tailbench.exceptions import InputError
from tailbench.interfaces import MetricOutput
from tailbench.metrics.group_scores import costs, missing, scores

OUTPUTS = {
    "b1": MetricOutput("b1", group="bulk"),
    "b2": MetricOutput("b2", group="bulk", better="higher"),
    "m1": MetricOutput("m1", group="margins"),
    "m2": MetricOutput("m2", group="margins"),
    "m3": MetricOutput("m3", group="margins"),
    "copies": MetricOutput("copies", group="memorisation"),
}


def table(*rows, **columns):
    names = ["dataset", "method", "variant", "seed", "metric", "value", "floor"]
    return pd.DataFrame(rows, columns=names).assign(**columns)


def score_of(found, group, method="a", seed=0):
    (row,) = found.query("group == @group and method == @method and seed == @seed").to_dict(
        "records"
    )
    return row


def test_is_the_median_of_log_ratios_with_higher_is_better_turned():
    found = scores(
        table(
            ("d", "a", "", 0, "b1", 0.6, 0.2),
            ("d", "a", "", 0, "b2", 0.25, 0.5),
            ("d", "a", "", 0, "m1", 0.2, 0.1),
            ("d", "a", "", 0, "m2", 0.9, 0.1),
            ("d", "a", "", 0, "m3", 0.4, 0.1),
            ("d", "a", "", 0, "copies", 9.0, 0.1),
            ("d", "a", "", 0, "unheard of", 9.0, 0.1),
        ),
        OUTPUTS,
    )
    assert score_of(found, "bulk")["score"] == pytest.approx((np.log(3) + np.log(2)) / 2)
    assert score_of(found, "margins")["score"] == pytest.approx(np.log(4))
    assert list(found["group"]) == ["bulk", "margins"]
    assert list(found["used"]) == list(found["there"]) == [2, 3]


@pytest.mark.parametrize(
    ("value", "multiple"), [(0.0, 0.5), (1e-9, 0.5), (1e9, 100), (np.inf, 100), (-0.3, 0.5)]
)
def test_outputs_are_capped(value, multiple):
    found = scores(table(("d", "a", "", 0, "b1", value, 0.2)), OUTPUTS)
    assert score_of(found, "bulk")["score"] == pytest.approx(np.log(multiple))
    wide = scores(table(("d", "a", "", 0, "b1", 1e9, 0.2)), OUTPUTS, limits=(1, 7))
    assert score_of(wide, "bulk")["score"] == pytest.approx(np.log(7))


def test_a_higher_is_better_value_of_zero_is_the_worst():
    found = scores(table(("d", "a", "", 0, "b2", 0.0, 0.9)), OUTPUTS)
    assert score_of(found, "bulk")["score"] == pytest.approx(np.log(100))


def test_values_without_a_floor_are_left_out_and_missing_ones_are_counted():
    found = scores(
        table(
            ("d", "a", "", 0, "m1", 0.2, 0.1),
            ("d", "a", "", 0, "m2", np.nan, 0.1),
            ("d", "a", "", 0, "m3", 0.2, 0.0),
            ("d", "b", "", 0, "m1", 0.4, 0.1),
            ("d", "b", "", 0, "m2", 0.4, 0.1),
            ("d", "b", "", 0, "m3", 0.2, 0.0),
            ("d", "c", "", 0, "m1", np.nan, 0.1),
            ("e", "a", "", 0, "m1", 0.2, np.nan),
        ),
        OUTPUTS,
    )
    assert score_of(found, "margins")["score"] == pytest.approx(np.log(2))
    assert [score_of(found, "margins", m)["used"] for m in "ab"] == [1, 2]
    assert set(found["there"]) == {2}
    assert set(found["dataset"]) == {"d"} and "c" not in set(found["method"])


def test_cost_is_the_log_of_seconds_over_the_least():
    rows = [("d", m, "", s, "b1", 1.0, 1.0) for m in "abc" for s in (0, 1)]
    seconds = {"train_seconds": [0, 0, 6, 8, np.nan, np.nan], "sample_seconds": [2, 4, 2, 8, 0, 0]}
    metrics = table(*rows, **seconds, nfe=[1, 1, 50, 50, np.nan, np.nan])
    found = scores(metrics, OUTPUTS)
    cost = found[found["group"] == "cost"]
    assert list(cost["method"]) == ["a", "a", "b", "b"]
    assert list(cost["score"]) == pytest.approx([0, 0, np.log(4), np.log(4)])
    amounts = costs(metrics)
    assert amounts["seconds"].tolist()[:4] == [2, 4, 8, 16] and amounts["seconds"].isna().sum() == 2
    assert amounts["peak_memory_mb"].isna().all()


def test_what_is_missing_is_named():
    rows = [("d", "a", "", s, "b1", 1.0, 1.0) for s in (0, 1)]
    rows += [("d", "b", "x=1", 1, "b1", 1.0, 1.0), ("e", "b", "x=1", 0, "b1", 1.0, 1.0)]
    gaps = missing(scores(table(*rows), OUTPUTS))
    assert gaps[["group", "name", "dataset", "seed"]].to_numpy().tolist() == [
        ["bulk", "a", "e", 0],
        ["bulk", "b, x = 1", "d", 0],
    ]


def test_wrong_tables_are_refused():
    row = ("d", "a", "", 0, "b1", 0.6, 0.2)
    with pytest.raises(InputError, match="no column 'floor'"):
        scores(table(row).drop(columns="floor"), OUTPUTS)
    with pytest.raises(InputError, match="the metrics have d, a, 0, b1 twice"):
        scores(table(row, row), OUTPUTS)


def test_a_table_read_with_missing_variants_is_the_same(tmp_path):
    metrics = table(("d", "a", "", 0, "b1", 0.6, 0.2), ("d", "a", "", 1, "b1", 0.6, 0.2))
    metrics.to_csv(tmp_path / "m.csv", index=False)
    read = scores(pd.read_csv(tmp_path / "m.csv"), OUTPUTS)
    pd.testing.assert_frame_equal(read, scores(metrics, OUTPUTS), check_dtype=False)


def test_no_rows_give_no_scores():
    assert scores(table(), OUTPUTS).empty
