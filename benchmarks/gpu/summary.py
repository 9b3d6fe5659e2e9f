"""README.md of the records: what was run where, what came out, and what more would take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.gpu.cards import CARDS, KERNEL_SECONDS, SHARE
from benchmarks.gpu.records import Records

from tailbench.io.atomic import atomic_write

__all__ = ["PROJECTION", "write_readme"]

PROJECTION = "projection"
"""The value of ``what`` in rows about what was not run: ``name``, ``hours`` and ``by``."""
PROJECTIONS = "projections"
"""The part whose rows of that kind are of a CPU; they have the ``part`` that would replace them."""
MOST_ROWS = 60
HEAD = """\
# On a GPU

Written by `make gpu` from the records beside it, one file of JSON lines for each part;
[docs/gpu.md](../../gpu.md) says what the parts do.

"""


def write_readme(output: Path, titles: Mapping[str, str]) -> None:
    """Write README.md beside the records.

    Args:
        output: Folder of the records.
        titles: What each part is, by name, in their order.
    """
    records = {name: Records(output / f"{name}.jsonl") for name in titles}
    lines = [HEAD, *_overview(records, titles), "", "## Not run", "", *_not_run(records)]
    for name, found in records.items():
        rows = [row for row in found.rows if row.get("what") != PROJECTION]
        if rows:
            lines += ["", f"## {name}", "", f"{titles[name]}.", "", *table(rows)]
    atomic_write(output / "README.md", "\n".join(lines) + "\n")


def _overview(records: Mapping[str, Records], titles: Mapping[str, str]) -> list[str]:
    rows = []
    for name, found in records.items():
        start, end = found.start, found.end
        rows.append(
            {
                "part": f"`{name}`",
                "status": end.get("status", "not run"),
                "minutes": found.seconds / 60 if found.lines else None,
                "card": start.get("card"),
                "processor": start.get("processor"),
                "driver": start.get("driver"),
                "torch": start.get("torch"),
                "commit": _commit(start),
                "size": {True: "toy", False: "full"}.get(start.get("toy")),
                "reason": end.get("reason"),
            }
        )
    return table(rows)


def _commit(start: Mapping[str, Any]) -> str | None:
    return f"{start['commit']}{', changed' if start['changed'] else ''}" if start else None


def _not_run(records: Mapping[str, Records]) -> list[str]:
    """List what has no record of a card, and the hours that it takes."""
    here = records.get(PROJECTIONS)
    projected = _projected(records)
    named = {row.get("part") for row in projected}
    rows: list[dict[str, Any]] = []
    for name, found in records.items():
        if not found.lines and name not in named:
            rows.append({"what": f"`{name}`", "by": "has not been run"})
        elif found.lines and found.end.get("status") != "finished":
            again = " ARGS='--parts projections'" if name == PROJECTIONS else ""
            by = f"unfinished: run `make gpu{again}` again"
            rows.append({"what": f"the rest of `{name}`", "by": by})
    for row in projected:
        cards = {f"on {card}": row.get(f"hours_{card}") for card in CARDS}
        rows.append({**row, "what": row["name"], **cards})
    for name, found in records.items():
        for row in found.rows:
            if row.get("what") == PROJECTION and name != PROJECTIONS:
                by = f"{row['by']}, {found.start['card']}"
                rows.append({"what": row["name"], "hours": row["hours"], "by": by})
    if not rows:
        return ["Nothing."]
    note = [_note(here.start), ""] if here and projected else []
    columns = ("what", "hours", *(f"on {card}" for card in CARDS), "operations", "kernels", "by")
    return note + table([{column: row.get(column) for column in columns} for row in rows])


def _projected(records: Mapping[str, Records]) -> list[dict[str, Any]]:
    """Return the projections from a CPU that no record of a card has replaced."""
    if PROJECTIONS not in records:
        return []
    on_cards = {name: found for name, found in records.items() if "driver" in found.start}
    done = {name for name, found in on_cards.items() if found.end.get("status") == "finished"}
    known = {
        row["name"]
        for found in on_cards.values()
        for row in found.rows
        if row.get("what") == PROJECTION
    }
    rows = [row for row in records[PROJECTIONS].rows if row.get("what") == PROJECTION]
    return [row for row in rows if row.get("part") not in done and row["name"] not in known]


def _note(start: Mapping[str, Any]) -> str:
    place = f"{start.get('threads')} thread of {start.get('processor')}"
    return f"""\
`hours` are processor hours of {place},
by the seconds of a step that were measured there: the section `{PROJECTIONS}` has them. Hours on a
card are projections, not measurements: the operations of all products at {SHARE:.0%} of the card's
published rate (dense, in the arithmetic that torch would use), or {1e6 * KERNEL_SECONDS:.0f}
microseconds for each kernel where that is more; both are assumed. Validation, metrics, figures and
models without gradients are left out."""


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Lay out rows in columns of all their keys; the first rows of many."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    keys = [key for key in keys if any(row.get(key) is not None for row in rows)]
    lines = ["| " + " | ".join(keys) + " |", "| --- " * len(keys) + "|"]
    for row in rows[:MOST_ROWS]:
        lines.append("| " + " | ".join(_cell(row.get(key)) for key in keys) + " |")
    if len(rows) > MOST_ROWS:
        lines += ["", f"And {len(rows) - MOST_ROWS} more rows in the record."]
    return lines


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
