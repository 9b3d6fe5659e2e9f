"""Stage ``finish``: end the run well if every cell has a result, and badly if one has failed."""

from __future__ import annotations

from pathlib import Path

from tailbench.exceptions import InputError
from tailbench.io.atomic import atomic_write
from tailbench.io.checksums import read_record
from tailbench.pipeline.results.layout import Layout
from tailbench.pipeline.stages.options import OutputFile, Results

__all__ = ["run"]


def run(results: Results, output: OutputFile) -> None:
    """Write a file that says that all cells have results.

    Raises:
        InputError: If a cell has failed; says how many have.
    """
    plan = read_record(Path(Layout(str(results)).plan))
    cells = len(plan["cells"]) + len(plan["theory"])
    failed = len(plan["failures"])
    if failed:
        raise InputError(
            f"{failed} of {cells} cells failed; {Layout(str(results)).report} shows why"
        )
    atomic_write(output, f"all {cells} cells have results\n")
