"""A plan in numbers and as plain data, for the command line, the tests and the report."""

from __future__ import annotations

from typing import Any

from tailbench.pipeline.planning.plan import Plan

__all__ = ["describe", "stages"]


def stages(plan: Plan) -> dict[str, int]:
    """Count the jobs of each stage of a plan, from an empty folder."""
    config, cells = plan.config, len(plan.cells())
    blocks = {dataset: len(plan.blocks_on(dataset)) for dataset in config.datasets}
    data = sum(blocks.values())
    spaces = [space for d, count in blocks.items() for space in count * plan.features.spaces(d)]
    features = {"classifier": spaces.count("classifier"), "features": len(spaces)}
    remote = sum(bool(plan.inputs.fetched(dataset)) for dataset in config.datasets)
    theory = {"theory": len(plan.experiments.cells()), "claims": len(config.theory)}
    theory = {name: jobs for name, jobs in theory.items() if jobs}
    if not config.datasets:
        return {**theory, "collect": 1, "report": 1, "finish": 1}
    return {
        **({"fetch": remote} if remote else {}),
        "data": data,
        "train": len(plan.trainings()),
        "sample": cells,
        **{name: jobs for name, jobs in features.items() if jobs},
        "evaluate": cells + data,
        "collect": 1,
        "tables": 1,
        "figure": len(config.figures),
        **theory,
        "report": 1,
        "finish": 1,
    }


def describe(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data, for the report."""
    jobs = stages(plan)
    return {
        "stages": [{"name": name, "jobs": count} for name, count in jobs.items()],
        "models": {
            name: {"type": entry.type, "base": plan.base_model(name)}
            for name, entry in plan.models.items()
        },
        "methods": {
            name: {"type": entry.type, "models": plan.models_of(name)}
            for name, entry in plan.config.methods.items()
        },
        "cells": [[cell.dataset, cell.method, cell.block] for cell in plan.cells()],
        "theory": [list(cell) for cell in plan.experiments.cells()],
    }
