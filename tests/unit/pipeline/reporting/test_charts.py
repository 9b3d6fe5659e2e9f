"""Places of marks, ticks and labels, against the scales they stand for."""

import math

import numpy as np
import pandas as pd
import pytest

from tailbench.pipeline.reporting.charts import HEIGHT, WIDTH, charts, log_ticks, place_labels
from tailbench.pipeline.reporting.leaderboard import Leaderboard

METRICS = {"sw1": "bulk", "msle": "margins", "chi95_error": "joint"}
COLUMNS = ["dataset", "method", "variant", "seed", "metric", "value", "floor", "train_seconds"]


def board(floors, seeds=6, seconds=(1.0, 10.0, 100.0)):
    rng = np.random.default_rng(0)
    rows = [
        ("d", *name.partition("/")[::2], s, metric, 0.1 * x * np.exp(0.02 * rng.normal()), 0.1, t)
        for (name, x), t in zip(floors.items(), seconds, strict=False)
        for s in range(seeds)
        for metric in METRICS
    ]
    table = pd.DataFrame(rows, columns=COLUMNS).assign(sample_seconds=0.0, nfe=1.0)
    return Leaderboard(table.assign(peak_memory_mb=1.0))


def test_dots_lie_where_their_values_are():
    found = charts(board({"a": 1.0, "b": 4.0, "c": 16.0}), ["a", "b", "c"])
    assert [chart["title"] for chart in found] == ["bulk", "margins' tails", "joint tails"]
    for chart in found:
        dots = {row["name"]: row["dot"] for row in chart["rows"]}
        assert list(dots) == ["a", "b", "c"]
        # a logarithmic scale: equal factors are equal distances
        assert dots["b"] - dots["a"] == pytest.approx(dots["c"] - dots["b"], abs=1.5)
        assert dots["a"] == pytest.approx(chart["floor"], abs=2)
        for row in chart["rows"]:
            assert 0 <= row["left"] <= row["dot"] <= row["left"] + row["width"] <= 100
        assert all(0 <= tick["at"] <= 100 for tick in chart["ticks"])
        assert chart["more"] == 0 and not chart["few"]


def test_the_front_is_what_nobody_beats():
    cheap_and_good = charts(board({"a": 4.0, "b": 2.0, "c": 3.0}), ["a", "b", "c"])
    for chart in cheap_and_good:
        points = chart["pareto"]["points"]
        assert [p["front"] for p in sorted(points, key=lambda p: p["method"])] == [
            True,
            True,
            False,
        ]
        assert {label["text"] for label in chart["pareto"]["labels"]} == {"a", "b"}
        xs = [p["x"] for p in sorted(points, key=lambda p: p["method"])]
        assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.3)
        assert all(0 < p["x"] < WIDTH and 0 < p["y"] < HEIGHT for p in points)


def test_a_sweep_has_one_row_its_best():
    found = charts(board({"a/s=1": 8.0, "a/s=2": 2.0, "b": 4.0}), ["a", "b"])
    for chart in found:
        assert [row["name"] for row in chart["rows"]] == ["a, s = 2", "b"]
        assert len(chart["pareto"]["points"]) == 3


def test_few_seeds_have_no_rank_and_many_methods_are_counted():
    many = {f"m{i}": 1.0 + i for i in range(15)}
    found = charts(board(many, seeds=2, seconds=[1.0] * 15), list(many))
    assert all(chart["few"] and chart["more"] == 3 and len(chart["rows"]) == 12 for chart in found)


@pytest.mark.parametrize("ends", [(0.9, 1.3), (0.5, 80), (1e-3, 1e7), (0.02, 0.03)])
def test_ticks_are_few_round_and_inside(ends):
    ticks = log_ticks(*ends)
    assert len(ticks) <= 5
    for value, text in ticks:
        assert ends[0] <= value <= ends[1]
        assert float(text) == pytest.approx(value)
        assert round(value / 10.0 ** math.floor(math.log10(value) + 1e-9), 6) in (1, 2, 3, 5)


def test_labels_never_cover_each_other():
    rng = np.random.default_rng(0)
    points = [(x, y, f"method_{i}") for i, (x, y) in enumerate(rng.uniform(40, 190, (30, 2)))]
    placed = place_labels(points)
    assert 3 <= len(placed) < 30
    boxes = [(p["x"], p["y"] - 12, p["x"] + 6.1 * len(p["text"]), p["y"]) for p in placed]
    for i, a in enumerate(boxes):
        assert a[0] >= 0 and a[2] <= WIDTH
        for b in boxes[i + 1 :]:
            assert (
                a[2] <= b[0] + 0.1 or b[2] <= a[0] + 0.1 or a[3] <= b[1] + 0.1 or b[3] <= a[1] + 0.1
            )
    crowd = [(x, 60.0) for x in range(35, WIDTH, 4)]
    assert place_labels([(100.0, 60.0, "a_name")], crowd)[0]["y"] != 64.0
