"""The experiment ``sample_size`` of presets/theory-large.yaml, a row for each of its cells."""

from __future__ import annotations

import time
from statistics import fmean

from benchmarks.gpu.job import Job
from benchmarks.gpu.summary import PROJECTION
from benchmarks.gpu.workflow import preset

from tailbench.theory.sample_size.experiment import SampleSize

__all__ = ["run"]

TOY = {
    "dims": (2, 3), "sizes": (50, 60, 70), "seeds": 2, "width": 4, "steps": 2, "batch_size": 16,
    "points": 100,
}  # fmt: skip


def run(job: Job) -> bool:
    """Compute the cells that are not recorded, small dimensions first.

    A cell that is not likely to end in time is projected from the one before, by the dimension.
    """
    given = TOY if job.toy else preset("presets/theory-large.yaml")["theory"]["sample_size"]
    experiment = SampleSize(**given)
    cells = sorted(experiment.cells().items(), key=lambda cell: cell[1]["dim"])
    job.records.drop_rows(what=PROJECTION)
    late = False
    for name, spec in cells:
        if job.has(cell=name):
            continue
        known = [row for row in job.records.rows if "cell" in row]
        expected = known[-1]["seconds"] * spec["dim"] / known[-1]["dim"] if known else 0.0
        if late := late or expected > job.left():
            by = f"{expected:.3g} s, by cell {known[-1]['cell']} and the dimension"
            job.add(what=PROJECTION, name=f"sample_size, {name}", hours=expected / 3600, by=by)
            continue
        begin = time.perf_counter()
        rows = [row for row in experiment.measure(spec, job.device) if row["quantity"] == "tv"]
        seconds = time.perf_counter() - begin
        by = {size: [row["value"] for row in rows if row["size"] == size] for size in spec["sizes"]}
        means = {f"tv_{size}": fmean(values) for size, values in by.items()}
        job.add(cell=name, dim=spec["dim"], seconds=seconds, **means)
    return not late
