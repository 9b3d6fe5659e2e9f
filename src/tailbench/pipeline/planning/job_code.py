"""Which modules compute the numbers of a job, for its digest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tailbench.pipeline.planning.code_digest import FORMATS, REPORTING, RUNTIME, digest
from tailbench.registry import method_types, module_of, source_kind

if TYPE_CHECKING:
    from tailbench.pipeline.planning.plan import Plan

__all__ = ["job_digest"]

SHOWN = ("collect", "tables", "figure", "report", "claims", "finish")
"""Stages that compute nothing: what they show depends on the code of the pipeline."""


def job_digest(plan: Plan, stage: str, name: str | None = None, dataset: str | None = None) -> str:
    """Return the digest of the code of a job.

    Args:
        plan: The plan.
        stage: Name of the stage.
        name: What the job is about: a dataset, a model, a method, a figure or an experiment.
        dataset: The dataset that a model is trained on or a method sampled.
    """
    if stage in SHOWN:
        modules = [f"tailbench.pipeline.stages.{stage}", *_shown(plan, stage, name)]
        return digest(modules, REPORTING, FORMATS[stage])
    return digest(_computed(plan, stage, name, dataset), RUNTIME, FORMATS[stage])


def _computed(plan: Plan, stage: str, name: str | None, dataset: str | None) -> Iterator[str]:
    if stage == "classifier":
        yield "tailbench.networks.classifier"
    elif stage == "features":
        yield "tailbench.metrics.fidelity"
    elif name is not None and stage == "theory":
        yield module_of("theory", plan.config.theory[name].type)
    elif name is not None and stage == "train":
        yield module_of("models", plan.models[name].type)
        yield from _maps(plan, dataset)
    elif name is not None and stage == "sample":
        yield module_of("models", method_types()[plan.config.methods[name].type])
        for model in plan.models_of(name):
            yield module_of("models", plan.models[model].type)
        yield from _maps(plan, dataset)
        if dataset is not None and "target" in plan.needs(name):
            yield module_of("targets", plan.config.datasets[dataset].type)
    elif name is not None and stage in ("data", "evaluate"):
        type_ = plan.config.datasets[name].type
        yield module_of(source_kind(type_), type_)
        if stage == "evaluate":
            yield "tailbench.rng.seeds"
            for entry in plan.features.metrics_on(name).values():
                yield module_of("metrics", entry.type)


def _maps(plan: Plan, dataset: str | None) -> Iterator[str]:
    """Yield what stands in front of the models of a dataset with a support or atoms."""
    if dataset is not None and plan.config.datasets[dataset].described:
        yield "tailbench.models.on_support"


def _shown(plan: Plan, stage: str, name: str | None) -> Iterator[str]:
    if name is not None and stage == "claims":
        yield module_of("claims", plan.config.theory[name].type)
    if name is not None and stage == "figure":
        yield module_of("figures", name)
    if stage in ("tables", "figure", "report"):  # they read the labels of the metrics
        for entry in plan.config.metrics.values():
            yield module_of("metrics", entry.type)
    if stage == "report":
        yield "tailbench.pipeline.reporting.templates"
        for figure in plan.config.figures:
            yield module_of("figures", figure)
        for experiment in plan.config.theory.values():
            yield module_of("claims", experiment.type)
