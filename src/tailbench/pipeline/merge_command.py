"""The command ``tailbench merge``: the metrics of several runs in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["merge"]


def merge(
    files: Annotated[
        list[Path], typer.Argument(help="Files metrics.csv of runs on the same data.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", dir_okay=False, help="The file to write.")
    ],
) -> None:
    """Join the metrics of several runs; refused where data, metrics or values of a cell differ."""
    from tailbench.io.atomic import atomic_write
    from tailbench.metrics.merging import merge_metrics
    from tailbench.pipeline.recording.facts import check_alike
    from tailbench.pipeline.recording.record import facts_beside
    from tailbench.pipeline.results.reader import read_metrics

    check_alike({str(path): facts_beside(path) for path in files})
    merged = merge_metrics({str(path): read_metrics(path) for path in files})
    atomic_write(output, merged.to_csv(index=False, lineterminator="\n"))
    cells = len(merged[["dataset", "method", "variant", "seed"]].drop_duplicates())
    typer.echo(f"{output}: {len(merged)} values of {cells} cells from {len(files)} files")
