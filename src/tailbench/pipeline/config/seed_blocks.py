"""Seed blocks: how a range of seeds is written, such as ``0-2``."""

from __future__ import annotations

__all__ = ["parse_block"]


def parse_block(block: str | int) -> list[int]:
    """List the members of a block of seeds: ``"0-2"`` gives ``[0, 1, 2]``, ``"7"`` gives ``[7]``.

    Raises:
        ValueError: If the text is not a number or a rising range of numbers.
    """
    first, _, last = str(block).partition("-")
    if not first.isdecimal() or (last and not last.isdecimal()):
        raise ValueError(f"a block of seeds is written '3' or '0-4', not {block!r}")
    members = list(range(int(first), int(last or first) + 1))
    if not members or str(block).endswith("-"):
        raise ValueError(f"the block of seeds {block!r} is empty or falls")
    return members
