"""The command line: ``python -m tailbench``."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tailbench import registry
from tailbench.exceptions import DiskFull, InputError, Interrupted, TrainingDiverged
from tailbench.pipeline.runtime.attempt_logs import kept
from tailbench.pipeline.runtime.gpu_slots import for_device
from tailbench.pipeline.runtime.slurm_requeue import requeue

__all__ = ["app", "main"]

STOPPED = 143
"""Exit status of work that was asked to stop, as of one that SIGTERM has ended."""

app = typer.Typer(
    help="A benchmark of generative models on heavy-tailed data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Dataset = Annotated[str, typer.Option(help="Name of the dataset in the configuration.")]
Block = Annotated[str, typer.Option("--seeds", help="Block of seeds, such as 0-2.")]
Spec = Annotated[str, typer.Option(help="Type and settings, as JSON.")]
Data = Annotated[Path, typer.Option(help="Folder of the data of the block.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads on a CPU.")]
Processes = Annotated[int, typer.Option(min=1, help="Processes that share the job.")]
PerNode = Annotated[int, typer.Option(min=1, help="Largest number of them on one node.")]
Experiment = Annotated[str, typer.Option(help="Name of the experiment in the configuration.")]
Results = Annotated[Path, typer.Option(help="Folder of the results.")]
ChosenResults = Annotated[
    Path | None,
    typer.Option(
        "--results",
        help="Folder of the results of a configuration; the only one below results/ if left out.",
    ),
]


@app.command("list")
def list_() -> None:
    """Name every model, method, target, dataset, metric, figure and experiment."""
    from tailbench.registry import method_types, trainable_types

    def section(title: str, rows: list[tuple[str, str]]) -> None:
        width = max((len(name) for name, _ in rows), default=0)
        typer.echo(f"{title}:")
        for name, text in rows:
            typer.echo(f"  {name:<{width}}  {text}")

    def summaries(kind: str, names: list[str]) -> list[tuple[str, str]]:
        return [(name, registry.summary(registry.load(kind, name))) for name in names]

    section("models", summaries("models", trainable_types()))
    section(
        "methods",
        [
            (method, registry.summary(registry.load("models", model).methods[method]))
            for method, model in sorted(method_types().items())
        ],
    )
    for kind in ("targets", "datasets", "metrics", "figures", "theory"):
        section(kind, summaries(kind, list(registry.names(kind))))


@app.command()
def check(
    config: Annotated[Path, typer.Argument(help="A configuration, such as config.yaml.")],
    jobs: Annotated[bool, typer.Option(help="Print cells and jobs.")] = True,
    data: Annotated[bool, typer.Option(help="Read and check the data.")] = True,
) -> None:
    """Check a configuration and its data, and print its cells and jobs, without running any."""
    from tailbench.pipeline.config.parse import load
    from tailbench.pipeline.config.preflight import check_data
    from tailbench.pipeline.planning.plan import Plan
    from tailbench.pipeline.planning.summary import stages

    loaded = load(config)
    plan = Plan(loaded)
    plan.check_files(str(config))
    if data:
        check_data(loaded, str(config))
    if not jobs:
        return
    for dataset in loaded.datasets:
        typer.echo(f"{dataset} ({loaded.datasets[dataset].type})")
        for method in plan.methods_on(dataset):
            models = ", ".join(plan.models_of(method))
            typer.echo(f"  {method}: samples from {models}")
    if loaded.datasets:
        seeds = ", ".join(plan.blocks)
        typer.echo(f"{len(plan.cells())} cells, of the seeds {seeds}")
    for name, cell in plan.experiments.cells():
        typer.echo(f"theory, {name}: {cell}")
    counts = stages(plan)
    counted = ", ".join(f"{count} {name}" for name, count in counts.items())
    typer.echo(f"{sum(counts.values())} jobs: {counted}")


@app.command()
def data(
    dataset: Dataset,
    block: Block,
    spec: Spec,
    folder: Annotated[Path, typer.Option()],
    fetched: Annotated[
        Path | None, typer.Option(help="File that has been fetched for the dataset.")
    ] = None,
) -> None:
    """Draw or read the data of a block of members."""
    from tailbench.pipeline.stages import data as stage

    stage.run(dataset, block, spec, folder, fetched)


@app.command()
def fetch(dataset: Dataset, spec: Spec, output: Annotated[Path, typer.Option()]) -> None:
    """Get the file that a dataset is read from, where it is not on the machine."""
    from tailbench.pipeline.stages import fetch as stage

    stage.run(dataset, spec, output)


@app.command()
def train(
    dataset: Dataset,
    model: Annotated[str, typer.Option(help="Name of the model in the configuration.")],
    block: Block,
    spec: Spec,
    code: Annotated[str, typer.Option(help="Digest of the code.")],
    data: Annotated[Path, typer.Option(help="File of the training data.")],
    folder: Annotated[Path, typer.Option(help="Where to write the model.")],
    state: Annotated[Path, typer.Option(help="Folder of the states of the training.")],
    device: Device = "auto",
    threads: Threads = 1,
    checkpoint_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            help="Least seconds between two states.",
            envvar="TAILBENCH_CHECKPOINT_SECONDS",
        ),
    ] = 20.0,
    processes: Processes = 1,
    per_node: PerNode = 8,
) -> None:
    """Train a model on a dataset for a block of members."""
    from tailbench.pipeline.runtime.torchrun import together

    together(processes, per_node, device)
    from tailbench.pipeline.stages import train as stage

    with for_device(device):
        stage.run(
            dataset,
            model,
            block,
            spec,
            code,
            data,
            folder,
            state,
            device,
            threads,
            checkpoint_seconds,
        )


@app.command()
def sample(
    dataset: Dataset,
    method: Annotated[str, typer.Option(help="Name of the method in the configuration.")],
    block: Block,
    spec: Spec,
    models: Annotated[Path, typer.Option(help="Folder of the dataset's trained models.")],
    data: Data,
    output: Annotated[Path, typer.Option(help="The file of samples to write.")],
    device: Device = "auto",
    threads: Threads = 1,
    processes: Processes = 1,
    per_node: PerNode = 8,
) -> None:
    """Draw the samples of a method on a dataset for a block of members."""
    from tailbench.pipeline.runtime.torchrun import together

    together(processes, per_node, device)
    from tailbench.pipeline.stages import sample as stage

    with for_device(device):
        stage.run(dataset, method, block, spec, models, data, output, device, threads)


@app.command()
def classifier(
    dataset: Dataset,
    block: Block,
    data: Data,
    folder: Annotated[Path, typer.Option(help="Where to write.")],
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Train a classifier of the labelled images of a dataset."""
    from tailbench.pipeline.stages import classifier as stage

    with for_device(device):
        stage.run(dataset, block, data, folder, device, threads)


@app.command()
def features(
    dataset: Dataset,
    block: Block,
    space: Annotated[str, typer.Option(help="Feature space: inception or classifier.")],
    spec: Spec,
    data: Data,
    folder: Annotated[Path, typer.Option(help="Where to write, and where the classifier is.")],
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Compute the features of the held-out images of a dataset."""
    from tailbench.pipeline.stages import features as stage

    with for_device(device):
        stage.run(dataset, block, space, spec, data, folder, device, threads)


@app.command()
def evaluate(
    dataset: Dataset,
    method: Annotated[str, typer.Option(help="Name of the method, or floor.")],
    block: Block,
    spec: Spec,
    data: Data,
    output: Annotated[Path, typer.Option(help="The CSV file to write.")],
    samples: Annotated[Path | None, typer.Option(help="The file of samples.")] = None,
    features: Annotated[
        Path | None, typer.Option(help="Folder of features and classifier, for images.")
    ] = None,
    device: Device = "cpu",
    threads: Threads = 1,
    processes: Processes = 1,
    per_node: PerNode = 8,
) -> None:
    """Compute the metrics of the samples of a block of members."""
    from tailbench.pipeline.runtime.torchrun import together

    together(processes, per_node, device)
    from tailbench.pipeline.stages import evaluate as stage

    with for_device(device):
        stage.run(dataset, method, block, spec, data, output, samples, features, device, threads)


@app.command()
def collect(
    results: Results,
    config: Annotated[str, typer.Option(help="The completed configuration, as JSON.")],
) -> None:
    """Gather the metrics, floors and costs of all cells into one table."""
    from tailbench.pipeline.stages import collect as stage

    stage.run(results, config)


@app.command()
def theory(
    experiment: Experiment,
    cell: Annotated[str, typer.Option(help="Name of the cell.")],
    spec: Spec,
    output: Annotated[Path, typer.Option(help="The CSV file to write.")],
    device: Device = "cpu",
    threads: Threads = 1,
) -> None:
    """Run one cell of an experiment on a theorem."""
    from tailbench.pipeline.stages import theory as stage

    stage.run(experiment, cell, spec, output, device, threads)


@app.command()
def claims(
    experiment: Experiment,
    type_: Annotated[str, typer.Option("--type", help="Type of the experiment.")],
    cells: Annotated[list[Path], typer.Argument(help="The CSV files of the cells.")],
    folder: Annotated[Path, typer.Option(help="Where to write.")],
) -> None:
    """Fit what an experiment has measured, beside what is claimed, and draw it."""
    from tailbench.pipeline.stages import claims as stage

    stage.run(experiment, type_, cells, folder)


@app.command()
def tables(results: Results) -> None:
    """Write the tables."""
    from tailbench.pipeline.stages import tables as stage

    stage.run(results)


@app.command()
def figure(
    results: Results, name: Annotated[str, typer.Option(help="Name of the figure.")]
) -> None:
    """Draw one figure for every dataset."""
    from tailbench.pipeline.stages import figure as stage

    stage.run(results, name)


@app.command()
def report(
    results: Results, output: Annotated[Path, typer.Option(help="The HTML file to write.")]
) -> None:
    """Write the report."""
    from tailbench.pipeline.stages import report as stage

    stage.run(results, output)


@app.command()
def summary(chosen: ChosenResults = None) -> None:
    """Print the summary of a finished benchmark."""
    from rich.console import Console

    from tailbench.pipeline.reporting.tables import terminal_summary
    from tailbench.pipeline.results.layout import Layout, only_results
    from tailbench.pipeline.results.reader import ResultsReader
    from tailbench.pipeline.stages.claims import slopes, slopes_table

    results = chosen or only_results()
    layout = Layout(str(results))
    if not Path(layout.metrics_table).is_file():
        raise InputError(f"{layout.metrics_table} does not exist; run the benchmark first")
    metrics = ResultsReader(results).metrics
    console = Console(width=None if sys.stdout.isatty() else 110)
    if len(metrics):
        console.print(terminal_summary(metrics))
    if (found := slopes(results)) is not None:
        console.print(slopes_table(found))
    typer.echo(f"The report is {Path(layout.report).resolve()}")


@app.command()
def verify(
    chosen: ChosenResults = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Delete what is corrupt; the next run regenerates it.")
    ] = False,
) -> None:
    """Read every file of the results that has a checksum, and name those that are corrupt."""
    from tailbench.pipeline.results.layout import only_results
    from tailbench.pipeline.results.verify import damaged

    results = chosen or only_results()
    count, found = damaged(results)
    for path, reason in found.items():
        typer.echo(reason)
        if remove:
            path.unlink(missing_ok=True)
    typer.echo(f"{count} files of {results} read, {len(found)} of them corrupt")
    raise typer.Exit(bool(found) and not remove)


@app.command()
def schema(
    output: Annotated[Path | None, typer.Option(help="Write it to a file.")] = None,
) -> None:
    """Print the JSON schema of the configuration."""
    from tailbench.io.atomic import atomic_write
    from tailbench.pipeline.config.json_schema import config_schema

    text = json.dumps(config_schema(), indent=1) + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        atomic_write(output, text)


@app.command()
def docs(
    output: Annotated[Path | None, typer.Option(help="Write it to a file.")] = None,
) -> None:
    """Print the reference of the configuration."""
    from tailbench.io.atomic import atomic_write
    from tailbench.pipeline.config.reference import config_markdown

    if output is None:
        typer.echo(config_markdown(), nl=False)
    else:
        atomic_write(output, config_markdown())


def main() -> None:
    """Run the command line; a mistake of the user ends in one sentence, without traceback."""
    from pydantic import ValidationError

    gc.set_threshold(100_000, 20, 20)  # imports make many objects and no garbage: a quarter faster
    try:
        with kept():
            app()
    except (InputError, DiskFull, TrainingDiverged, FloatingPointError) as error:
        sys.exit(f"tailbench: {error}")
    except Interrupted as error:
        print(f"tailbench: {error}", file=sys.stderr, flush=True)
        requeue()
        sys.exit(STOPPED)
    except ValidationError as error:
        sentences = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        sys.exit(f"tailbench: {sentences}")
    finally:
        gc.freeze()  # else the interpreter looks through all of torch for garbage before it ends


if __name__ == "__main__":
    main()
