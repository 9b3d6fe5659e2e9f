"""Quality against the noise level at which the diffusion takes over from the flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["SigmaT"]


@register
class SigmaT:
    """Metrics against sigma_T, where a sweep of it was run."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"metrics"})
    caption: ClassVar[str] = (
        "Structure (left) and tails (right) against the noise level σ_T at which the diffusion "
        "takes over from the flow; mean and standard deviation over seeds. Horizontal lines: "
        "the other methods, of each sweep the variant that costs most. Dotted: the floor, real "
        "data against real data. Stars: the value chosen on validation data, one per seed; at the "
        "left edge it is 0, the flow as it is."
    )

    def draw(self, inputs: ResultsReader, dataset: str) -> Figure | None:
        """Draw a panel per key metric; ``None`` unless a method was run at two fixed values."""
        import pandas as pd

        from tailbench.metrics.outputs import directions
        from tailbench.plots import metric_points, style

        of = inputs.metrics[inputs.metrics["dataset"] == dataset]
        chose = _chosen(of, inputs)
        values = of.loc[of["sigma_T"].notna() & ~chose].groupby("family")["sigma_T"].nunique()
        swept = of["family"].isin(values.index[values > 1])
        if not swept.any():
            return None
        chosen, fixed = of[chose & of["sigma_T"].notna()], of[swept & ~chose]
        alone = of[~swept & ~chose]
        outputs = directions()
        shown = metric_points.panel_metrics(fixed)
        figure, grid = style.panels(len(shown), columns=2, height=3.2, width=10)
        levels = pd.concat([fixed["sigma_T"], chosen["sigma_T"]])
        least = levels[levels > 0].min()
        chosen = chosen.assign(sigma_T=chosen["sigma_T"].where(chosen["sigma_T"] > 0, least / 2))
        handles: dict[str, Any] = {}
        for axes, metric in zip(grid, shown, strict=True):
            curves = metric_points.points(fixed, metric)
            lines = metric_points.points(alone, metric)
            stars = chosen[chosen["metric"] == metric]
            handles |= _curves(axes, curves, inputs)
            handles |= _levels(axes, lines, inputs)
            handles |= _stars(axes, stars, inputs)
            floor = curves["floor"].mean()
            metric_points.floor_line(axes, floor)
            ends = [*metric_points.extent(curves), *lines["mean"], *stars["value"], floor]
            metric_points.quality_axis(axes, metric, outputs.get(metric), ends)
            edge = least / (2.6 if (levels == 0).any() else 1.3)
            style.log_axis(axes.xaxis, edge, levels.max() * 1.3)
            axes.set_xlabel(r"$\sigma_T$")
        handles["floor"] = style.floor_handle()
        figure.legend(handles=list(handles.values()), loc="outside right upper")
        return figure


def _chosen(of: pd.DataFrame, inputs: ResultsReader) -> pd.Series[bool]:
    """Tell which rows have a value of sigma_T that was chosen for them from data."""
    chose = [f for f in inputs.families if inputs.entry("methods", f).get("sigma_T") == "auto"]
    named = of["method"].str.contains("sigma_T=auto", regex=False)
    return named | of["family"].isin(chose)


def _curves(axes: Axes, table: pd.DataFrame, inputs: ResultsReader) -> dict[str, Any]:
    from tailbench.plots import metric_points, style

    handles = {}
    names = table["method"].map(lambda method: metric_points.without(method, "sigma_T"))
    for name, group in table.groupby(names, sort=False):
        group = group.sort_values("sigma_T")
        handles[str(name)] = axes.errorbar(
            group["sigma_T"],
            group["mean"],
            metric_points.error_bars(group["mean"], group["std"]),
            color=style.colour(str(name), inputs.families),
            marker=style.marker(str(name), inputs.families),
            capsize=2.5,
            elinewidth=1,
            label=style.label(str(name)),
        )
    return handles


def _levels(axes: Axes, table: pd.DataFrame, inputs: ResultsReader) -> dict[str, Any]:
    """Draw a line for each method without sigma_T; of a sweep only the costliest variant."""
    from tailbench.plots import style

    handles = {}
    last = table.sort_values("nfe", kind="stable").groupby("family", sort=False).tail(1)
    order = {family: i for i, family in enumerate(table["family"].unique())}
    ranked: Any = last.sort_values("family", key=lambda f: f.map(order))
    for row in ranked.itertuples():
        colour = style.colour(str(row.family), inputs.families)
        text = style.label(str(row.method))
        handles[str(row.method)] = axes.axhline(
            row.mean, color=colour, ls=(0, (5, 2)), lw=1.1, label=text, zorder=1
        )
    return handles


def _stars(axes: Axes, stars: pd.DataFrame, inputs: ResultsReader) -> dict[str, Any]:
    from tailbench.plots import style

    handles = {}
    for family, group in stars.groupby("family", sort=False):
        look: dict[str, Any] = {"s": 110, "ec": "#111111", "lw": 0.8, "zorder": 5, "marker": "*"}
        colour = style.colour(str(family), inputs.families)
        text = f"{family}, chosen" + r" $\sigma_T$"
        handles[f"{family} chosen"] = axes.scatter(
            group["sigma_T"], group["value"], color=colour, label=text, **look
        )
    return handles
