"""Run Snakemake on a configuration."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tailbench.exceptions import InputError
from tailbench.pipeline.config.parse import load
from tailbench.pipeline.results.layout import Layout

__all__ = ["find_snakefile", "run_snakemake"]


def find_snakefile() -> Path:
    """Return the Snakefile of the current folder, of one above it, or of this checkout.

    Raises:
        InputError: If there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, *Path(__file__).resolve().parents):
        if (folder / "Snakefile").is_file() and (folder / "workflow" / "rules").is_dir():
            return folder / "Snakefile"
    raise InputError("no Snakefile of tailbench in the current folder or above it")


def run_snakemake(config: Path, cores: str, options: Sequence[str]) -> int:
    """Check a configuration, run its workflow and name its report.

    Args:
        config: The configuration file.
        cores: Number of CPU cores, or ``all``.
        options: Further options of Snakemake.

    Returns:
        The exit status of Snakemake.

    Raises:
        InputError: If the configuration holds a mistake, or there is no Snakefile.
    """
    layout = Layout.of(load(config).name)
    snakefile = find_snakefile()
    began = time.time()
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile)]
    command += ["--cores", cores, "--configfile", str(config), *options]
    status = subprocess.run(command, check=False).returncode
    report = Path(layout.report)
    if status == 0 and report.is_file() and report.stat().st_mtime < began:
        print(f"The report is {report.resolve()}")
    return status
