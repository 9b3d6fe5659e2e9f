"""A rate in the sample size that does not depend on the dimension."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tailbench.registry import register
from tailbench.theory.claims import SEEDS, Claims, Slope, bootstrap

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["SampleSizeClaims"]

ACROSS = "bootstrap over seeds of the regression of the rates on the logarithm of the dimension"


@register
class SampleSizeClaims(Claims):
    """Rates in the sample size for densities of bounded and of growing complexity."""

    name: ClassVar[str]
    title = "Sample size for sub-Gaussian targets"
    theorem = (
        "If the log-density relative to the standard Gaussian can be approximated by a "
        "network with suitably bounded parameters, then what a score network generates that was "
        "trained by empirical score matching converges to the target in total variation at a rate "
        "in the sample size that does not depend on the dimension (Cole and Lu, 2024)."
    )
    assumption = (
        "The complexity of the relative log-density is bounded as the dimension grows: here log "
        "cosh of one direction (two modes along one axis). Beside it a target where it grows like "
        "the dimension: two modes along every axis."
    )
    measured = (
        "Total variation between the target, noised up to the time of stopping, and what the "
        "probability-flow equation generates with the trained network. The latter's density is "
        "known (the divergence is in closed form, the equation is solved by Runge and Kutta), so "
        "that the estimate is an average of numbers between 0 and 1, whatever the dimension; with "
        "the exact score it gives the floor. Beside it Girsanov's and Pinsker's bound for the "
        "stochastic sampler. Networks have two layers and a penalty on the path norm that falls "
        "like one over the root of the sample size."
    )
    refuted_by = (
        "A rate that gets worse with the dimension for the target of bounded complexity; that of "
        "the other target may."
    )
    caption = (
        "Total variation against the sample size for the target of bounded (left) and growing "
        "(middle) complexity, mean and range over seeds; grey: the floor, with the exact score. "
        "Right: the fitted rates against the dimension, with 95 % intervals."
    )

    def slopes(self, points: pd.DataFrame) -> Sequence[Slope]:
        """Fit the rate for each target and dimension, and its change with the dimension."""
        return list(_slopes(points))

    def draw(self, points: pd.DataFrame, slopes: pd.DataFrame) -> Figure:
        """Draw both targets and the rates."""
        from tailbench.plots import style
        from tailbench.theory.plots import curve, limits

        figure, grid = style.panels(3, columns=3, height=3.2)
        tv = points[points["quantity"] == "tv"]
        dims = [str(d) for d in sorted(tv["dim"].unique())]
        floor = float(points.loc[points["quantity"] == "tv, exact score", "value"].max())
        for axes, target in zip(grid, tv["target"].unique(), strict=False):
            for d, group in tv[tv["target"] == target].groupby("dim"):
                by = group.groupby("size")["value"]
                curve(axes, by.mean().index, by.mean(), str(d), dims, f"d = {d}")
                colour = style.colour(str(d), dims)
                axes.fill_between(
                    by.min().index, by.min(), by.max(), color=colour, alpha=0.15, lw=0
                )
            axes.axhline(floor, color=style.FLOOR, ls=(0, (1, 1.5)), label="floor")
            style.log_axis(axes.xaxis, *limits(tv["size"], 1.2))
            low, high = limits([*tv["value"], floor])
            style.log_axis(axes.yaxis, low / 6, high)  # with room for the legend below the floor
            axes.legend(fontsize=7, loc="lower left")
            axes.set(title=f"{target} complexity", xlabel="sample size", ylabel="total variation")
        fits = slopes[slopes["quantity"] == _RATE] if len(slopes) else slopes
        targets = [str(t) for t in tv["target"].unique()]
        for target in targets:
            cases = {_case(target, int(d)): int(d) for d in dims}
            of = fits[fits["case"].isin(cases)] if len(fits) else fits
            if len(of):
                d = of["case"].map(cases)
                curve(grid[2], d, of["slope"], target, targets)
                colour = style.colour(target, targets)
                grid[2].vlines(d, of["low"], of["high"], color=colour, lw=1)
        style.log_axis(grid[2].xaxis, *limits(tv["dim"], 1.3))
        grid[2].legend(fontsize=7)
        grid[2].set(title="Rates", xlabel="dimension", ylabel="slope")
        return figure


_RATE = "total variation against the sample size"


def _case(target: str, d: int) -> str:
    return f"{target}, d = {d}"


def _slopes(points: pd.DataFrame) -> Iterator[Slope]:
    tv = points[points["quantity"] == "tv"]
    for target, of in tv.groupby("target", sort=False):
        tables = {
            int(str(d)): group.pivot(index="seed", columns="size", values="value")
            for d, group in of.groupby(of["dim"].astype(str), sort=False)
        }
        yield from (_rate(str(target), d, table) for d, table in tables.items())
        yield from _across(str(target), tables)
    floor = points.loc[points["quantity"] == "tv, exact score", "value"]
    yield Slope.value(
        "total variation with the exact score, the floor",
        "largest of all cells",
        float(floor.max()),
        "a value, not a slope; it is the start from the Gaussian and the error of integration",
        len(floor),
    )
    bound = points[points["quantity"] == "bound"].set_index(["target", "dim", "size", "seed"])
    ratio = tv.set_index(["target", "dim", "size", "seed"])["value"] / bound["value"]
    yield Slope.value(
        "largest total variation over Girsanov's bound",
        "all cells",
        float(ratio.max()),
        "a value, not a slope; without an interval",
        len(ratio),
        reason="the bound is of the stochastic sampler, the value of the deterministic one",
    )


def _rate(target: str, d: int, table: pd.DataFrame) -> Slope:
    """Fit the rate in the sample size in one dimension; rows are seeds, columns sizes."""
    slope, low, high, n = bootstrap(table.columns, table)
    first, last = table.mean().iloc[0], table.mean().iloc[-1]
    return Slope(
        _RATE,
        _case(target, d),
        slope,
        low,
        high,
        SEEDS,
        n,
        reason=f"from {first:.3f} at the least to {last:.3f} at the greatest sample size",
    )


def _across(target: str, tables: dict[int, pd.DataFrame]) -> Iterator[Slope]:
    """Compare the dimensions: the change of the rate, and the ratio at the greatest size."""
    change, low, high = _change(tables)
    yield Slope(
        "change of the rate when the dimension doubles",
        target,
        change,
        low,
        high,
        ACROSS,
        len(tables),
        0.0 if target == "bounded" else math.nan,
        "<=" if target == "bounded" else "",
        "theorem" if target == "bounded" else "",
        "a positive change is a slower rate",
    )
    ends = {d: float(table.mean().iloc[-1]) for d, table in tables.items()}
    least, greatest = min(ends), max(ends)
    yield Slope.value(
        f"total variation at d = {greatest} over that at d = {least}, greatest sample size",
        target,
        ends[greatest] / ends[least],
        "a value, not a slope; without an interval",
        2,
    )


def _change(tables: dict[int, pd.DataFrame], resamples: int = 2000) -> tuple[float, float, float]:
    """Fit the rates of all dimensions against log2 of the dimension, by seeds and resampled."""
    dims = np.log2(list(tables))
    rng = np.random.default_rng(0)

    def fit(resample: bool) -> float:
        rates = []
        for table in tables.values():
            pick = rng.integers(len(table), size=len(table)) if resample else slice(None)
            mean = np.log(table.to_numpy()[pick].mean(axis=0))
            rates.append(np.polyfit(np.log(table.columns.to_numpy(float)), mean, 1)[0])
        return float(np.polyfit(dims, rates, 1)[0]) if len(dims) > 1 else math.nan

    found = [fit(True) for _ in range(resamples)]
    low, high = np.quantile(found, [0.025, 0.975])
    return fit(False), float(low), float(high)
