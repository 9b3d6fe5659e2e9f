"""The commands ``tailbench record`` and ``tailbench rank``."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tailbench.pipeline.recording.new_methods import NewMethods

__all__ = ["rank", "record"]

DRY = ("-n", "--dry-run", "--dryrun")
"""Options of Snakemake with which nothing is run."""


def rank(
    context: typer.Context,
    method: Annotated[
        Path, typer.Argument(help="YAML file with methods, and their models and plugins.")
    ],
    lite: Annotated[
        bool, typer.Option("--lite", help="Only the data sets and seeds that keep the order.")
    ] = False,
    datasets: Annotated[
        str, typer.Option(help="Only these datasets, with commas.", show_default=False)
    ] = "",
    record: Annotated[
        str, typer.Option(help="A record by its name, or a folder that holds one.")
    ] = "leaderboard",
    cores: Annotated[str, typer.Option(help="CPU cores to use, or all.")] = "all",
    report: Annotated[bool, typer.Option(help="Write tables, figures and the report.")] = True,
) -> None:
    """Run a new method on recorded data sets, and set it among the recorded methods.

    Results are in results/rank-NAME; what is there already is not computed again.

    Further options go to Snakemake, such as --dry-run.
    """
    from tailbench.pipeline.recording.new_methods import NewMethods, write_pages
    from tailbench.pipeline.recording.record import Record
    from tailbench.pipeline.reporting.leaderboard import Leaderboard
    from tailbench.pipeline.reporting.placing import placing

    chosen = [name.strip() for name in datasets.split(",") if name.strip()]
    new = NewMethods.read(method, Record.find(record), chosen, lite)
    status = new.run(cores, context.args)
    if status or not new.complete or not {*DRY}.isdisjoint(context.args):
        raise typer.Exit(status)
    metrics = new.merge()
    typer.echo(f"{_head(new, lite)}\n")
    typer.echo(placing(Leaderboard(metrics), new.config.methods))
    typer.echo(f"\nThe metrics of all methods are {new.results / 'metrics.csv'}")
    if report:
        typer.echo(f"The report is {write_pages(new.results).resolve()}")


def _head(new: NewMethods, lite: bool) -> str:
    """Say what is compared on what."""
    about = new.record.about
    count, seeds = len(new.config.datasets), ", ".join(new.plan.blocks)
    text = (
        f"{', '.join(new.config.methods)} among {len(about.config['methods'])} methods of the "
        f"record {about.name}, on {count} data set{'s' if count > 1 else ''}, seeds {seeds}."
    )
    if lite and about.lite is not None:
        taus = [f"{of['held_out']:.2f} ({group})" for group, of in about.lite.agreement.items()]
        text += (
            f" --lite is {about.lite.share:.0%} of the whole; methods that it was not chosen for "
            f"stand in it as in the whole up to a Kendall correlation of {', '.join(taus)}."
        )
    return textwrap.fill(text, 80)


def record(
    results: Annotated[Path, typer.Argument(help="Folder of the results of a finished run.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write; other files in it stay.")],
    figures: Annotated[
        str,
        typer.Option(help="Figures to copy, such as ranking,survival/losses.", show_default=False),
    ] = "",
    commit: Annotated[
        str,
        typer.Option(help="Commit of the code that ran, if it is not this.", show_default=False),
    ] = "",
) -> None:
    """Record a finished run: its metrics, and what `tailbench rank` has to know of it."""
    from tailbench.pipeline.recording.writing import write_record_of

    chosen = [name.strip() for name in figures.split(",") if name.strip()]
    for path in write_record_of(results, folder, chosen, commit):
        typer.echo(f"{path}: {path.stat().st_size / 1000:.0f} kB")
