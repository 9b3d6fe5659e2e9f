"""Every part at toy size on the CPU: the code that a GPU runs, but for the sizes."""

import math

import pytest
from benchmarks.gpu.job import Options
from benchmarks.gpu.parts import ON_CPU, PARTS, TITLES
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
    write_readme(options.output, TITLES)
    assert f"| `{name}` | finished |" in (options.output / "README.md").read_text()
