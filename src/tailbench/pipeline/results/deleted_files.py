"""Which files of a run that had ended are no longer there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.results import layout as names

__all__ = ["deleted_files", "planned_files"]


def planned_files(plan: Plan) -> Iterator[tuple[str, Iterable[str]]]:
    """List what the jobs of a plan write, but for the last two, as folders with the names in them.

    Args:
        plan: The plan.
    """
    layout = plan.layout
    for dataset in plan.config.datasets:
        for path in plan.inputs.fetched(dataset):
            yield str(Path(path).parent), [Path(path).name]
        for block in plan.blocks_on(dataset):
            yield layout.data(dataset, block), names.DATA_FILES
            yield layout.metrics(dataset, "floor", block), names.METRIC_FILES
            features = layout.features(dataset, block)
            for space in plan.features.spaces(dataset):
                yield names.space_folder(features, space), names.FEATURE_FILES
                if space == "classifier":
                    yield names.classifier_folder(features), names.CLASSIFIER_FILES
    for training in plan.trainings():
        yield layout.model(*training), names.MODEL_FILES
    for cell in plan.cells():
        yield layout.samples(cell.dataset, cell.method, cell.block), names.SAMPLE_FILES
        yield layout.metrics(cell.dataset, cell.method, cell.block), names.METRIC_FILES
    for experiment, part in plan.experiments.cells():
        yield layout.cell(experiment, part), names.CELL_FILES
    for experiment in plan.config.theory:
        yield layout.theory(experiment), names.CLAIMS_FILES
    yield layout.root, [*names.COLLECTED, *(["tables"] if plan.config.datasets else [])]
    yield layout.figures, plan.config.figures


def deleted_files(plan: Plan) -> list[str]:
    """List what a run that had ended has written and what is no longer there.

    Snakemake does not ask for files that lie between others which are there: it would not notice
    that somebody has deleted samples whose metrics are known.

    Args:
        plan: The plan.

    Returns:
        The paths; none if no run has ended yet, which leaves all to the usual rules.
    """
    if not Path(plan.layout.metrics_table).is_file():
        return []
    found = []
    for folder, files in planned_files(plan):
        there = _names(folder)
        found += [f"{folder}/{name}" for name in files if name not in there]
    return found


def _names(folder: str) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return set()
