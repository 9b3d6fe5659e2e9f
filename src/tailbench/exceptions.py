"""What can go wrong: one class per reason that a caller may want to tell apart."""

from __future__ import annotations

__all__ = [
    "CorruptFile",
    "DiskFull",
    "InputError",
    "Interrupted",
    "NotFittedError",
    "TrainingDiverged",
    "VersionWarning",
]


class InputError(ValueError):
    """Input that cannot be used; the message is one sentence naming the file, key or column."""


class CorruptFile(InputError):
    """A file that is not what was written.

    Args:
        reason: The sentence that names the file and says what is wrong.
        advice: What can be done, which depends on who reads the file.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(f"{reason}; {advice}" if advice else reason)
        self.reason = reason


class NotFittedError(RuntimeError, AttributeError):
    """A model that is asked for what only ``fit`` can give; also an attribute that is not there."""


class TrainingDiverged(RuntimeError):
    """A loss that is not finite, or has grown beyond all bounds."""


class DiskFull(OSError):
    """A file that could not be written since its disk is full, or its owner's share of it."""


class Interrupted(RuntimeError):
    """A training that was asked to stop, and has saved its state."""


class VersionWarning(UserWarning):
    """A model that another version of the package has saved."""
