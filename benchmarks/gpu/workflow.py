"""A configuration run by Snakemake in the workspace of a part; its cells are recorded singly."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import yaml
from benchmarks.gpu.job import Job
from benchmarks.gpu.machine import ROOT

__all__ = ["preset", "run_workflow"]

POLL = 5.0
MOST_JOBS = 8


def preset(name: str) -> dict[str, Any]:
    """Read a configuration of the repository, such as ``presets/headline.yaml``."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def run_workflow(
    job: Job, configuration: Mapping[str, Any], metrics: Sequence[str], targets: Sequence[str] = ()
) -> bool:
    """Run a configuration, and record the metrics of each cell when it is there.

    What the workspace has from a run before is not made again.

    Args:
        job: The part.
        configuration: The configuration; its name and device are those of the part.
        metrics: Names of the values to record.
        targets: Files to make, below the folder of the results; all if there are none.

    Returns:
        Whether all cells are there.

    Raises:
        RuntimeError: If a job of the workflow failed; names the log.
    """
    name = f"gpu-{job.name}"
    config = {**configuration, "name": name, "device": job.device}
    (job.folder / "config.json").write_text(json.dumps(config))
    results = job.folder / "results" / name
    log = job.folder / "snakemake.log"
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--configfile", "config.json", "--cores", str(min(os.cpu_count() or 1, MOST_JOBS))),
        *(f"results/{name}/{target}" for target in targets),
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with log.open("w") as printed:
        process = subprocess.Popen(
            command,
            cwd=job.folder,
            env={**os.environ, "PATH": path},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        while True:
            try:
                process.wait(POLL)
            except subprocess.TimeoutExpired:
                _record_cells(job, results, metrics)
            else:
                break
    _record_cells(job, results, metrics)
    if process.returncode:
        said = log.read_text(errors="replace").strip().splitlines()
        raise RuntimeError(f"the workflow failed ({log}): {said[-1] if said else ''}")
    return True


def _record_cells(job: Job, results: Path, metrics: Sequence[str]) -> None:
    """Record the cells that are not recorded yet."""
    for path in sorted((results / "metrics").glob("*/*/*/metrics.csv")):
        dataset, method, block = path.parts[-4:-1]
        for row in _cell(path, metrics):
            cell = {"dataset": dataset, "method": method, "seeds": block}
            if not job.has(**cell, variant=row["variant"], metric=row["metric"]):
                job.add(**cell, **row)


def _cell(path: Path, metrics: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield mean and standard deviation over the seeds of each variant and metric."""
    values: dict[tuple[str, str], list[float]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["metric"] in metrics and row["value"]:
                values.setdefault((row["variant"], row["metric"]), []).append(float(row["value"]))
    for (variant, metric), found in values.items():
        deviation = stdev(found) if len(found) > 1 else None
        yield {"variant": variant, "metric": metric, "mean": fmean(found), "std": deviation}


def seconds_by_rule(job: Job) -> dict[str, float]:
    """Return the wall seconds of all jobs by rule, as Snakemake has measured them."""
    folder = job.folder / "results" / f"gpu-{job.name}" / "benchmarks"
    total: dict[str, float] = {}
    for path in sorted(folder.rglob("*.tsv")):
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        with path.open(newline="") as file:
            rows = csv.DictReader(file, delimiter="\t")
            total[rule] = total.get(rule, 0.0) + sum(float(row["s"]) for row in rows)
    return total
