"""presets/dlpm-2d-long.yaml: the two tables of DLPM's authors, a block of 20 or 10 seeds a job."""

from __future__ import annotations

from typing import Any

from benchmarks.gpu.job import Job
from benchmarks.gpu.workflow import preset, run_workflow

__all__ = ["configuration", "run"]

METRICS = ("msle_official", "msle", "msle_norm", "f1_pr", "mode_weight_tv", "max_sw1")
TINY = {"train_steps": 2, "batch_size": 16, "width": 4, "num_blocks": 1}


def configuration() -> dict[str, Any]:
    """Return the preset, whose blocks have 20 seeds, and 10 more for the table of F1."""
    return preset("presets/dlpm-2d-long.yaml")


def run(job: Job) -> bool:
    """Run it."""
    config = configuration()
    return run_workflow(job, _tiny(config) if job.toy else config, METRICS, _targets(job))


def _targets(job: Job) -> list[str]:
    return ["metrics/alpha_stable/dlpm_1.7/0-1/metrics.csv"] if job.toy else []


def _tiny(config: dict) -> dict:
    """Return one method on few points, by the keys of the preset."""
    data = config["datasets"]["alpha_stable"]
    data |= {"n_train": 60, "n_test": 40, "seeds": ["0-1"], "methods": ["dlpm_1.7"]}
    model = config["models"]["dlpm_1.7"] | TINY
    return {
        "seeds": ["0-1"],
        "datasets": {"alpha_stable": data},
        "models": {"dlpm_1.7": model},
        "methods": {"dlpm_1.7": config["methods"]["dlpm_1.7"] | {"sampling_steps": 3}},
        "metrics": {"msle": {}},
    }
