"""A training that is asked to stop saves its state first.

A scheduler sends a signal ahead of what it is going to do: before it gives a node to someone else,
before time is up, or when it is told to (``sbatch --signal``). The signal is noted, the training
saves its state after the step at hand and stops with ``Interrupted``. In a Slurm job it asks for
the job to be started again, unless that is on its way or the job was cancelled.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

__all__ = ["asked", "listening"]

SIGNALS = ("SIGTERM", "SIGUSR1")

_asked: list[str] = []


def asked() -> str | None:
    """Return the name of the signal by which this process was asked to stop, if it was."""
    return _asked[0] if _asked else None


@contextmanager
def listening(names: Sequence[str] = SIGNALS) -> Iterator[None]:
    """Note signals instead of ending by them, and forget them in the end.

    Nothing is done outside of the main thread, which alone can listen.
    """
    before = {}

    def note(number: int, frame: FrameType | None) -> None:
        _asked.append(signal.Signals(number).name)

    try:
        for name in names:
            if hasattr(signal, name):
                number = getattr(signal, name)
                before[number] = signal.signal(number, note)
    except ValueError:  # another thread
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.clear()
