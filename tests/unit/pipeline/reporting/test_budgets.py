"""The table of what each method was given."""

import math

import pandas as pd
import pytest

from tailbench.models.sgm import SGM
from tailbench.pipeline.reporting.budgets import COLUMNS, budgets

CONFIG = {
    "methods": {"mine": {"type": "flow_sgm"}, "flow": {"type": "flow"}, "mvt": {"type": "mvt"}}
}
SPECS = {
    "losses": {
        "flow": [{"parameters": 100, "settings": {"train_steps": 10, "batch_size": 8}}],
        "sgm": [{"parameters": 40, "settings": {"train_steps": 30, "batch_size": 4}}],
        "mvt": [{"parameters": 7, "settings": {"nu": "auto"}}],
    }
}


@pytest.fixture
def table():
    rows = [
        ("losses", "mine", "sigma_T=1", seed, metric, 16, 3.0 + seed, 0.5, "flow+sgm")
        for seed in (0, 1)
        for metric in ("msle", "max_sw1")
    ]
    rows += [
        ("losses", "flow", "", 0, "msle", 1, 2.0, 0.1, "flow"),
        ("losses", "mvt", "", 0, "msle", 1, 0.1, 0.1, "mvt"),
        ("losses", "theirs", "", 0, "msle", 1, 0.0, 0.1, float("nan")),
        ("losses", "recorded", "", 0, "msle", 1, 0.0, 0.1, "flow+lim"),
    ]
    columns = ["dataset", "method", "variant", "seed", "metric", "nfe", "train_seconds"]
    metrics = pd.DataFrame(rows, columns=[*columns, "sample_seconds", "model"])
    return budgets(metrics, CONFIG, SPECS).set_index("method")


def test_it_sums_over_the_models_of_a_method(table):
    mine = table.loc["mine"]
    assert (mine["models"], mine["parameters"]) == ("flow, sgm", 140)
    assert mine["rows_seen"] == 10 * 8 + 30 * 4
    assert (mine["nfe"], mine["train_seconds"], mine["sample_seconds"]) == (16, 3.5, 0.5)
    assert mine["name"] == "mine, sigma_T = 1"


def test_what_is_not_trained_in_steps_has_no_rows_seen(table):
    assert math.isnan(table.loc["mvt", "rows_seen"]) and table.loc["mvt", "parameters"] == 7
    assert table.loc["theirs", "models"] == "" and table.loc["theirs", "parameters"] == 0


def test_of_models_that_another_run_has_trained_the_size_is_not_known(table):
    assert table.loc["recorded", "models"] == "flow, lim"
    assert table.loc["recorded", ["parameters", "rows_seen"]].isna().all()


def test_what_was_tuned_is_what_the_model_says(table):
    assert table.loc["mvt", "tuned"] == "nothing"
    assert SGM.tuning != "nothing" and "gmm" in SGM.tuning


def test_without_rows_it_has_its_columns():
    columns = ["dataset", "method", "variant", "nfe", "train_seconds", "sample_seconds", "model"]
    assert list(budgets(pd.DataFrame(columns=columns), {}, {}).columns) == COLUMNS
