"""How far a running job is, by the last lines of its log."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.training.progress import ProgressLine, read_line

__all__ = ["JobProgress", "last_line", "progress_of"]

TAIL = 4096
"""Bytes of a log that are read."""
SEEDS = re.compile(r", seed (\d+(?:, \d+)*)$")


@dataclass(frozen=True)
class JobProgress:
    """How far a job is.

    Attributes:
        share: Share of its work that is done, from 0 to 1.
        left: Seconds left, if the rest takes as long as what is done; ``None`` if unknown.
        note: What the log says besides, such as the loss.
    """

    share: float
    left: float | None
    note: str


def last_line(log: Path) -> str:
    """Return the last line of a log that is not blank; empty if there is none."""
    return next(iter(_last_lines(log)), "")


def progress_of(log: Path, block: str, since: float) -> JobProgress | None:
    """Read how far a job is.

    Seeds that a training takes one after another count as equal parts of the job.

    Args:
        log: Its log.
        block: Its seed block; empty if it has none.
        since: When the job began, in seconds since the epoch: an older log is another run's.

    Returns:
        The progress; ``None`` if the log says nothing of it.
    """
    try:
        if log.stat().st_mtime < since:
            return None
    except OSError:
        return None
    said = next(filter(None, map(read_line, _last_lines(log))), None)
    return None if said is None else _of_job(said, block)


def _of_job(said: ProgressLine, block: str) -> JobProgress:
    share = said.done / said.total if said.total else 0.0
    found = SEEDS.search(said.label)
    seeds = parse_block(block) if block else []
    now = [int(seed) for seed in found[1].split(", ")] if found else []
    if not now or now[0] not in seeds:
        return JobProgress(share, said.left, said.note)
    before = seeds.index(now[0])
    later = (len(seeds) - before) / len(now) - 1
    left = None
    if said.left is not None:
        whole = said.left / (1.0 - share) if share < 1.0 else float(said.spent)
        left = said.left + max(later, 0.0) * whole
    return JobProgress((before + share * len(now)) / len(seeds), left, said.note)


def _last_lines(log: Path) -> Sequence[str]:
    """Return the lines at the end of a log, the last one first, without blank ones."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - TAIL, 0))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line.strip() for line in reversed(text.splitlines()) if line.strip()]
