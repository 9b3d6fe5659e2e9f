"""Every part at toy size on the CPU: the code that a GPU runs, but for the sizes."""

import math

import pytest
from benchmarks.gpu.job import Options
from benchmarks.gpu.parts import ON_CPU, PARTS, TITLES, rehearsal
from benchmarks.gpu.records import Records
from benchmarks.gpu.runner import run_parts
from benchmarks.gpu.summary import PROJECTION, write_readme

pytestmark = pytest.mark.slow

EXPECTED = {
    "contract": lambda row: row.get("passed", 0) > 0 and "failed" not in row,
    "speed": lambda row: row["steps_per_second"] > 0 and row["samples_per_second"] > 0,
    "unet": lambda row: "refused" in row or 0 < row["share_of_measured_peak"] < 2,
    "benchmark": lambda row: row.get("seconds", 1) > 0 and math.isfinite(row.get("mean", 0)),
    "dlpm": lambda row: row["dataset"] == "alpha_stable" and math.isfinite(row["mean"]),
    "images": lambda row: row.get("fid_classifier", 1) > 0 and math.isfinite(row.get("loss", 0)),
    "cifar": lambda row: row.get("step_seconds", row.get("hours")) > 0,
    "large": lambda row: row.get("step_seconds", row.get("hours")) > 0,
    "rehearsal": lambda row: row["run"] in rehearsal.RUNS and row.get("same_samples", True),
    "theory": lambda row: 0 <= row["tv_50"] <= 1 and row["seconds"] > 0,
    "headline": lambda row: row["dataset"] == "student_100" and math.isfinite(row["mean"]),
    "projections": lambda row: row.get("step_seconds", row.get("hours", row.get("of"))) > 0,
}
"""What holds of every row."""


@pytest.mark.parametrize("name", TITLES)
def test_a_part_at_toy_size(name, tmp_path):
    options = Options("cpu", True, tmp_path / "records", tmp_path / "work", minutes=8.0)
    found = run_parts({name: (PARTS | ON_CPU)[name].module}, options)
    records = Records(options.output / f"{name}.jsonl")
    log = (tmp_path / "work" / f"{name}.log").read_text()
    assert found == {name: "finished"}, (records.end, log[-2000:])
    assert records.rows and all(EXPECTED[name](row) for row in records.rows), records.rows
    if name in ("cifar", "large", "projections"):
        assert any(row.get("what") == PROJECTION for row in records.rows)
    if name == "images":
        assert (options.output / "images.png").stat().st_size > 3000
    if name == "rehearsal":
        check_the_rehearsal(records)
    write_readme(options.output, TITLES)
    assert f"| `{name}` | finished |" in (options.output / "README.md").read_text()


def check_the_rehearsal(records):
    """Both presets came to their reports; the frozen denoiser was not trained, the flow was."""
    assert [row["run"] for row in records.rows if row.get("done")] == list(rehearsal.RUNS)
    for run in ("ffhq64", "imagenet512"):
        rules = {row["rule"] for row in records.rows if row["run"] == run and "rule" in row}
        wanted = {"data", "train", "sample", "floor", "evaluate", "collect", "tables", "report"}
        assert wanted | {"figure"} <= rules and ("features" in rules) == (run == "ffhq64")
        assert any(row["run"] == run and row.get("mean", -1) >= 0 for row in records.rows)
        assert any(row["run"] == run and row.get("report_kb", 0) > 50 for row in records.rows)
    seconds = {
        row["model"]: row["seconds"]
        for row in records.rows
        if row["run"] == "frozen" and "model" in row
    }
    assert seconds["sgm"] == 0.0 < seconds["tarflow"]
    assert any(row.get("same_samples") for row in records.rows)
