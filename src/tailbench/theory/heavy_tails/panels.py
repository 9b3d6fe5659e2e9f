"""The panels of the figure on heavy tails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["panels", "rows_of"]


def panels(points: pd.DataFrame) -> Figure:
    """Draw the six panels of the rows of all cells."""
    from tailbench.plots import legends, style

    figure, grid = style.panels(6, columns=3, height=2.9)
    laws = [str(law) for law in points.loc[points["dim"] == 1, "law"].unique()]
    drawings = (_draw_start, _draw_truncated, _draw_capacity, _draw_split, _draw_stopping)
    for axes, drawing in zip(grid, drawings, strict=False):
        drawing(axes, points[points["dim"] == 1], laws)
    _draw_dimension(grid[5], points[points["dim"] > 1])
    legends.below(figure, grid[4].get_legend_handles_labels()[0], 5)
    return figure


def rows_of(points: pd.DataFrame, part: str, **wanted: Any) -> pd.DataFrame:
    """Return the rows of a part whose columns have the wanted values."""
    found = points[points["part"] == part]
    for column, value in wanted.items():
        found = found[found[column] == value]
    return found


def _draw_start(axes: Axes, points: pd.DataFrame, laws: Sequence[str]) -> None:
    from tailbench.plots import style
    from tailbench.theory.plots import curve, limits

    of = rows_of(points, "start")
    for law in laws:
        group = of[(of["law"] == law) & np.isfinite(of["value"])]
        for method, dash in (("gaussian", "-"), ("flow", "--")):
            part = group[group["method"] == method]
            curve(axes, part["x"], part["value"], law, laws, ls=dash, markersize=2.5)
    style.log_axis(axes.xaxis, *limits(of["x"]))
    style.log_axis(axes.yaxis, 1e-8, 20)
    axes.set(title="Start", xlabel=r"$\sigma_T$", ylabel=r"KL($p_T$ | start)")


def _draw_truncated(axes: Axes, points: pd.DataFrame, laws: Sequence[str]) -> None:
    from tailbench.plots import style
    from tailbench.theory.plots import curve, limits

    of = rows_of(points, "truncated")
    for law in laws:
        group = of[of["law"] == law]
        curve(axes, group["x"], group["value"], law, laws)
    style.log_axis(axes.xaxis, *limits(of["x"]))
    style.log_axis(axes.yaxis, *limits(of["value"]))
    axes.set(title="Gaussian start, within a radius", xlabel="radius", ylabel="KL")


def _draw_capacity(axes: Axes, points: pd.DataFrame, laws: Sequence[str]) -> None:
    from tailbench.plots import style
    from tailbench.theory.plots import curve, limits, reference

    law = "student-1.5" if "student-1.5" in laws else laws[0]
    of = rows_of(points, "capacity", quantity="tv", law=law)
    kinds = list(of["method"].unique())
    for kind in kinds:
        group = of[of["method"] == kind]
        curve(axes, group["x"], group["value"], kind, kinds, f"{kind} tails")
    style.log_axis(axes.xaxis, *limits(of["x"], 1.2))
    style.log_axis(axes.yaxis, *limits(of["value"]))
    reference(axes, of["x"], -1.0, 0.7 * of["value"].min() * 20, "slope -1")
    axes.legend(fontsize=7, loc="lower left")
    axes.set(title=f"Flow, {law}", xlabel="bins on each side", ylabel="total variation")


def _draw_split(axes: Axes, points: pd.DataFrame, laws: Sequence[str]) -> None:
    from tailbench.plots import style

    of = rows_of(points, "split")
    kinds = [
        "initialisation, gaussian",
        "initialisation, flow",
        "discretisation",
        "score",
        "early stopping",
        "all, gaussian",
        "all, flow",
    ]
    for kind in kinds:
        group = of[of["method"] == kind].set_index("law")["value"].reindex(list(laws))
        look: dict[str, Any] = {
            "color": style.colour(kind, kinds),
            "marker": style.marker(kind, kinds),
        }
        axes.plot(range(len(laws)), group, ls="", markersize=4, label=kind, **look)
    style.log_axis(axes.yaxis, 1e-4, 3)
    axes.set_xticks(
        range(len(laws)), [law.replace("student-", "t").replace("stable-", "s") for law in laws]
    )
    axes.legend(fontsize=6, loc="upper center", ncols=2, handletextpad=0.2, columnspacing=0.6)
    axes.set(title="Parts of the error", ylabel="total variation")


def _draw_stopping(axes: Axes, points: pd.DataFrame, laws: Sequence[str]) -> None:
    from tailbench.plots import style
    from tailbench.theory.plots import curve, limits

    of = rows_of(points, "stopping")
    least = of.loc[of["x"] > 0, "x"].min() / 2.5
    for law in laws:
        group = of[of["law"] == law]
        exact = group[group["method"] == "exact score"]
        wrong = group[group["method"] == "wrong score"]
        curve(axes, wrong["x"].clip(lower=least), wrong["value"], law, laws, law.replace("-", " "))
        curve(axes, exact["x"], exact["value"], law, laws, "_", ls="--", marker="", linewidth=0.8)
    style.log_axis(axes.xaxis, *limits([*of["x"], least]))
    style.log_axis(axes.yaxis, *limits(of["value"]))
    axes.set(title="Early stopping", xlabel="noise level at the end", ylabel="total variation")


def _draw_dimension(axes: Axes, points: pd.DataFrame) -> None:
    from tailbench.plots import style
    from tailbench.theory.plots import curve, limits

    dims = [str(d) for d in points["dim"].unique()]
    for d in dims:
        of = points[points["dim"] == int(d)]
        for method, dash in (("gaussian", "-"), ("student base", "--")):
            group = of[of["method"] == method]
            exact = group[group["seed"] < 0]
            curve(axes, exact["x"], exact["value"], d, dims, "_", marker="", ls=dash)
            mean = group[group["seed"] >= 0].groupby("x")["value"].mean()
            label = f"d = {d}" if dash == "-" else "_"
            curve(axes, mean.index, mean, d, dims, label, ls="")
    if len(points):
        style.log_axis(axes.xaxis, *limits(points["x"]))
        style.log_axis(axes.yaxis, *limits(points.loc[points["seed"] < 0, "value"]))
        axes.legend(fontsize=7)
    axes.set(title="Gaussian (solid), Student base", xlabel=r"$\sigma_T$", ylabel="KL")
