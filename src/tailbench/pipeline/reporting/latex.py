"""LaTeX tables, to be included where the package ``booktabs`` is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tailbench.pipeline.reporting.number_format import mean_std, number
from tailbench.pipeline.reporting.tables import leaderboard

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.interfaces import MetricOutput

__all__ = ["dataset_table", "escape", "plain_table"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "–": "--",
    "−": "$-$",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "α": r"$\alpha$",
    "σ": r"$\sigma$",
    "ξ": r"$\xi$",
}


def escape(text: Any) -> str:
    """Write a text so that LaTeX prints it as it is; mathematics between dollars is kept."""
    parts = re.split(r"(\$[^$]+\$)", str(text))
    return "".join(
        part if i % 2 else "".join(_SPECIAL.get(c, c) for c in part) for i, part in enumerate(parts)
    )


def dataset_table(
    table: pd.DataFrame, dataset: str, metrics: Sequence[str], outputs: Mapping[str, MetricOutput]
) -> str:
    """Write methods by metrics for one dataset: mean ± std, the best in bold, the floor last.

    Args:
        table: A summary.
        dataset: The dataset.
        metrics: The metrics to show.
        outputs: Labels and directions of the metrics.
    """
    wide = {c: leaderboard(table, dataset, c) for c in ("mean", "std", "best", "n", "seeds")}
    lines = []
    for method in wide["mean"].index:
        cells = [_cell(wide, method, metric) for metric in metrics]
        lines.append([escape(method), *cells])
    floors = leaderboard(table, dataset, "floor").mean()
    lines.append([r"\midrule" + "\nfloor", *(escape(number(floors[m])) for m in metrics)])
    arrows = {"lower": r"$\downarrow$", "higher": r"$\uparrow$"}
    head = ["method"]
    for metric in metrics:
        output = outputs.get(metric)
        head.append(f"{escape(output.label)} {arrows[output.better]}" if output else escape(metric))
    return _tabular("l" + "r" * len(metrics), head, lines)


def plain_table(table: pd.DataFrame) -> str:
    """Write a data frame as it is, numbers with three digits."""
    lines = [[_plain(value) for value in row] for row in table.itertuples(index=False)]
    numeric = [kind.kind in "fiu" for kind in table.dtypes]
    columns = "".join("r" if is_number else "l" for is_number in numeric)
    return _tabular(columns, [escape(name.replace("_", " ")) for name in table.columns], lines)


def _cell(wide: Mapping[str, pd.DataFrame], method: Any, metric: str) -> str:
    mean, std = wide["mean"].loc[method, metric], wide["std"].loc[method, metric]
    n, seeds = wide["n"].loc[method, metric], wide["seeds"].loc[method, metric]
    if not seeds > 0:
        return "--"
    text = escape(mean_std(float(mean), float(std)))
    if n < seeds:
        text += f" ({n:.0f}/{seeds:.0f})"
    return rf"\textbf{{{text}}}" if wide["best"].loc[method, metric] == 1 else text


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape(number(value)) if isinstance(value, float) else escape(value)


def _tabular(columns: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    body = "\n".join(f"{' & '.join(line)} \\\\" for line in lines)
    return (
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{' & '.join(head)} \\\\\n\\midrule\n"
        f"{body}\n\\bottomrule\n\\end{{tabular}}\n"
    )
