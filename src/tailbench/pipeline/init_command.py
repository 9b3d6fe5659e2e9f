"""The command ``tailbench init``: a first configuration for a table."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tailbench.exceptions import InputError

__all__ = ["init"]

FEWEST_ROWS = 80
"""Rows of which a quarter is held out, and the rest is split for tails and validation."""


def init(
    data: Annotated[Path, typer.Argument(help="Your table: .csv, .parquet or .npy.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The configuration to write.")
    ] = Path("config.yaml"),
    columns: Annotated[
        str | None, typer.Option(help="Columns to use, with commas; of .npy numbers from 0.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
) -> None:
    """Look at a table, and write a commented configuration of what suits it."""
    from tailbench.choosing.table_facts import facts_of
    from tailbench.io.atomic import atomic_write
    from tailbench.pipeline.config.model import results_name
    from tailbench.pipeline.config.starter import starter_config, summary

    if output.is_dir() or output.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(f"{output} is not a file to write that ends in .yaml")
    try:
        results_name(output.stem)
    except ValueError as error:
        raise InputError(f"{output}: {error}") from None
    if output.exists() and not force:
        raise InputError(f"{output} is there; --force overwrites it, -o names another file")
    names = None if columns is None else [name.strip() for name in columns.split(",")]
    facts = facts_of(data, names)
    if len(facts.values) < FEWEST_ROWS:
        raise InputError(
            f"{data} has {len(facts.values)} rows, fewer than the {FEWEST_ROWS} that are needed"
        )
    atomic_write(output, starter_config(facts, data, output))
    typer.echo(summary(facts))
    typer.echo(f"Wrote {output}; next:")
    named = shlex.quote(str(output))
    typer.echo(f"  tailbench validate {named}\n  tailbench run {named}")
