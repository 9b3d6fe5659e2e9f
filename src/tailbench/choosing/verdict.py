"""The verdict on a choice in a few sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tailbench.choosing.candidates import CONTROL
from tailbench.choosing.judge import Ranked
from tailbench.metrics.group_scores import GROUP_NAMES, QUALITY
from tailbench.metrics.verdicts import WITHIN

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.choosing.table_facts import TableFacts

__all__ = ["floors_text", "sentences"]


def floors_text(value: float) -> str:
    """Write a multiple of the floor in two digits, as ``1.3`` or ``24``; ``-`` if there is none."""
    return "-" if math.isnan(value) else f"{value:.2g}" if value < 9.5 else f"{value:.0f}"


def sentences(
    table: pd.DataFrame,
    ranked: Ranked,
    directions: Mapping[str, str],
    folds: int,
    facts: TableFacts,
) -> tuple[str, ...]:
    """Write what is chosen and why, what it does not reproduce, and what it respects.

    Args:
        table: The table of the choice.
        ranked: What the choice rests on.
        directions: To which side the tails of a group are off, by group, where that is known.
        folds: Number of folds.
        facts: What the table holds.
    """
    rows = {row["method"]: row for row in table.to_dict("records")}
    best = rows[ranked.chosen]
    tried = int(table["worst"].notna().sum()) - (CONTROL in rows)
    first = (
        f"{ranked.chosen} is chosen of {tried} method{'s' if tried != 1 else ''} on {folds} folds: "
        f"{floors_text(best['worst'])} floors in its worst group, where 1 is real rows"
    )
    if ranked.least != ranked.chosen:
        least = floors_text(rows[ranked.least]["worst"])
        first += f"; {ranked.least} has {least}, within one standard error, and is less simple"
    return (f"{first}.", _failures(best, directions), *_bounds(best, table, facts))


def _failures(best: Any, directions: Mapping[str, str]) -> str:
    """Say which groups the best does not reproduce."""
    there = [group for group in QUALITY if not math.isnan(best[group])]
    wrong = []
    for group in there:
        if best[group] > WITHIN:
            side = f", {directions[group]}" if directions.get(group) else ""
            wrong.append(f"{GROUP_NAMES[group]} ({floors_text(best[group])} floors{side})")
    if wrong:
        return f"It does not reproduce {' and '.join(wrong)}."
    names = [GROUP_NAMES[group] for group in there]
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"It reproduces {listed} within {WITHIN:g} floors."


def _bounds(best: Any, table: pd.DataFrame, facts: TableFacts) -> tuple[str, ...]:
    """Say whether the samples keep to the bounds of the data, where these have some."""
    if not facts.one_sided:
        return ()
    if best["outside"] > 0:
        return (f"{best['outside']:.1%} of its samples are beyond a bound of the data.",)
    others = table.loc[table["outside"] > 0, "method"].tolist()
    refused = f"; those of {', '.join(others)} do not" if others else ""
    return (f"Its samples keep to the bounds of the data{refused}.",)
