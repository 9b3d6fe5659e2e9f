"""The command line: ``tailbench``, and ``tailbench job`` for the stages of the workflow."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tailbench import __version__
from tailbench.exceptions import DiskFull, InputError, Interrupted, TrainingDiverged
from tailbench.pipeline.choose_command import choose
from tailbench.pipeline.figures_command import figures
from tailbench.pipeline.generate_command import generate
from tailbench.pipeline.init_command import init
from tailbench.pipeline.job_commands import Stages
from tailbench.pipeline.list_command import list_parts
from tailbench.pipeline.merge_command import merge
from tailbench.pipeline.rank_command import rank, record
from tailbench.pipeline.runtime.attempt_logs import keep_failed_log
from tailbench.pipeline.runtime.extras import how_to_install
from tailbench.pipeline.runtime.slurm_requeue import requeue
from tailbench.pipeline.runtime.workflow_files import complete_config, find_config
from tailbench.pipeline.score_command import score

__all__ = ["app", "main"]

UNUSABLE = (PermissionError, NotADirectoryError, FileExistsError, IsADirectoryError)
"""What a path of the user's can be: closed to them, or a file where a folder is to be."""

STOPPED = 143
"""Exit status of work that was asked to stop, as of one that SIGTERM has ended."""

RENAMED = {
    "check": "validate",
    "docs": "config-reference",
    "summary": "show",
    "verify": "verify-results",
}
"""Commands that had another name before."""


class Commands(TyperGroup):
    """The commands for users."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a name; raise ``InputError`` for one that has a new name."""
        if cmd_name in RENAMED:
            raise InputError(f"the command '{cmd_name}' is now '{RENAMED[cmd_name]}'")
        return super().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=Commands,
    help="A benchmark of generative models on heavy-tailed data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

CONFIG_HELP = "A configuration, or the name of a preset (tailbench list presets)."
Results = Annotated[Path, typer.Option(help="Folder of the results.")]
OutputFile = Annotated[Path | None, typer.Option(dir_okay=False, help="Write it to a file.")]
ChosenResults = Annotated[
    Path | None,
    typer.Option(
        "--results",
        help="Folder of the results of a configuration; the only one below results/ if left out.",
    ),
]


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tailbench {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print it and exit."
        ),
    ] = False,
) -> None:
    """A benchmark of generative models on heavy-tailed data."""


job = typer.Typer(cls=Stages, help="Run one stage of the workflow, as its rules do.")
job.callback(invoke_without_command=False)(lambda: None)
app.add_typer(job, name="job", hidden=True)
app.command()(init)
app.command()(choose)
app.command()(score)
app.command()(generate)
app.command()(figures)
app.command("list")(list_parts)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(rank)
app.command()(record)
app.command()(merge)


@app.command()
def validate(
    config: Annotated[
        Path, typer.Argument(help=CONFIG_HELP, autocompletion=complete_config, show_default=False)
    ],
    jobs: Annotated[bool, typer.Option(help="Print cells and jobs.")] = True,
    data: Annotated[bool, typer.Option(help="Read and check the data.")] = True,
) -> None:
    """Check a configuration and its data, and print its cells and jobs, without running any."""
    from tailbench.pipeline.config.parse import load
    from tailbench.pipeline.config.preflight import check_data
    from tailbench.pipeline.planning.plan import Plan
    from tailbench.pipeline.planning.summary import stages

    file = find_config(config)
    loaded = load(file)
    plan = Plan(loaded)
    plan.check_files(str(file))
    if data:
        check_data(loaded, str(file))
    if not jobs:
        return
    for dataset in loaded.datasets:
        typer.echo(f"{dataset} ({loaded.datasets[dataset].type})")
        for method in plan.methods_on(dataset):
            models = ", ".join(plan.models_of(method)) or "no trained model"
            typer.echo(f"  {method}: samples from {models}")
    if loaded.datasets:
        seeds = ", ".join(plan.blocks)
        typer.echo(f"{len(plan.cells())} cells, of the seeds {seeds}")
    for name, cell in plan.experiments.cells():
        typer.echo(f"theory, {name}: {cell}")
    counts = stages(plan)
    counted = ", ".join(f"{count} {name}" for name, count in counts.items())
    typer.echo(f"{sum(counts.values())} jobs: {counted}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    config: Annotated[
        Path, typer.Argument(help=CONFIG_HELP, autocompletion=complete_config)
    ] = Path("config.yaml"),
    cores: Annotated[str, typer.Option(help="CPU cores to use, or all.")] = "all",
    datasets: Annotated[
        str,
        typer.Option(
            help="Datasets to run now, such as returns,losses: their metrics alone. The rest, "
            "tables, figures and report are left to another run.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Run the benchmark of a configuration in this folder, below results/.

    A terminal shows a panel, a log one line for each finished job.

    Further options and targets go to Snakemake, such as --dry-run.

    Snakemake's own output comes with --quiet, --verbose or --printshellcmds.
    """
    from tailbench.pipeline.results.layout import Layout
    from tailbench.pipeline.runtime.snakemake_run import run_snakemake

    chosen = [name.strip() for name in datasets.split(",") if name.strip()]
    ended = run_snakemake(config, cores, context.args, chosen)
    if ended.complete and not chosen and Path(Layout(str(ended.results)).report).is_file():
        show(ended.results)
    raise typer.Exit(ended.status)


@app.command()
def show(chosen: ChosenResults = None) -> None:
    """Print the summary of a finished benchmark: means, verdicts, the first of each group."""
    from rich.console import Console

    from tailbench.pipeline.reporting.leaderboard import Leaderboard
    from tailbench.pipeline.reporting.tables import terminal_summary
    from tailbench.pipeline.results.layout import Layout, only_results
    from tailbench.pipeline.results.reader import ResultsReader
    from tailbench.pipeline.stages.claims import slopes, slopes_table

    results = chosen or only_results()
    layout = Layout(str(results))
    if not Path(layout.metrics_table).is_file():
        raise InputError(f"{layout.metrics_table} does not exist; run the benchmark first")
    metrics = ResultsReader(results).metrics
    console = Console(width=None if sys.stdout.isatty() else 80)
    if len(metrics):
        console.print(terminal_summary(metrics))
        typer.echo(f"{Leaderboard(metrics).text()}\n")
    if (found := slopes(results)) is not None:
        console.print(slopes_table(found))
    typer.echo(f"The report is {Path(layout.report).resolve()}")


@app.command()
def verify_results(
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
    output: OutputFile = None,
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
def config_reference(
    output: OutputFile = None,
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
        with keep_failed_log():
            app(prog_name="tailbench")  # also by python -m, for messages and completion
    except (InputError, DiskFull, TrainingDiverged, FloatingPointError) as error:
        sys.exit(f"tailbench: {error}")
    except ModuleNotFoundError as error:
        if (said := how_to_install(error)) is None:
            raise
        sys.exit(f"tailbench: {said}")
    except UNUSABLE as error:
        sys.exit(f"tailbench: {error.filename} cannot be used: {error.strerror}")
    except MemoryError as error:
        sys.exit(f"tailbench: the memory does not suffice: {error}".rstrip(": "))
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
