"""The command ``tailbench choose``: the model that suits a table best, in a given time."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailbench.exceptions import InputError

if TYPE_CHECKING:
    from tailbench.choosing.choice import Choice

__all__ = ["choose", "seconds_of"]

DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>s|m|min|h)?")
UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, None: 1.0}
LEAST = 10.0  # seconds
FORMAT = "{:<12} {:>6} {:>6} {:>8} {:>6} {:>8} {:>6}  {}"
WIDTH = 80


def choose(
    data: Annotated[Path, typer.Argument(help="Rows to learn from: .csv, .parquet or .npy.")],
    budget: Annotated[
        str, typer.Option(help="Time for all of it, such as 90s, 10m or 1h.")
    ] = "10m",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for model and table; chosen/NAME by default."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="Columns to use, with commas; of .npy numbers from 0.")
    ] = None,
    ordered: Annotated[
        bool | None,
        typer.Option(
            "--ordered/--shuffled",
            help="Hold out blocks of neighbouring rows, or random rows; blocks if dates rise.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random choices.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier choice.")] = False,
) -> None:
    """Fit the methods that suit a table, choose one by cross-validation, and keep it."""
    from tailbench.choosing.choice import check_folder
    from tailbench.choosing.choice import choose as choose_model

    seconds = seconds_of(budget)
    folder = Path("chosen") / data.stem if output is None else output
    check_folder(folder, force)
    names = None if columns is None else [name.strip() for name in columns.split(",")]
    choice = choose_model(data, budget=seconds, columns=names, ordered=ordered, seed=seed)
    choice.save(folder)
    typer.echo(as_text(choice))
    typer.echo(f"The model is in {folder}; draw from it by")
    typer.echo(f"  tailbench generate {shlex.quote(str(folder))} -n 1000 -o samples.csv")


def seconds_of(text: str) -> float:
    """Return a duration in seconds: ``90s``, ``10m``, ``1.5h``, or a number of seconds.

    Raises:
        InputError: If the text is none, or it is less than ten seconds.
    """
    found = DURATION.fullmatch(text.strip())
    if found is None:
        raise InputError(f"--budget {text!r} is not a time such as 90s, 10m or 1h")
    seconds = float(found["number"]) * UNITS[found["unit"]]
    if seconds < LEAST:
        raise InputError(f"--budget {text!r} is less than {LEAST:g} seconds")
    return seconds


def as_text(choice: Choice) -> str:
    """Write the table and the verdict, at most 80 columns wide."""
    import textwrap

    from tailbench.choosing.verdict import floors_text

    lines = [
        FORMAT.format("method", "worst", "bulk", "margins", "joint", "outside", "s", "").rstrip()
    ]
    for row in choice.table.to_dict("records"):
        if row["worst"] != row["worst"]:  # without scores
            lines.append(textwrap.shorten(f"{row['method']:<12} {row['reason']}", WIDTH))
            continue
        numbers = [floors_text(row[key]) for key in ("worst", "bulk", "margins", "joint")]
        outside = f"{row['outside']:.1%}" if row["outside"] else "-"
        seconds = f"{row['seconds']:.1f}"
        lines.append(FORMAT.format(row["method"], *numbers, outside, seconds, row["role"]).rstrip())
    note = "Multiples of the floor, which is what real rows get; outside: beyond the data's bounds."
    said = [textwrap.fill(sentence, WIDTH) for sentence in (note, " ".join(choice.verdict))]
    return "\n".join([*lines, "", said[0], "", said[1]])
