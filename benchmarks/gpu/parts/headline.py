"""The rows of presets/headline.yaml in 100 dimensions, each training ten times as long as there."""

from __future__ import annotations

from typing import Any

from benchmarks.gpu.job import Job
from benchmarks.gpu.workflow import preset, run_workflow

__all__ = ["configuration", "run"]

LONGER = 10
DATASETS = ("student_100", "gmm_100")
METRICS = ("max_sw1", "max_sw2", "max_sw2_bulk", "msle", "msle_norm", "tail_index_error_norm")


def configuration() -> dict[str, Any]:
    """Return the two data sets with all methods of the preset, and its budget times ten."""
    config = preset("presets/headline.yaml")
    config["datasets"] = {name: config["datasets"][name] for name in DATASETS}
    for model in config["models"].values():
        model["train_steps"] = LONGER * model["train_steps"]
    return config


def run(job: Job) -> bool:
    """Run the two data sets with all methods of the preset."""
    config = configuration()
    return run_workflow(job, _tiny(config) if job.toy else config, METRICS, _targets(job))


def _targets(job: Job) -> list[str]:
    return ["metrics/student_100/sgm/0/metrics.csv"] if job.toy else []


def _tiny(config: dict) -> dict:
    """Return one method on few points, by the keys of the preset."""
    data = config["datasets"]["student_100"] | {"n_train": 60, "n_test": 40, "dim": 3}
    model = config["models"]["sgm"] | {"train_steps": 2, "batch_size": 16, "width": 4}
    return {
        "seeds": ["0"],
        "datasets": {"student_100": data},
        "models": {"sgm": model},
        "methods": {"sgm": config["methods"]["sgm"] | {"sampling_steps": 3}},
        "metrics": {"msle": {}},
    }
