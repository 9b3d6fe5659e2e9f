"""Stage ``theory``: run one cell of an experiment on a theorem."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tailbench import registry
from tailbench.io.checksums import write_sums, write_text
from tailbench.pipeline.results.failures import Job
from tailbench.pipeline.results.layout import CELL_FILES
from tailbench.pipeline.stages.options import Device, Experiment, OutputFile, Spec, Threads

__all__ = ["declared", "run"]


def declared(experiment: str, cell: str, output: Path, **_: Any) -> Job:
    """Describe the job for the record of its failure."""
    outputs = [output.parent / name for name in CELL_FILES]
    return Job(f"theory {experiment}, {cell}", outputs)


def run(
    experiment: Experiment,
    cell: Annotated[str, typer.Option(help="Name of the cell.")],
    spec: Spec,
    output: OutputFile,
    device: Device = "cpu",
    threads: Threads = 1,
) -> None:
    """Write what a cell measures, a table with the columns of its experiment.

    Raises:
        InputError: If there is no such experiment.
    """
    import pandas as pd

    settings = json.loads(spec)
    part = registry.load("theory", settings.pop("type"))()
    if part.trains:
        import torch

        torch.set_num_threads(threads)
    begin = time.perf_counter()
    rows = part.measure(settings, device)
    table = pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")
    write_sums(output.parent, {output.name: write_text(output, table)})
    print(f"{experiment}, {cell}: {len(rows)} rows in {time.perf_counter() - begin:.1f} s")
