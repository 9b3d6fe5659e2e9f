"""A training that receives a signal saves its state before it stops.

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

__all__ = ["defer_signals", "stop_signal"]

SIGNALS = ("SIGTERM", "SIGUSR1")

_received: list[str] = []


def stop_signal() -> str | None:
    """Return the name of the signal by which this process was asked to stop, if it was."""
    return _received[0] if _received else None


@contextmanager
def defer_signals(names: Sequence[str] = SIGNALS) -> Iterator[None]:
    """Note signals instead of ending by them, and clear them at the end.

    Nothing is done outside of the main thread, the only one that can receive signals.
    """
    before = {}

    def note(number: int, frame: FrameType | None) -> None:
        _received.append(signal.Signals(number).name)

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
        _received.clear()
