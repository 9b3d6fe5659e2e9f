"""The leaderboard of a benchmark: verdicts and ranks, for the report and for a terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tailbench.interfaces import MetricOutput
from tailbench.metrics.group_scores import GROUP_NAMES, QUALITY, missing, scores
from tailbench.metrics.ranking import ranking
from tailbench.metrics.separation import FEW, pairwise
from tailbench.metrics.trade_offs import profiles
from tailbench.metrics.verdicts import judgements, verdicts
from tailbench.pipeline.reporting.number_format import number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WIDTH", "Leaderboard", "row_line"]

WIDTH = 80
FIRST = 3
"""Methods of each group on a terminal."""

SCALE = {"cost": "multiple of the cheapest"}
TESTS = {
    "wilcoxon": "Wilcoxon's signed rank test of the means of {datasets} datasets",
    "student": "Student's test of differences within seeds, which speaks of {these} alone",
}


@dataclass(frozen=True)
class Leaderboard:
    """Scores, ranks and verdicts of the metrics of a benchmark, each computed once.

    Attributes:
        metrics: The tidy metrics.
        outputs: Directions and groups of the metrics; those registered if ``None``.
    """

    metrics: pd.DataFrame
    outputs: Mapping[str, MetricOutput] | None = None

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The scores of ``tailbench.metrics.group_scores``."""
        return scores(self.metrics, self.outputs)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The comparisons of ``tailbench.metrics.separation``."""
        return pairwise(self.scores)

    @cached_property
    def ranks(self) -> pd.DataFrame:
        """The ranks of ``tailbench.metrics.ranking``."""
        return ranking(self.scores, self.pairs)

    @cached_property
    def judged(self) -> pd.DataFrame:
        """The judgements of ``tailbench.metrics.verdicts``."""
        return judgements(self.metrics, self.scores)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """The sentences of ``tailbench.metrics.verdicts``."""
        return verdicts(self.judged)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables to write, by name."""
        return {
            "ranking": self.ranks,
            "scores": self.scores,
            "pairwise": self.pairs,
            "profiles": profiles(self.scores),
            "verdicts": self.verdicts,
        }

    def sections(self) -> list[dict[str, Any]]:
        """Return what the report says of each group.

        Returns:
            One mapping for each group: ``title``, ``scale`` (what the multiples are of), ``few``
            (whether there are not enough seeds to rank), ``test`` (how pairs were compared),
            ``gaps`` (which cells are missing, by method) and ``rows``: those of the ranks, with
            ``times``, ``from`` and ``to`` for the multiples of ``iqm``, ``low`` and ``high``.
        """
        gaps = missing(self.scores)
        found = []
        for group, of in self.ranks.groupby("group", sort=False):
            rows = [
                row | {"times": _exp(row["iqm"]), "from": _exp(row["low"]), "to": _exp(row["high"])}
                for row in of.to_dict("records")
            ]
            found.append(
                {
                    "group": group,
                    "title": GROUP_NAMES[str(group)],
                    "scale": SCALE.get(str(group), "multiple of the floor"),
                    "few": bool(of["note"].str.contains(FEW).any()),
                    "test": _test(self.pairs[self.pairs["group"] == group]),
                    "gaps": _gaps(gaps[gaps["group"] == group]),
                    "rows": rows,
                }
            )
        return found

    def text(self) -> str:
        """Write the verdicts and the first methods of each group, in at most 80 columns."""
        lines: list[str] = []
        for sentence in self.verdicts["sentence"]:
            lines += textwrap.wrap(sentence, WIDTH, subsequent_indent="  ")
        for section in self.sections():
            if section["group"] not in QUALITY:
                continue
            few = f": {FEW}" if section["few"] else ""
            interval = "range over seeds" if section["few"] else "95 % interval"
            head = f"{section['title']}, in floors ({interval}){few}"
            lines += ["", head, *map(row_line, section["rows"][:FIRST])]
        if lines and self.ranks["cliques"].fillna("").ne("").any():
            lines += ["", "Methods that share a letter cannot be told apart."]
        return "\n".join(lines)


def row_line(row: Mapping[Any, Any]) -> str:
    """Write a row of a section on one line: rank, name, multiple, interval, letters."""
    rank = f"{row['rank']:.0f}" if math.isfinite(row["rank"]) else "–"
    name = f"{row['method']} {row['variant']}".strip()
    shown = name if len(name) <= 36 else f"{name[:35]}…"
    ends = f"({number(row['from'], 2)} to {number(row['to'], 2)})" if row["from"] > 0 else ""
    letters = row["cliques"] if isinstance(row["cliques"], str) else ""
    return f"  {rank:>2} {shown:<36} {number(row['times'], 2):>6} {ends:<17} {letters}".rstrip()


def _test(pairs: pd.DataFrame) -> str:
    """Say how the pairs of one group were compared."""
    used = pairs[pairs["test"].isin(list(TESTS))]
    if used.empty:
        return ""
    count = int(used["datasets"].max())
    these = "this dataset" if count == 1 else f"these {count} datasets"
    texts = [TESTS[name].format(datasets=count, these=these) for name in used["test"].unique()]
    return " or ".join(texts)


def _gaps(gaps: pd.DataFrame) -> dict[str, str]:
    """Return the data sets and seeds on which a method has no score, as text, by method."""
    found = {}
    for name, of in gaps.groupby("name", sort=False):
        places = [
            f"{dataset} (seeds {', '.join(map(str, sorted(own['seed'])))})"
            for dataset, own in of.groupby("dataset", sort=False)
        ]
        found[str(name)] = ", ".join(places)
    return found


def _exp(x: float) -> float:
    return math.exp(x) if x is not None and math.isfinite(x) else math.nan
