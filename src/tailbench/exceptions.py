"""What can go wrong: one class per reason that a caller may want to tell apart."""

from __future__ import annotations

__all__ = ["DiskFull", "InputError", "Interrupted", "TrainingDiverged"]


class InputError(ValueError):
    """Input that cannot be used; the message is one sentence naming the file, key or column."""


class TrainingDiverged(RuntimeError):
    """A loss that is not finite, or has grown beyond all bounds."""


class DiskFull(OSError):
    """A file that could not be written since its disk is full, or its owner's share of it."""


class Interrupted(RuntimeError):
    """A training that was asked to stop, and has saved its state."""
