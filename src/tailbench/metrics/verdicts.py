"""One sentence for each data set: who reproduces bulk, margins and joint tails, and who fails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tailbench.metrics.group_scores import GROUP_NAMES, LIMITS, QUALITY

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WITHIN", "judgements", "verdicts"]

WITHIN = 1.5
"""Multiple of the floor up to which a group counts as reproduced."""

SIDES = {"margins": "tails", "joint": "norm"}
CLEARLY = 2.0  # how many times the larger side of an error is to be the smaller one
SHOWN = 3
"""Methods that are named in a part of a sentence; of more only the number is given."""

_COLUMNS = ["dataset", "method", "variant", "name", *QUALITY, "seeds", "worst", "direction"]


def judgements(metrics: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Judge each method on each data set by its worst tail group.

    A group is reproduced if the median of its scores over seeds is within 1.5 floors. The
    direction of a failure is read from the metric ``tail_direction``, of the columns for margins,
    of the norm for joint tails: logarithms of its factors, medians over seeds. A side counts if it
    is at least 1.5 times the sum of the floors of both sides, since the floor of one alone may be
    zero; the smaller of two such sides only if it is more than half of the larger one. Without a
    side what fails is not how far out the tail is, or the metrics do not have it.

    Args:
        metrics: The tidy metrics.
        table: The scores.

    Returns:
        One row for each ``dataset``, ``method`` and ``variant``: ``name``, the multiples of the
        floor of ``bulk``, ``margins`` and ``joint`` (``nan`` without), the least number of
        ``seeds``, ``worst`` (the tail group with the largest multiple; the bulk where there is
        none) and its ``direction``.
    """
    import pandas as pd

    of = table[table["group"].isin(QUALITY)]
    rows: list[dict[str, Any]] = []
    for who, own in of.groupby(_COLUMNS[:4], sort=False):
        scores = own.groupby("group")["score"]
        floors = np.exp(scores.median()).to_dict()
        tails = [group for group in QUALITY[1:] if group in floors]
        worst = max(tails, key=lambda group: floors[group]) if tails else "bulk"
        row = dict(zip(_COLUMNS, who, strict=False)) | {g: floors.get(g, math.nan) for g in QUALITY}
        row |= {"seeds": int(scores.size().min()), "worst": worst}
        rows.append(row | {"direction": _direction(metrics, who, worst)})
    return pd.DataFrame(rows, columns=_COLUMNS)


def verdicts(judged: pd.DataFrame, within: float = WITHIN) -> pd.DataFrame:
    """Write one sentence for each data set.

    Methods that reproduce every group that the data set has come first; then those that
    reproduce the bulk and not the tails, then those that fail in the bulk too, both with the
    worst tail group and the direction. A method that lacks a group that another one has
    reproduces nothing.

    Args:
        judged: The judgements.
        within: Multiple of the floor up to which a group is reproduced.

    Returns:
        One row for each ``dataset``: ``sentence``; ``good``, the number of methods that reproduce
        all groups; and ``methods``, their number.
    """
    import pandas as pd

    rows = []
    for dataset, of in judged.groupby("dataset", sort=False):
        groups = [group for group in QUALITY if of[group].notna().any()]
        lacks = [
            _listed([GROUP_NAMES[group] for group in groups if math.isnan(row[group])])
            for row in of.to_dict("records")
        ]
        of = of.assign(lacks=lacks)
        held = of[groups] <= within
        good, tails = held.all(axis=1), held[[g for g in groups if g != "bulk"]].all(axis=1)
        whole = _listed([GROUP_NAMES[group] for group in groups])
        parts = [_reproduced(_short(of[good]), len(of), whole, within)]
        if len(groups) == 1 or "bulk" not in groups:
            parts += _failures(of[~good], "")
        else:
            parts += _failures(of[held["bulk"] & ~tails], "the bulk but not the tails")
            of_bulk = of.assign(worst="bulk", direction="")
            parts += _failures(of_bulk[~held["bulk"] & tails], "the tails but not the bulk")
            parts += _failures(of[~held["bulk"] & ~tails], "neither")
        seeds = int(of["seeds"].min())
        plural = "s" if seeds != 1 else ""
        sentence = f"On {dataset}, {'; '.join(parts)} (medians of {seeds} seed{plural})."
        row = {"dataset": dataset, "sentence": sentence, "good": int(good.sum())}
        rows.append(row | {"methods": len(of)})
    return pd.DataFrame(rows, columns=["dataset", "sentence", "good", "methods"])


def _direction(metrics: pd.DataFrame, who: Any, group: str) -> str:
    """Say to which side the tails of a group are off, as far as the metrics know."""
    if group not in SIDES:
        return ""
    dataset, method, variant, _ = who
    own = metrics[(metrics["dataset"] == dataset) & (metrics["method"] == method)]
    own = own[own["variant"].astype(object).fillna("") == variant]
    sides, floor = {}, 0.0
    for side in ("light", "heavy"):
        rows = own[own["metric"] == f"{SIDES[group]}_too_{side}"]
        sides[f"too {side}"] = float(np.log(rows["value"]).median())
        floor += float(np.log(rows["floor"]).median())
    found = [side for side, size in sides.items() if size > 0 and size >= WITHIN * floor]
    large, small = max(sides.values()), min(sides.values())
    if len(found) == 2 and large >= CLEARLY * small:
        found = [side for side in found if sides[side] == large]
    return " and ".join(found)


def _reproduced(names: Sequence[str], count: int, whole: str, within: float) -> str:
    """Say how many methods reproduce all groups, and which."""
    what = f"{whole} within {within:g} floors"
    if not names:
        if count == 1:
            return f"the one method does not reproduce {what}"
        return f"none of {count} methods reproduces {what}"
    rest = len(names) - SHOWN
    shown = [*names[:SHOWN], f"{rest} more"] if rest > 0 else list(names)
    verb = "reproduces" if len(names) == 1 else "reproduce"
    return (
        f"{len(names)} of {count} method{'s' if count > 1 else ''} {verb} {what}: {_listed(shown)}"
    )


def _failures(of: pd.DataFrame, what: str) -> list[str]:
    """Say how many methods fail so, and name those that are farthest off."""
    if of.empty:
        return []
    named = of.assign(floors=[row[row["worst"]] for row in of.to_dict("records")], short=_short(of))
    named = named.sort_values(["floors", "short"], ascending=[False, True])
    shown = [_failure(row) for row in named.head(SHOWN).to_dict("records")]
    verb = "reproduces" if len(of) == 1 else "reproduce"
    first = "farthest off " if len(of) > SHOWN else ""
    head = f"{len(of)} {verb} {what}: " if what else "of the others, "
    return [f"{head}{first}{', '.join(shown)}"]


def _failure(row: dict[Any, Any]) -> str:
    """Name a method with its worst tail group, by how much, and to which side."""
    if row["lacks"]:
        return f"{row['short']} (no score of {row['lacks']})"
    times = f"{row['floors']:.2g}" if row["floors"] < 10 else f"{row['floors']:.0f}"
    if row["floors"] > LIMITS[1] * (1 - 1e-9):
        times = f"at least {LIMITS[1]:g}"
    direction = f", {row['direction']}" if row["direction"] else ""
    return f"{row['short']} ({GROUP_NAMES[row['worst']]} {times} floors{direction})"


def _short(of: pd.DataFrame) -> list[str]:
    """Return the names of methods without commas, which part them in a sentence."""
    pairs = zip(of["method"], of["variant"], strict=True)
    return [f"{method} {variant.replace(',', ' ')}".strip() for method, variant in pairs]


def _listed(names: Sequence[str]) -> str:
    if not names:
        return ""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
