"""Metrics of several runs as one table."""

import numpy as np
import pandas as pd
import pytest

from tailbench.exceptions import InputError
from tailbench.metrics.merging import merge_metrics

COLUMNS = ["dataset", "method", "variant", "seed", "metric", "value", "floor"]


def run(method="a", value=0.5, floor=0.1, seed=0, **columns):
    return pd.DataFrame([("d", method, "", seed, "msle", value, floor)], columns=COLUMNS).assign(
        **columns
    )


def test_rows_of_all_runs_in_their_order_with_the_columns_of_any():
    found = merge_metrics({"x": run("a"), "y": run("b", nfe=3), "z": run("b", seed=1, floor=0.2)})
    assert list(found["method"]) == ["a", "b", "b"]
    assert list(found.columns) == [*COLUMNS, "nfe"]
    assert found["nfe"].isna().tolist() == [True, False, True]


def test_an_equal_value_is_kept_once():
    again = run(value=0.5 * (1 + 1e-12), floor=0.1 * (1 - 1e-12))
    assert len(merge_metrics({"x": run(), "y": again})) == 1
    gaps = {"x": run(value=np.nan, floor=np.nan), "y": run(value=np.nan, floor=np.nan)}
    assert len(merge_metrics(gaps)) == 1


def test_texts_for_numbers_are_refused_by_file_and_row():
    table = pd.concat([run(), run(seed=1)], ignore_index=True).astype({"value": object})
    table.loc[1, "value"] = "n/a"
    message = r"column 'value' of y\.csv is not numeric, with 'n/a' in row 2"
    with pytest.raises(InputError, match=message):
        merge_metrics({"x.csv": run(), "y.csv": table})
    empty = run().iloc[:0].astype(object)  # as pandas reads a file of a header alone
    assert len(merge_metrics({"x.csv": run(), "y.csv": empty})) == 1


def test_other_data_are_refused():
    message = (
        r"the floor of dataset d, seed 0, metric msle is 0\.1 in x\.csv and 0\.11 in y\.csv: "
        "the runs are not of the same data"
    )
    with pytest.raises(InputError, match=message):
        merge_metrics({"x.csv": run("a"), "y.csv": run("b", floor=0.11)})
    with pytest.raises(InputError, match="floor of dataset d"):
        merge_metrics({"x": run("a"), "y": run("b", floor=np.nan)})


def test_two_values_of_one_cell_are_refused():
    message = r"the value of dataset d, method a, seed 0, metric msle is 0\.5 in x and 0\.6 in y$"
    with pytest.raises(InputError, match=message):
        merge_metrics({"x": run(), "y": run(value=0.6)})


def test_a_table_without_a_column_is_named():
    with pytest.raises(InputError, match="y has no column 'floor'"):
        merge_metrics({"x": run(), "y": run().drop(columns="floor")})
