"""The command ``tailbench score``: judge samples in a file by held-out rows in another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tailbench.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.metrics.score_inputs import Tables

__all__ = ["score"]


def score(
    samples: Annotated[Path, typer.Argument(help="Rows to judge: .csv, .parquet or .npy.")],
    reference: Annotated[Path, typer.Option(help="Held-out real rows of the same columns.")],
    train: Annotated[
        Path | None, typer.Option(help="Training rows of the model, to look for copies of them.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Names of metrics or of their outputs, with commas.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="Columns to use, with commas; of .npy numbers from 0.")
    ] = None,
    fail_above: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=RATIO",
            help="Exit with status 1 if this ratio to the floor is larger, or missing; repeatable.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the whole table to a .csv file.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with the table and figures.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON in place of the table.")
    ] = False,
    splits: Annotated[int, typer.Option(min=2, help="How often the reference is halved.")] = 30,
    seed: Annotated[int, typer.Option(help="Seed of all random choices.")] = 0,
    dataset: Annotated[
        str, typer.Option(help="Name of a benchmark's dataset, to make its random choices.")
    ] = "score",
) -> None:
    """Score samples in a file: all metrics, with their floors from halves of the reference."""
    from tailbench.metrics.score_inputs import match_tables
    from tailbench.metrics.scoring import chosen_outputs
    from tailbench.metrics.scoring import score as score_tables
    from tailbench.pipeline.reporting import score_text

    names = _listed(metrics)
    outputs = chosen_outputs(names, train is not None)
    limits = _limits(fail_above or (), outputs)
    inputs = [path for path in (samples, reference, train) if path is not None]
    _check_outputs([path for path in (output, html) if path is not None], inputs)
    tables = match_tables(
        _read(samples),
        _read(reference),
        None if train is None else _read(train),
        _listed(columns),
        [str(samples), str(reference), str(train)],
    )
    table = score_tables(
        tables.samples,
        tables.reference,
        tables.train,
        metrics=outputs,
        splits=splits,
        seed=seed,
        dataset=dataset,
    )
    _write(table, tables, inputs, output, html)
    show = score_text.as_json if as_json else score_text.as_text
    typer.echo(show(table, tables))
    _judge(table, limits)


def _listed(text: str | None) -> list[str] | None:
    """Return what stands between commas."""
    return None if text is None else [name.strip() for name in text.split(",")]


def _limits(texts: Sequence[str], outputs: Mapping[str, Any]) -> dict[str, float]:
    """Return the largest ratio of each output for which there is one.

    Raises:
        InputError: If a text is not ``METRIC=RATIO``, or the metric is unknown or not computed.
    """
    from tailbench.metrics.scoring import chosen_outputs

    limits: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            limit = float(number)
        except ValueError:
            limit = math.nan
        if not limit > 0:
            raise InputError(f"--fail-above {text!r} is not METRIC=RATIO with a positive number")
        keys = [name] if name in outputs else list(chosen_outputs([name], True))
        for key in keys:
            if key not in outputs:
                raise InputError(
                    f"--fail-above {text!r}: {key} is not computed; see --metrics and --train"
                )
            limits[key] = limit
    return limits


def _check_outputs(written: Sequence[Path], read: Sequence[Path]) -> None:
    """Check that no folder and no input would be overwritten.

    Raises:
        InputError: If one would.
    """
    for path in written:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a file to write")
        if path.resolve() in [other.resolve() for other in read]:
            raise InputError(f"{path} is read, and would be overwritten")
    if len({path.resolve() for path in written}) < len(written):
        raise InputError(f"{written[0]} would be written twice")


def _read(path: Path) -> pd.DataFrame:
    from tailbench.io.tables import read_table

    return read_table(path)


def _write(
    table: pd.DataFrame,
    tables: Tables,
    inputs: Sequence[Path],
    output: Path | None,
    html: Path | None,
) -> None:
    """Write the files that are asked for, none before all are made."""
    from tailbench.io.atomic import atomic_write

    contents = []
    if html is not None:
        from tailbench.pipeline.reporting.score_page import score_page

        contents.append((html, score_page(table, tables, [path.name for path in inputs])))
    if output is not None:
        contents.append((output, table.to_csv(index=False, lineterminator="\n")))
    for path, text in contents:
        atomic_write(path, text)


def _judge(table: pd.DataFrame, limits: Mapping[str, float]) -> None:
    """Name each metric whose ratio is above its limit or missing, and exit with status 1.

    Raises:
        typer.Exit: If there is one.
    """
    failed = False
    for row in table.to_dict("records"):
        limit, ratio = limits.get(row["metric"]), row["ratio"]
        if limit is None or ratio <= limit:
            continue
        failed = True
        if math.isnan(ratio):
            message = f"has no ratio to compare with {limit:g}: {row['reason']}"
        else:
            message = (
                f"is {row['value']:.4g}, with a ratio to the floor of {ratio:.3g}, above the "
                f"limit of {limit:g}"
            )
        typer.echo(f"tailbench: {row['metric']} {message}", err=True)
    if failed:
        raise typer.Exit(1)
