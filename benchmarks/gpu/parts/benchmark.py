"""The default benchmark, config.yaml, from data to report."""

from __future__ import annotations

from benchmarks.gpu.job import Job
from benchmarks.gpu.workflow import costs_by_rule, preset, results_of, run_workflow

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
    """Run it, and record what its jobs took by rule besides."""
    config = TOY if job.toy else preset("config.yaml")
    whole = run_workflow(job, config, METRICS, ["metrics.csv"] if job.toy else [])
    for rule, cost in costs_by_rule(results_of(job)).items():
        job.add(rule=rule, **cost)
    return whole
