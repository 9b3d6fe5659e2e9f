"""The leaderboard on a terminal and as sections, from tables with known answers."""

import numpy as np
import pandas as pd
import pytest

from tailbench.pipeline.reporting.leaderboard import Leaderboard
from tailbench.pipeline.results.reader import ResultsReader

METRICS = {"sw1": "bulk", "msle": "margins", "chi95_error": "joint"}
COLUMNS = ["dataset", "method", "variant", "seed", "metric", "value", "floor", "train_seconds"]


def made_up(floors, seeds=6, datasets=3):
    rng = np.random.default_rng(0)
    rows = [
        (f"set{d}", name, "", s, metric, 0.1 * floor * np.exp(0.1 * rng.normal()), 0.1, 1.0 + i)
        for d in range(datasets)
        for i, (name, floor) in enumerate(floors.items())
        for s in range(seeds)
        for metric in METRICS
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(sample_seconds=0.0)


def test_the_text_is_at_most_80_columns_wide(fabricated):
    few = Leaderboard(ResultsReader(fabricated).metrics).text()
    name = "a_method_with_a_name_that_does_not_fit_into_one_line"
    many = Leaderboard(made_up({name: 1.0, **{f"m{i}": 1.0 + i for i in range(9)}}, 5)).text()
    for text in (few, many):
        assert max(map(len, text.splitlines())) <= 80
    assert few.count("not enough seeds to rank") == 3
    assert "told apart" not in few


def test_the_text_has_the_verdicts_and_the_first_of_each_group():
    board = Leaderboard(made_up({"a": 1.0, "b": 3.0, "c": 9.0, "d": 30.0}))
    text = board.text()
    flat = " ".join(text.split())
    for sentence in board.verdicts["sentence"]:
        assert sentence in flat
    for head in ("bulk", "margins' tails", "joint tails"):
        block = text.partition(f"\n{head}, in floors (95 % interval)\n")[2].splitlines()[:3]
        assert [line.split()[:2] for line in block] == [["1", "a"], ["2", "b"], ["3", "c"]]
        assert [line.split()[-1] for line in block] == ["a", "b", "c"]
    assert text.endswith("Methods that share a letter cannot be told apart.")


def test_sections_say_how_pairs_were_compared_and_what_is_missing():
    metrics = made_up({"a": 1.0, "b": 3.0})
    metrics = metrics.query("not (method == 'b' and dataset == 'set1' and seed < 2)")
    found = {section["group"]: section for section in Leaderboard(metrics).sections()}
    assert list(found) == ["bulk", "margins", "joint", "cost"]
    assert found["joint"]["gaps"] == {"b": "set1 (seeds 0, 1)"}
    assert found["cost"]["scale"] == "multiple of the cheapest"
    rows = {row["name"]: row for row in found["bulk"]["rows"]}
    assert rows["a"]["times"] == pytest.approx(1, abs=0.1)
    assert rows["a"]["from"] < rows["a"]["times"] < rows["a"]["to"]
    assert np.isnan(rows["b"]["from"])
    wide = Leaderboard(made_up({"a": 1.0, "b": 3.0}, datasets=6)).sections()[0]
    assert wide["test"] == "Wilcoxon's signed rank test of the means of 6 datasets"
    one = Leaderboard(made_up({"a": 1.0, "b": 3.0}, datasets=1)).sections()[0]
    assert one["test"].endswith("which speaks of this dataset alone")


def test_nothing_gives_no_text(fabricated):
    metrics = ResultsReader(fabricated).metrics
    assert Leaderboard(metrics.head(0)).text() == ""
    assert Leaderboard(metrics.head(0)).sections() == []
