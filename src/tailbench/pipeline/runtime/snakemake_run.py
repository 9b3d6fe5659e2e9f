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

from tailbench.pipeline.config.parse import load
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.runtime.run_log import DONE, NOTHING, OUTCOME
from tailbench.pipeline.runtime.workflow_files import find_config, workflow_folder

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


def run_snakemake(config: Path, cores: str, options: Sequence[str]) -> Ended:
    """Check a configuration, and run its workflow in the current folder.

    Args:
        config: The configuration file, or the name of a preset.
        cores: Number of CPU cores, or ``all``.
        options: Further options of Snakemake.

    Returns:
        How it has ended.

    Raises:
        InputError: If the configuration holds a mistake, or a file that it names is missing.
    """
    file = find_config(config)
    plan = Plan(load(file))
    plan.check_files(str(file))
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
        status = _call([*command, "--cores", cores, *options], environment)
        text = outcome.read_text(encoding="utf-8") if outcome.is_file() else ""
    said, _, folder = text.partition("\n")  # of the run, which --directory may have changed
    results = Path(folder, plan.layout.root)
    return Ended(status, results, status == 0 and said in (DONE, NOTHING))


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
