"""The command ``tailbench list``: the parts that a configuration can have, and the presets."""

from __future__ import annotations

import shutil
import sys
import textwrap
from enum import StrEnum
from typing import Annotated

import typer

from tailbench import registry
from tailbench.pipeline.runtime.workflow_files import preset_line, presets

__all__ = ["Kind", "list_parts"]


class Kind(StrEnum):
    """What ``tailbench list`` can name."""

    models = "models"
    methods = "methods"
    targets = "targets"
    datasets = "datasets"
    metrics = "metrics"
    figures = "figures"
    theory = "theory"
    presets = "presets"


def list_parts(
    kind: Annotated[Kind | None, typer.Argument(help="One kind; all if left out.")] = None,
) -> None:
    """Name the parts that a configuration can have, and the presets, with a line on each."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    for each in Kind if kind is None else [kind]:
        rows = _described(each)
        width = max((len(name) for name, _ in rows), default=0) + 2
        if kind is None:
            typer.echo(f"{each}:")
        for name, text in rows:
            line = f"{'' if kind else '  '}{name:<{width}}"
            indent = " " * len(line)
            typer.echo(textwrap.fill(line + text, columns, subsequent_indent=indent))


def _described(kind: Kind) -> list[tuple[str, str]]:
    """Return the names of a kind, each with a line on it."""
    if kind is Kind.presets:
        return [(name, preset_line(path)) for name, path in presets().items()]
    if kind is Kind.methods:
        return [
            (method, registry.first_line(registry.load("models", model).methods[method]))
            for method, model in sorted(registry.method_types().items())
        ]
    names = registry.trainable_types() if kind is Kind.models else registry.names(kind)
    return [(name, registry.first_line(registry.load(kind, name))) for name in names]
