"""The default benchmark, config.yaml, from data to report."""

from __future__ import annotations

from benchmarks.gpu.job import Job
from benchmarks.gpu.workflow import preset, run_workflow, seconds_by_rule

__all__ = ["run"]

METRICS = ("max_sw1", "msle", "msle_norm", "tail_index_error_moment")
TOY = {
    "seeds": ["0"],
    "datasets": {"alpha_stable": {"n_train": 80, "n_test": 50}},
    "models": {"bootstrap": {}},
    "methods": {"bootstrap": {}},
    "metrics": {"msle": {}},
}


def run(job: Job) -> bool:
    """Run it, and record the seconds of its jobs by rule besides."""
    config = TOY if job.toy else preset("config.yaml")
    whole = run_workflow(job, config, METRICS, ["metrics.csv"] if job.toy else [])
    for rule, seconds in seconds_by_rule(job).items():
        job.add(rule=rule, seconds=seconds)
    return whole
