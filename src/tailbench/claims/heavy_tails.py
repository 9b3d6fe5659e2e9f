"""Initialisation, early stopping and flows on heavy-tailed data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tailbench.claims._base import Claims, Slope, bootstrap, regression
from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["HeavyTailsClaims"]

EXACT = "regression; the values are exact, so its width is curvature and no noise"
VALUE = "a value, not a slope; exact up to quadrature, so without an interval"
SEEDS = "the wider of the bootstrap over seeds and the regression of the means"
PARTS = ("discretisation", "score", "early stopping")


@register
class HeavyTailsClaims(Claims):
    """Early stopping and a suitable start make any target admissible; flows need no tails."""

    name: ClassVar[str]
    title = "Start and early stopping on heavy tails"
    theorem = (
        "Stopped early and started suitably, the reverse process is well posed for any target, and "
        "its Kullback-Leibler divergence from the noised data is bounded by the sum of an "
        "initialisation, a discretisation and a score term; normalizing flows converge without any "
        "assumption on the tails of the target (Fassina, Cardoso, Le Corff and Romary, 2026)."
    )
    assumption = (
        "None on the tails. The start has to be close to the noised data in divergence, which a "
        "Gaussian is not where the data have no variance."
    )
    measured = (
        "For Student-t and symmetric stable laws on the line, by quadrature: the divergence of "
        "p_T from Gaussians and from spline flows with 16 bins a side; total variation between the "
        "law and flows of growing capacity, the tails of which are right, twice too heavy or too "
        "light, or Gaussian; total variation of the output with all errors but one switched off, "
        "and with all on; and against the noise level at which the process stops. In more "
        "dimensions by Monte Carlo, beside a quadrature over the radius."
    )
    refuted_by = (
        "A divergence from the flow that is infinite or grows without end; a flow whose distance "
        "does not fall with its capacity, whatever its tails; a total error above the sum of its "
        "parts; a divergence from a Gaussian that is finite for a law without variance."
    )
    caption = (
        "Kullback-Leibler divergence of p_T from a Gaussian (solid; infinite, and so not shown, up "
        "to a tail index of 2) and from a flow (dashed); its growth with the ball of the integral; "
        "total variation between a Student-t law (1.5 degrees of freedom) and flows of growing "
        "capacity by their tails; the parts of the final error for each law; the total error by "
        "the noise level at which the process stops, exact (dashed) and wrong score (solid; "
        "leftmost: not stopped); Monte Carlo (markers) and exact values (lines) in d dimensions."
    )

    def slopes(self, points: pd.DataFrame) -> Sequence[Slope]:
        """Fit all slopes, and compare the whole error with its parts."""
        found: list[Slope] = []
        for fit in (_start, _truncated, _capacity, _split, _stopping, _dimension):
            found += fit(points)
        return found

    def draw(self, points: pd.DataFrame, slopes: pd.DataFrame) -> Figure:
        """Draw the six panels."""
        from tailbench.figures import _style

        figure, grid = _style.panels(6, columns=3, height=2.9)
        laws = [str(law) for law in points.loc[points["dim"] == 1, "law"].unique()]
        panels = (_draw_start, _draw_truncated, _draw_capacity, _draw_split, _draw_stopping)
        for axes, panel in zip(grid, panels, strict=False):
            panel(axes, points[points["dim"] == 1], laws)
        _draw_dimension(grid[5], points[points["dim"] > 1])
        _style.legend_below(figure, grid[4].get_legend_handles_labels()[0], 5)
        return figure


def _of(points: pd.DataFrame, part: str, **wanted: Any) -> pd.DataFrame:
    found = points[points["part"] == part]
    for column, value in wanted.items():
        found = found[found[column] == value]
    return found


def _start(points: pd.DataFrame) -> Iterator[Slope]:
    for law, group in _of(points, "start", dim=1).groupby("law", sort=False):
        index = float(group["index"].iloc[0])
        gaussian = group[group["method"] == "gaussian"].sort_values("x")
        if index > 2:  # else it is infinite, as its growth with the radius shows
            far = gaussian[gaussian["x"] >= 8]
            slope, low, high, n = regression(far["x"], far["value"])
            reason = "" if index >= 4 else "the power comes with a power of the logarithm"
            yield Slope(
                "divergence from the Gaussian against sigma_T, from 8 on",
                str(law),
                slope,
                low,
                high,
                EXACT,
                n,
                -min(index, 4.0),
                "=",
                "derived",
                reason,
            )
        flow = group[group["method"] == "flow"]["value"]
        largest = float(flow.max())
        yield Slope(
            "largest divergence from the flow over sigma_T",
            str(law),
            largest,
            largest,
            largest,
            VALUE,
            len(flow),
        )


def _truncated(points: pd.DataFrame) -> Iterator[Slope]:
    for law, group in _of(points, "truncated").groupby("law", sort=False):
        index = float(group["index"].iloc[0])
        if index < 2:
            last = group.sort_values("x").tail(3)
            slope, low, high, n = regression(last["x"], last["value"])
            yield Slope(
                "growth of the divergence from the Gaussian with the radius, 1e3 to 1e5",
                str(law),
                slope,
                low,
                high,
                EXACT,
                n,
                2 - index,
                "=",
                "derived",
                "the far tail adds to a part near the centre that does not grow",
            )


def _capacity(points: pd.DataFrame) -> Iterator[Slope]:
    of = _of(points, "capacity", quantity="tv")
    for (law, tails), group in of.groupby(["law", "method"], sort=False):
        group = group.sort_values("x")
        slope, low, high, n = regression(group["x"], group["value"])
        yield Slope(
            "total variation of a flow against its capacity",
            f"{law}, {tails} tails",
            slope,
            low,
            high,
            EXACT,
            n,
            0.0,
            "<=",
            "theorem",
        )


def _split(points: pd.DataFrame) -> Iterator[Slope]:
    for law, group in _of(points, "split").groupby("law", sort=False):
        value = group.set_index("method")["value"]
        for start in ("gaussian", "flow"):
            names = [f"initialisation, {start}", *PARTS]
            ratio = float(value[f"all, {start}"] / value[names].sum())
            share = 100 * float(value[names[0]] / value[names].sum())
            yield Slope(
                "total error over the sum of its parts",
                f"{law}, {start} start",
                ratio,
                ratio,
                ratio,
                VALUE,
                4,
                1.0,
                "<=",
                "theorem",
                f"in total variation; initialisation is {share:.2g} % of the sum",
            )


def _stopping(points: pd.DataFrame) -> Iterator[Slope]:
    for law, group in _of(points, "stopping").groupby("law", sort=False):
        exact = group[(group["method"] == "exact score") & (group["x"] <= 0.21)]
        slope, low, high, n = regression(exact["x"], exact["value"])
        wrong = group[group["method"] == "wrong score"].set_index("x")["value"]
        yield Slope(
            "error of stopping early against the noise level, exact score",
            str(law),
            slope,
            low,
            high,
            EXACT,
            n,
            2.0,
            "=",
            "derived",
            f"with the wrong score the least error is at {wrong.idxmin():g}: {wrong.min():.3f}, "
            f"and {wrong.get(0.0, math.nan):.3f} without stopping",
        )


def _dimension(points: pd.DataFrame) -> Iterator[Slope]:
    of = _of(points, "dimension", method="gaussian")
    for (law, d), group in of.groupby(["law", "dim"], sort=False):
        table = group[group["seed"] >= 0].pivot(index="seed", columns="x", values="value")
        table = table[[x for x in table.columns if float(x) <= 8]]
        exact = group[group["seed"] < 0].set_index("x")["value"].loc[table.columns]
        claimed = regression(exact.index, exact)[0]
        slope, low, high, n = bootstrap(table.columns, table)
        yield Slope(
            "divergence from the Gaussian against sigma_T up to 8, Monte Carlo",
            f"{law}, d = {d}",
            slope,
            low,
            high,
            SEEDS,
            n,
            claimed,
            "=",
            "derived",
            "claimed is the slope of the exact values; beyond 8 the divergence sits in tails that "
            "samples do not reach, and Monte Carlo is too low",
        )


def _draw_start(axes: Axes, points: pd.DataFrame, laws: Sequence[str]) -> None:
    from tailbench.claims._draw import curve, limits
    from tailbench.figures import _style

    of = _of(points, "start")
    for law in laws:
        group = of[(of["law"] == law) & np.isfinite(of["value"])]
        for method, style in (("gaussian", "-"), ("flow", "--")):
            part = group[group["method"] == method]
            curve(axes, part["x"], part["value"], law, laws, ls=style, markersize=2.5)
    _style.log_axis(axes.xaxis, *limits(of["x"]))
    _style.log_axis(axes.yaxis, 1e-8, 20)
    axes.set(title="Start", xlabel=r"$\sigma_T$", ylabel=r"KL($p_T$ | start)")


def _draw_truncated(axes: Axes, points: pd.DataFrame, laws: Sequence[str]) -> None:
    from tailbench.claims._draw import curve, limits
    from tailbench.figures import _style

    of = _of(points, "truncated")
    for law in laws:
        group = of[of["law"] == law]
        curve(axes, group["x"], group["value"], law, laws)
    _style.log_axis(axes.xaxis, *limits(of["x"]))
    _style.log_axis(axes.yaxis, *limits(of["value"]))
    axes.set(title="Gaussian start, within a radius", xlabel="radius", ylabel="KL")


def _draw_capacity(axes: Axes, points: pd.DataFrame, laws: Sequence[str]) -> None:
    from tailbench.claims._draw import curve, limits, reference
    from tailbench.figures import _style

    law = "student-1.5" if "student-1.5" in laws else laws[0]
    of = _of(points, "capacity", quantity="tv", law=law)
    kinds = list(of["method"].unique())
    for kind in kinds:
        group = of[of["method"] == kind]
        curve(axes, group["x"], group["value"], kind, kinds, f"{kind} tails")
    _style.log_axis(axes.xaxis, *limits(of["x"], 1.2))
    _style.log_axis(axes.yaxis, *limits(of["value"]))
    reference(axes, of["x"], -1.0, 0.7 * of["value"].min() * 20, "slope -1")
    axes.legend(fontsize=7, loc="lower left")
    axes.set(title=f"Flow, {law}", xlabel="bins on each side", ylabel="total variation")


def _draw_split(axes: Axes, points: pd.DataFrame, laws: Sequence[str]) -> None:
    from tailbench.figures import _style

    of = _of(points, "split")
    kinds = [
        "initialisation, gaussian",
        "initialisation, flow",
        *PARTS,
        "all, gaussian",
        "all, flow",
    ]
    for kind in kinds:
        group = of[of["method"] == kind].set_index("law")["value"].reindex(list(laws))
        look: dict[str, Any] = {
            "color": _style.colour(kind, kinds),
            "marker": _style.marker(kind, kinds),
        }
        axes.plot(range(len(laws)), group, ls="", markersize=4, label=kind, **look)
    _style.log_axis(axes.yaxis, 1e-4, 3)
    axes.set_xticks(
        range(len(laws)), [law.replace("student-", "t").replace("stable-", "s") for law in laws]
    )
    axes.legend(fontsize=6, loc="upper center", ncols=2, handletextpad=0.2, columnspacing=0.6)
    axes.set(title="Parts of the error", ylabel="total variation")


def _draw_stopping(axes: Axes, points: pd.DataFrame, laws: Sequence[str]) -> None:
    from tailbench.claims._draw import curve, limits
    from tailbench.figures import _style

    of = _of(points, "stopping")
    least = of.loc[of["x"] > 0, "x"].min() / 2.5
    for law in laws:
        group = of[of["law"] == law]
        exact = group[group["method"] == "exact score"]
        wrong = group[group["method"] == "wrong score"]
        curve(axes, wrong["x"].clip(lower=least), wrong["value"], law, laws, law.replace("-", " "))
        curve(axes, exact["x"], exact["value"], law, laws, "_", ls="--", marker="", linewidth=0.8)
    _style.log_axis(axes.xaxis, *limits([*of["x"], least]))
    _style.log_axis(axes.yaxis, *limits(of["value"]))
    axes.set(title="Early stopping", xlabel="noise level at the end", ylabel="total variation")


def _draw_dimension(axes: Axes, points: pd.DataFrame) -> None:
    from tailbench.claims._draw import curve, limits
    from tailbench.figures import _style

    dims = [str(d) for d in points["dim"].unique()]
    for d in dims:
        of = points[points["dim"] == int(d)]
        for method, style in (("gaussian", "-"), ("student base", "--")):
            group = of[of["method"] == method]
            exact = group[group["seed"] < 0]
            curve(axes, exact["x"], exact["value"], d, dims, "_", marker="", ls=style)
            mean = group[group["seed"] >= 0].groupby("x")["value"].mean()
            label = f"d = {d}" if style == "-" else "_"
            curve(axes, mean.index, mean, d, dims, label, ls="")
    if len(points):
        _style.log_axis(axes.xaxis, *limits(points["x"]))
        _style.log_axis(axes.yaxis, *limits(points.loc[points["seed"] < 0, "value"]))
        axes.legend(fontsize=7)
    axes.set(title="Gaussian (solid), Student base", xlabel=r"$\sigma_T$", ylabel="KL")
