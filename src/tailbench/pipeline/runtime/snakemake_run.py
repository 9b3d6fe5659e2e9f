"""Run Snakemake on a configuration."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailbench.exceptions import InputError
from tailbench.pipeline.config.parse import load
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.results.layout import METRIC_FILES
from tailbench.pipeline.runtime.run_log import DONE, NOTHING, OUTCOME
from tailbench.pipeline.runtime.workflow_files import find_config, workflow_folder
from tailbench.registry import nearest

__all__ = ["Ended", "run_snakemake"]

PROFILE = "profiles/default"

OWN_OUTPUT = re.compile(
    r"--(logger|verbose|debug-dag|printshellcmds|quiet)(=.*)?|-(?!-)[a-zA-Z]*[pq].*"
)
"""Options of Snakemake that ask for output other than ours."""


@dataclass(frozen=True)
class Ended:
    """How a run has ended.

    Attributes:
        status: The exit status of Snakemake.
        results: The folder of the results.
        complete: Whether what was asked for is there, and no summary has been printed.
    """

    status: int
    results: Path
    complete: bool


def run_snakemake(
    config: Path,
    cores: str,
    options: Sequence[str],
    datasets: Sequence[str] = (),
    targets: Sequence[str] = (),
) -> Ended:
    """Check a configuration, and run its workflow in the current folder.

    Args:
        config: The configuration file, or the name of a preset.
        cores: Number of CPU cores, or ``all``.
        options: Further options of Snakemake.
        datasets: Names of the datasets whose cells are run, without tables, figures and report;
            the whole configuration if there are none.
        targets: Files to make alone.

    Returns:
        How it has ended.

    Raises:
        InputError: If the configuration holds a mistake or no such dataset, or a file that it
            names is missing.
    """
    file = find_config(config)
    plan = Plan(load(file))
    plan.check_files(str(file))
    asked = [*_metrics_of(plan, datasets), *targets]
    workflow = workflow_folder()
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(workflow / "Snakefile")]
    # By itself Snakemake would take any folder named `default` here for the profile.
    profile = next(p for p in (Path(PROFILE), workflow / PROFILE) if p.is_dir())
    command += ["--workflow-profile", str(profile), "--configfile", str(file)]
    with tempfile.TemporaryDirectory() as folder:
        outcome, environment = Path(folder, "outcome"), _environment()
        if not any(OWN_OUTPUT.fullmatch(option) for option in options):
            command += ["--logger", "tailbench"]
            environment[OUTCOME] = str(outcome)
        # Options that take several values stand before this one, so that a target is none of them.
        status = _call([*command, "--cores", cores, *options, *asked], environment)
        text = outcome.read_text(encoding="utf-8") if outcome.is_file() else ""
    said, _, folder = text.partition("\n")  # of the run, which --directory may have changed
    results = Path(folder, plan.layout.root)
    return Ended(status, results, status == 0 and said in (DONE, NOTHING))


def _metrics_of(plan: Plan, datasets: Sequence[str]) -> list[str]:
    """Return the files that hold the metrics of some datasets, floors among them."""
    for name in datasets:
        if name not in plan.config.datasets:
            known = plan.config.datasets
            raise InputError(f"the configuration has no dataset {name!r}{nearest(name, known)}")
    chosen = [cell for cell in plan.cells() if cell.dataset in datasets]
    methods = dict.fromkeys(
        (cell.dataset, method, cell.block) for cell in chosen for method in (cell.method, "floor")
    )
    return [f"{plan.layout.metrics(*cell)}/{METRIC_FILES[0]}" for cell in methods]


def _environment() -> dict[str, str]:
    """Return the environment of Snakemake, whose jobs run the ``tailbench`` of this Python."""
    found = os.environ.copy()
    found["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), found.get("PATH", "")])
    return found


def _call(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end, and return its exit status.

    A terminal sends Ctrl-C to all processes: jobs end, and Snakemake is waited for. It can miss the
    signal, and would go on to the next jobs; by SIGTERM it starts no more.
    """
    with subprocess.Popen(command, env=environment) as process, _leaving_signals_to(process):
        status = process.wait()
    return 128 - status if status < 0 else status


@contextmanager
def _leaving_signals_to(process: subprocess.Popen[Any]) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {n: signal.signal(n, lambda *_: process.terminate()) for n in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
