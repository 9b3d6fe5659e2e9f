"""Command-line options that several stages share."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DataFolder",
    "Dataset",
    "Device",
    "Experiment",
    "OutputFile",
    "OutputFolder",
    "PerNode",
    "Processes",
    "Results",
    "Seeds",
    "Spec",
    "Threads",
]

Dataset = Annotated[str, typer.Option(help="Name of the dataset in the configuration.")]
Seeds = Annotated[str, typer.Option(help="Seed block, such as 0-2.")]
Spec = Annotated[str, typer.Option(help="Type and settings, as JSON.")]
DataFolder = Annotated[Path, typer.Option(help="Folder of the data of the seed block.")]
OutputFile = Annotated[Path, typer.Option(help="File to write.")]
OutputFolder = Annotated[Path, typer.Option(help="Folder to write to.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads, of all processes together.")]
Processes = Annotated[int, typer.Option(min=1, help="Number of processes that share the job.")]
PerNode = Annotated[int, typer.Option(min=1, help="Largest number of processes on one node.")]
Experiment = Annotated[str, typer.Option(help="Name of the experiment in the configuration.")]
Results = Annotated[Path, typer.Option(help="Results folder of a configuration.")]
