"""LaTeX tables, to be included where the package ``booktabs`` is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tailbench.pipeline.reporting.number_format import mean_std, number
from tailbench.pipeline.reporting.tables import leaderboard

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.interfaces import MetricOutput

__all__ = ["dataset_table", "plain_table"]

COMMENT = "% Needs \\usepackage{booktabs}.\n"
MATH = {"±": r"$\pm$", "−": "$-$", "∞": r"$\infty$", "×": r"$\times$", "–": "--"}
MATH |= {"α": r"$\alpha$", "σ": r"$\sigma$", "ξ": r"$\xi$"}
ARROWS = {"lower": r"$\downarrow$", "higher": r"$\uparrow$"}


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
    import pandas as pd

    wide = {c: leaderboard(table, dataset, c) for c in ("mean", "std", "best", "n", "seeds")}
    names = list(wide["mean"].index)
    floors = leaderboard(table, dataset, "floor").mean()
    cells = {m: [_cell(wide, name, m) for name in names] + [number(floors[m])] for m in metrics}
    best = {m: [bool(wide["best"].loc[name, m] == 1) for name in names] + [False] for m in metrics}
    bold = pd.DataFrame(best).map(lambda is_best: "textbf:--rwrap;" if is_best else "")
    frame = pd.DataFrame(cells, index=[*names, "floor"])
    bold.index = frame.index
    heads = {
        m: f"{outputs[m].label} {ARROWS[outputs[m].better]}" if m in outputs else m for m in metrics
    }
    bold = bold.rename(columns=heads)
    frame = frame.rename(columns=heads).rename_axis("method", axis="columns")
    return _latex(frame, bold)


def plain_table(table: pd.DataFrame) -> str:
    """Write a data frame as it is, numbers with three digits."""
    frame = table.map(_plain).rename(columns=lambda name: name.replace("_", " "))
    return _latex(frame, index=False)


def _latex(frame: pd.DataFrame, css: pd.DataFrame | None = None, index: bool = True) -> str:
    style = frame.style.format(escape="latex-math")
    style = style.format_index(escape="latex-math", axis="columns")
    style = style.format_index(escape="latex-math", axis="index") if index else style.hide()
    if css is not None:
        style = style.apply(lambda _: css, axis=None)
    text = style.to_latex(hrules=True)
    for character, command in MATH.items():
        text = text.replace(character, command)
    return COMMENT + text


def _cell(wide: Mapping[str, pd.DataFrame], name: str, metric: str) -> str:
    n, seeds = (float(str(wide[key].loc[name, metric])) for key in ("n", "seeds"))
    if not seeds > 0:
        return "–"
    mean, std = (float(str(wide[key].loc[name, metric])) for key in ("mean", "std"))
    text = mean_std(mean, std)
    return f"{text} ({n:.0f}/{seeds:.0f})" if n < seeds else text


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, float) else str(value)
