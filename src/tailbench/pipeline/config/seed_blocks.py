"""Seed blocks: the seeds that one job handles, written ``3`` or ``0-2``."""

from __future__ import annotations

__all__ = ["parse_block"]


def parse_block(block: str | int) -> list[int]:
    """Return the seeds of a seed block: ``[0, 1, 2]`` for ``"0-2"``, ``[7]`` for ``"7"``.

    Raises:
        ValueError: If the text is neither a number nor a rising range of numbers.
    """
    text = str(block)
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise ValueError(f"invalid seed block {text!r}: expected a seed '3' or a range '0-4'")
    if dash and int(last) < int(first):
        raise ValueError(f"invalid seed range {text!r}: the first seed must not exceed the last")
    return list(range(int(first), int(last or first) + 1))
