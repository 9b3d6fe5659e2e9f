"""All use of Snakemake's private interfaces, written for the version ``WRITTEN_FOR``.

Snakemake has no public way to read how many GPUs a run was given, to know whether its jobs go to a
cluster, to set a default resource from a Snakefile, or to run without a limit of jobs per second. A
test runs these functions and compares the installed version: whoever upgrades Snakemake looks at
this file.
"""

from __future__ import annotations

import inspect
import tempfile
from typing import Any

__all__ = [
    "WRITTEN_FOR",
    "gpu_limit",
    "limit_cores",
    "limit_gpus",
    "on_cluster",
    "schedule_by_events",
    "set_tmpdir",
    "sign",
]

WRITTEN_FOR = "9.27"


def gpu_limit(workflow: Any) -> int | None:
    """Return the GPUs that a profile or ``--resources gpu=`` gives the run; ``None`` if neither."""
    return workflow.global_resources.get("gpu").value


def on_cluster(workflow: Any) -> bool:
    """Return whether an executor sends jobs to other machines."""
    return workflow.global_resources["_nodes"].value is not None


def limit_gpus(workflow: Any, count: int) -> None:
    """Hold the jobs that run at once to a number of GPUs."""
    workflow.register_resource("gpu", count)


def limit_cores(workflow: Any, count: int) -> None:
    """Hold the jobs of a group to a number of cores.

    ``profiles/default`` says "all cores of this machine", which do not count where jobs go to
    others.
    """
    workflow.register_resource("_cores", count)


def set_tmpdir(workflow: Any) -> None:
    """Set one folder for the temporary files of all jobs, unless the run has default resources.

    Snakemake's own default is an expression, which it evaluates for each job.
    """
    if workflow.resource_settings.default_resources is None:
        workflow.resource_settings.default_resources = {"tmpdir": tempfile.gettempdir()}


def schedule_by_events(workflow: Any) -> None:
    """Let the scheduler of a run look for jobs when one has ended, and not every second besides.

    For its limit of jobs per second Snakemake looks again a second after each look, and each job
    that ends adds a look of its own, which is repeated to the end: after half an hour Snakemake
    took a sixth of a core in a run of 421 jobs. Jobs on this machine need no such limit. To be
    called when the scheduler is there, ``onstart``.
    """
    workflow.scheduler.job_rate_limiter = None


def sign(function: Any) -> Any:
    """Store a function's signature, which Snakemake asks for up to three times at each call."""
    function.__signature__ = inspect.signature(function)
    return function
