"""Seed blocks: the seeds that one job handles, written ``3`` or ``0-2``."""

from __future__ import annotations

__all__ = ["parse_block"]

DIGITS = 18  # of a seed, which is less than 2^63
MOST = 10_000
"""Seeds of a block, all of which one job handles."""


def parse_block(block: str | int) -> list[int]:
    """Return the seeds of a seed block: ``[0, 1, 2]`` for ``"0-2"``, ``[7]`` for ``"7"``.

    Raises:
        ValueError: If the text is neither a number nor a rising range of numbers, of at most
            10,000.
    """
    text = str(block)
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise ValueError(f"invalid seed block {text!r}: expected a seed '3' or a range '0-4'")
    if max(len(first), len(last)) > DIGITS:
        raise ValueError(f"invalid seed block {text[:40]!r}: a seed has at most {DIGITS} digits")
    if dash and int(last) < int(first):
        raise ValueError(f"invalid seed range {text!r}: the first seed must not exceed the last")
    if dash and int(last) - int(first) >= MOST:
        raise ValueError(
            f"invalid seed range {text!r}: it has more than the {MOST:,} seeds that a block "
            "may have"
        )
    return list(range(int(first), int(last or first) + 1))
