"""Profiles and Pareto fronts, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from tailbench.metrics.trade_offs import pareto, profiles

# method: floors on three data sets, seconds, evaluations
CELLS = {
    "cheap": ([4.0, 4.0, 4.0], 1.0, np.nan),
    "middle": ([2.0, 1.4, 3.0], 10.0, 1),
    "wasteful": ([2.0, 2.0, 3.0], 20.0, 2),
    "best": ([1.0, 1.1, 1.2], 50.0, 100),
    "tied": ([1.0, 1.1, 1.2], 50.0, 100),
}
KEYS = ["dataset", "method", "variant", "seed"]


@pytest.fixture
def tables():
    rows = [
        (f"d{d}", name, "", 0, name, "bulk", np.log(floor), seconds, nfe)
        for name, (floors, seconds, nfe) in CELLS.items()
        for d, floor in enumerate(floors)
    ]
    both = pd.DataFrame(rows, columns=[*KEYS, "name", "group", "score", "train_seconds", "nfe"])
    metrics = both[[*KEYS, "train_seconds", "nfe"]].assign(metric="sw1", value=1.0, floor=1.0)
    return metrics, both[[*KEYS, "name", "group", "score"]]


def test_profiles_count_cells(tables):
    found = profiles(tables[1], floors=(1, 1.5, 2, 3)).set_index(["name", "floors"])["share"]
    assert found["middle"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert found["cheap"].tolist() == [0, 0, 0, 0]
    assert found["best"].tolist() == pytest.approx([1 / 3, 1, 1, 1])


def test_a_missing_cell_is_not_within(tables):
    scores = tables[1].query("not (name == 'best' and dataset == 'd2')")
    found = profiles(scores, floors=(3,)).set_index("name")
    assert found.loc["best", ["share", "cells", "missing"]].tolist() == pytest.approx([2 / 3, 3, 1])


def test_the_front_has_what_nothing_beats_in_both(tables):
    found = pareto(*tables)
    assert set(found["cost"]) == {"seconds", "nfe"}  # nobody's memory is known
    front = found[found["front"]].groupby("cost")["name"].agg(set)
    assert front["seconds"] == {"cheap", "middle", "best", "tied"}
    assert front["nfe"] == {"middle", "best", "tied"}
    assert "cheap" not in set(found.loc[found["cost"] == "nfe", "name"])
    row = found.query("name == 'middle' and cost == 'seconds'").iloc[0]
    assert row["amount"] == 10
    assert row["iqm"] == pytest.approx(np.log([2, 1.4, 3]).mean())


def test_names_are_labels_alone(tables):
    names = dict(zip(CELLS, reversed(CELLS), strict=True))
    metrics, scores = tables
    turned = pareto(
        metrics.assign(method=metrics["method"].map(names)),
        scores.assign(method=scores["method"].map(names), name=scores["name"].map(names)),
    )
    before = pareto(metrics, scores)
    fronts = [t[t["front"]].groupby("cost")["name"].agg(set) for t in (before, turned)]
    for cost, front in fronts[0].items():
        assert {names[name] for name in front} == fronts[1][cost]


def test_who_lacks_a_cell_is_neither_on_the_front_nor_drives_others_off(tables):
    metrics, scores = tables
    scores = scores.query("not (name in ['best', 'tied'] and dataset == 'd0')")
    found = pareto(metrics, scores).query("cost == 'seconds'").set_index("name")
    assert not found.loc["best", "front"] and found.loc["best", "missing"] == 1
    assert found.loc["middle", "front"]
