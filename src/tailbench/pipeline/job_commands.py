"""The commands of ``tailbench job``: one for each stage of the workflow."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["STAGES", "Stages"]

STAGES = (
    "fetch",
    "data",
    "train",
    "sample",
    "classifier",
    "features",
    "evaluate",
    "collect",
    "theory",
    "claims",
    "tables",
    "figure",
    "report",
    "finish",
)


class Stages(TyperGroup):
    """The stages of the workflow, each of which is imported when it is run."""

    def list_commands(self, ctx: object) -> list[str]:
        """Return the names of the stages, in the order of the workflow."""
        return list(STAGES)

    def get_command(self, ctx: object, name: str) -> TyperCommand | None:
        """Build the command of a stage from the signature of its function ``run``."""
        if name not in STAGES:
            return None
        module = import_module(f"tailbench.pipeline.stages.{name}")
        stage = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        function = _recording(module) if hasattr(module, "declared") else module.run
        stage.command(name, help=_plain(module.run.__doc__ or ""))(function)
        command = typer.main.get_command(stage)
        command.name = name
        return command  # type: ignore[return-value]


def _plain(docstring: str) -> str:
    """Return what a docstring says before its sections, without the quotes of code."""
    text = inspect.cleandoc(docstring).partition("\n\nRaises:")[0].replace("``", "")
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text)


def _recording(stage: ModuleType) -> Callable[..., None]:
    """Return the function of a stage that records a failure which no other attempt can mend."""
    from tailbench.pipeline.results.failures import recorded

    @wraps(stage.run)
    def run(**options: Any) -> None:
        job = stage.declared(**options)
        first = os.environ.get("RANK", "0") == "0"
        failure = recorded(job, lambda: stage.run(**options), first)
        if failure is not None and first:
            how = f"skipped, as {failure.job} has failed" if failure.skipped else "failed"
            print(f"tailbench: {job.name} {how}: {failure.reason}", flush=True)

    return run
