"""The end of a script that judges a finished run: verdicts, and a table with its origin."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pandas as pd

from tailbench.io.atomic import atomic_write

__all__ = ["finish"]


def finish(
    verdicts: list[tuple[bool, str]],
    table: pd.DataFrame,
    preset: str,
    what: str,
    output: Path | None,
) -> None:
    """Print the verdicts, record the table if asked to, and exit with the number of failures.

    Args:
        verdicts: Whether each bar holds, and a sentence with the figures.
        table: What to record.
        preset: The configuration that was run.
        what: What the numbers of the table are.
        output: CSV file to record the table in; its first line says where the table is from.
    """
    for held, sentence in verdicts:
        print(f"{'holds' if held else 'FAILS'}: {sentence}")
    if output is not None:
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        head = (
            f"# {preset} at commit {commit or 'unknown'}, Python {platform.python_version()}, "
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores; {what}\n"
        )
        atomic_write(output, head + table.to_csv(index=False, lineterminator="\n"))
    sys.exit(sum(not held for held, _ in verdicts))
