"""Tables say what the metrics say, and admit what they cannot."""

import io
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tailbench.exceptions import InputError
from tailbench.interfaces import MetricOutput
from tailbench.pipeline.reporting import tables
from tailbench.pipeline.results.reader import ResultsReader

OUTPUTS = {"max_sw1": MetricOutput("max-sliced $W_1$"), "f1_pr": MetricOutput("F1", "higher")}


def tidy(values, dataset="d", metric="max_sw1", floor=0.1):
    rows = [
        (dataset, *method.partition("/")[::2], seed, metric, value, floor)
        for method, series in values.items()
        for seed, value in enumerate(series)
    ]
    return pd.DataFrame(rows, columns=list(tables.COLUMNS))


def test_summary_averages_over_seeds():
    table = tables.summary(tidy({"a": [1.0, 2.0, 3.0], "b": [1.0, 1.0, 1.0]}), OUTPUTS)
    a, b = table.to_dict("records")
    assert (a["mean"], a["std"], a["n"]) == (2.0, 1.0, 3)
    assert a["ratio"] == pytest.approx(20.0)
    assert not a["best"]
    assert b["best"]


def test_best_follows_the_metrics_direction():
    table = tables.summary(tidy({"a": [0.9], "b": [0.5]}, metric="f1_pr"), OUTPUTS)
    assert list(table.loc[table["best"], "method"]) == ["a"]


def test_variants_of_a_method_are_apart_and_named_for_readers():
    table = tables.summary(tidy({"a/s=1": [1.0], "a/s=2,t=3": [2.0], "b": [3.0]}), OUTPUTS)
    assert list(table["name"]) == ["a, s = 1", "a, s = 2, t = 3", "b"]
    assert list(table["variant"]) == ["s=1", "s=2,t=3", ""]


def test_a_method_that_diverges_on_a_seed_is_never_best():
    table = tables.summary(tidy({"a": [0.1, math.nan], "b": [0.5, 0.5], "c": [0.2]}), OUTPUTS)
    by = table.set_index("method")
    assert by.loc["a", "n"] == 1
    assert by.loc["a", "seeds"] == 2
    assert by.loc["a", "mean"] == 0.1
    assert list(table.loc[table["best"], "method"]) == ["b"]


def test_infinite_values_are_left_out_of_means():
    table = tables.summary(tidy({"a": [math.inf, 1.0], "b": [2.0, 2.0]}), OUTPUTS)
    assert table.loc[0, "mean"] == 1.0
    assert table.loc[1, "best"]


def test_a_floor_of_zero_gives_no_ratio():
    assert math.isnan(tables.summary(tidy({"a": [1.0]}, floor=0.0), OUTPUTS).loc[0, "ratio"])


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match="no column 'floor'"):
        tables.summary(tidy({"a": [1.0]}).drop(columns="floor"), OUTPUTS)


def test_paired_interval_covers_the_mean_difference():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=30)
    table = tables.paired(
        tidy({"a": shared, "b": shared + 0.5 + 0.1 * rng.normal(size=30)}), outputs=OUTPUTS
    )
    (row,) = table.to_dict("records")
    assert (row["best"], row["method"], row["n"]) == ("a", "b", 30)
    assert row["low"] < row["difference"] < row["high"]
    assert row["difference"] == pytest.approx(0.5, abs=0.1)
    assert row["high"] - row["low"] < 0.15  # far narrower than the spread of either method
    assert row["excludes_zero"]
    assert row["note"] == ""


def test_paired_is_signed_by_how_much_worse():
    table = tables.paired(tidy({"a": [0.9, 0.8], "b": [0.5, 0.7]}, metric="f1_pr"), outputs=OUTPUTS)
    (row,) = table.to_dict("records")
    assert row["difference"] == pytest.approx(0.25)
    assert row["wins"] == 2


def test_few_seeds_are_admitted():
    one = tables.paired(tidy({"a": [1.0], "b": [2.0]}), outputs=OUTPUTS).iloc[0]
    assert math.isnan(one["low"])
    assert not one["excludes_zero"]
    assert "no interval" in one["note"]
    three = tables.paired(tidy({"a": [1.0, 1, 1], "b": [2.0, 3, 5]}), outputs=OUTPUTS).iloc[0]
    assert (three["low"], three["high"]) == (1.0, 4.0)  # the range, as the note says
    assert "one time in 4" in three["note"]
    five = tables.paired(tidy({"a": [0.0] * 5, "b": [1.0] * 5}), outputs=OUTPUTS).iloc[0]
    assert "too narrow" in five["note"]


def test_paired_uses_common_seeds_only():
    table = tables.paired(tidy({"a": [1.0, 1.0, 1.0], "b": [2.0, math.nan, 2.0]}), outputs=OUTPUTS)
    assert table.iloc[0]["n"] == 2


def test_paired_does_not_depend_on_chance():
    of = tidy({"a": [1.0, 2, 3, 4, 5], "b": [2.0, 2, 4, 5, 5]})
    pd.testing.assert_frame_equal(
        tables.paired(of, outputs=OUTPUTS), tables.paired(of, outputs=OUTPUTS)
    )


def test_one_method_has_nothing_to_be_compared_with():
    table = tables.paired(tidy({"a": [1.0, 2.0]}), outputs=OUTPUTS)
    assert table.empty
    assert "excludes_zero" in table.columns


def test_leaderboard_keeps_the_order_of_the_metrics_file():
    of = pd.concat([tidy({"z": [1.0], "a": [2.0]}), tidy({"z": [0.5]}, metric="f1_pr")])
    wide = tables.leaderboard(tables.summary(of, OUTPUTS), "d")
    assert list(wide.index) == ["z", "a"]
    assert list(wide.columns) == ["max_sw1", "f1_pr"]
    assert math.isnan(wide.loc["a", "f1_pr"])


def test_missing_cells_are_found_by_seed():
    of = tidy({"a/s=1": [1.0, 2.0], "b": [1.0]})
    cells = [["d", "a", "0-1"], ["d", "b", "0-1"], ["d", "c", "0"]]
    failure = {"cell": cells[2], "job": "train c", "reason": "the loss is nan", "log": "logs/c.log"}
    table = tables.missing_rows({"cells": cells, "failures": [failure]}, of)
    assert table.to_dict("records") == [
        {
            "dataset": "d",
            "method": "b",
            "seeds": "0-1",
            "reason": "not run",
            "log": "",
        },
        {
            "dataset": "d",
            "method": "c",
            "seeds": "0",
            "reason": "train c failed: the loss is nan",
            "log": "logs/c.log",
        },
    ]
    assert tables.missing_rows({}, of).empty


def printed(metrics, width=80):
    from rich.console import Console

    console = Console(width=width, file=io.StringIO())
    console.print(tables.terminal_summary(metrics))
    return console.file.getvalue()


def test_terminal_summary_fits_80_columns(fabricated):
    text = printed(ResultsReader(fabricated).metrics)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("flow_sgm sigma_T=auto" in line and "×)" in line for line in lines)
    assert "2/3" in text
    assert "…" not in text


def test_terminal_summary_has_the_metrics_that_there_are(fabricated):
    metrics = ResultsReader(fabricated).metrics
    own = metrics[metrics["metric"] == "es99_error"].assign(metric="mine")
    text = printed(own)
    assert "mine" in text.splitlines()[1]
    assert "finite on" not in text


def test_directions_load_no_torch():
    code = (
        "import sys; from tailbench.pipeline.reporting import tables; found = tables.directions();"
        "assert found['max_sw1'].better == 'lower' and found['f1_pr'].better == 'higher';"
        "assert 'torch' not in sys.modules and 'ot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_key_metrics_never_mix_feature_spaces():
    every = ["sw1", "fid_classifier", "fid_inception", "max_sw1", "msle"]
    assert tables.key_metrics(every) == ["fid_inception", "max_sw1", "msle"]
    assert tables.key_metrics(every[:2]) == ["fid_classifier"]
    assert tables.key_metrics(["a", "b", "a", "c", "d"]) == ["a", "b", "c"]
