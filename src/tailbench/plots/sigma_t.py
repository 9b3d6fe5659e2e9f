"""Quality against the noise level at which the diffusion takes over from the flow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tailbench.metrics.outputs import directions
from tailbench.plots import base, legends, metric_points, style
from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SigmaT", "sigma_t"]

SWEPT = "sigma_T"


@style.theme()
def sigma_t(
    metrics: pd.DataFrame,
    dataset: str | None = None,
    *,
    chosen: Collection[str] = (),
    methods: Sequence[str] = (),
) -> Figure | None:
    """Draw the key metrics of a dataset against ``sigma_T``, where it was swept.

    Args:
        metrics: The tidy metrics: ``method``, ``variant``, ``settings``, ``seed``, ``metric``,
            ``value``, ``floor``, ``nfe``, ``sigma_T``.
        dataset: The dataset; may be left out if there is only one.
        chosen: Methods whose ``sigma_T`` was chosen from data without a sweep over it; of a sweep,
            the settings tell that the value is ``"auto"``.
        methods: Names by whose order unknown methods get their colours; those of ``metrics`` if
            left out.

    Returns:
        The figure; ``None`` unless a method was run at two fixed values.

    Raises:
        ValueError: If there are several datasets and none is named.
    """
    of = metric_points.of_dataset(metrics, dataset)
    is_chosen = of["method"].isin(list(chosen)) | _is_auto(of)
    levels = of.loc[of["sigma_T"].notna() & ~is_chosen].groupby("method")["sigma_T"].nunique()
    is_swept = of["method"].isin(levels.index[levels > 1])
    if not is_swept.any():
        return None
    names = methods or list(of["method"].unique())
    drawn = of["sigma_T"].where(is_swept | is_chosen)
    least = drawn[drawn > 0].min()
    of = of.assign(sigma_T=drawn.where(drawn != 0, least / 2))  # zero has no place of its own
    stars, fixed = of[is_chosen & drawn.notna()], of[is_swept & ~is_chosen]
    alone = of[~is_swept & ~is_chosen]
    shown = metric_points.panel_metrics(fixed)
    figure, grid = style.panels(len(shown), columns=2, height=3.2, width=10)
    handles: dict[str, Any] = {}
    for axes, metric in zip(grid, shown, strict=True):
        curves, lines = (metric_points.points(part, metric) for part in (fixed, alone))
        chose = stars[stars["metric"] == metric]
        handles |= _panel(axes, metric, curves, lines, chose, names)
        _noise_axis(axes, least, drawn)
    handles["floor"] = legends.floor_handle()
    legends.beside(figure, list(handles.values()))
    return figure


@register
class SigmaT(base.Figure):
    """Metrics against sigma_T, where a sweep of it was run."""

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.METRICS})
    caption: ClassVar[str] = (
        "Structure (left) and tails (right) against the noise level σ_T at which the diffusion "
        "takes over from the flow; mean and standard deviation over seeds. Horizontal lines: "
        "the other methods, of each sweep the variant that costs most. Dotted: the floor, real "
        "data against real data. Stars: the value chosen on validation data, one per seed. At 0, "
        "drawn at the left edge, the samples are those of the flow as it is."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw a panel per key metric; ``None`` unless a method was run at two fixed values."""
        chosen = data.chosen_methods()
        return sigma_t(data.metrics, dataset, chosen=chosen, methods=data.methods)


def _is_auto(of: pd.DataFrame) -> Any:
    """Return which rows have a value of sigma_T that was chosen for them, within a sweep."""
    auto = {v for v in metric_points.variants(of) if v.settings.get(SWEPT) == "auto"}
    keys = {(v.method, v.label) for v in auto}
    pairs = zip(of["method"], of["variant"], strict=True)
    return np.fromiter((pair in keys for pair in pairs), bool, len(of))


def _panel(
    axes: Axes,
    metric: str,
    curves: pd.DataFrame,
    lines: pd.DataFrame,
    stars: pd.DataFrame,
    names: Sequence[str],
) -> dict[str, Any]:
    """Draw one metric, and return the entries of the legend."""
    handles = _curves(axes, curves, names)
    handles |= _levels(axes, lines, names)
    handles |= _stars(axes, stars, names)
    floor = curves["floor"].mean()
    metric_points.floor_line(axes, floor)
    ends = [*metric_points.extent(curves), *lines["mean"], *stars["value"], floor]
    metric_points.quality_axis(axes, metric, directions().get(metric), ends)
    return handles


def _noise_axis(axes: Axes, least: float, drawn: pd.Series[float]) -> None:
    has_zero = bool((drawn == 0).any())
    style.log_axis(axes.xaxis, least / (2.6 if has_zero else 1.3), drawn.max() * 1.3)
    if has_zero:
        style.zero_tick(axes.xaxis, least / 2)
    axes.set_xlabel(r"$\sigma_T$")


def _curves(axes: Axes, table: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """Draw the variants of a sweep, those that differ in sigma_T alone joined."""
    handles = {}
    common = [metric_points.without(v, (SWEPT,)) for v in table["variant"]]
    for group in dict.fromkeys(common):
        rows = table[[other == group for other in common]].sort_values("sigma_T")
        handles[group.text] = axes.errorbar(
            rows["sigma_T"],
            rows["mean"],
            metric_points.error_bars(rows["mean"], rows["std"]),
            color=style.colour(group, names),
            marker=style.marker(group, names),
            capsize=2.5,
            elinewidth=1,
            label=style.label(group),
        )
    return handles


def _levels(axes: Axes, table: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """Draw a line for each method without sigma_T; of a sweep only the costliest variant."""
    handles = {}
    for _, group in table.groupby("method", sort=False):
        row = group.sort_values("nfe", kind="stable").iloc[-1]
        variant = row["variant"]
        handles[variant.text] = axes.axhline(
            row["mean"],
            color=style.colour(variant, names),
            ls=(0, (5, 2)),
            lw=1.1,
            label=style.label(variant),
            zorder=1,
        )
    return handles


def _stars(axes: Axes, stars: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """Draw a star for each seed of a method whose sigma_T was chosen."""
    handles = {}
    look: dict[str, Any] = {"s": 110, "ec": "#111111", "lw": 0.8, "zorder": 5, "marker": "*"}
    for method, group in stars.groupby("method", sort=False):
        colour = style.colour(str(method), names)
        text = f"{method}, chosen" + r" $\sigma_T$"
        handles[f"{method} chosen"] = axes.scatter(
            group["sigma_T"], group["value"], color=colour, label=text, **look
        )
    return handles
