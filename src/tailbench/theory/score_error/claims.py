"""Score errors of known size, early stopping against them, and many dimensions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, get_args

import numpy as np

from tailbench.registry import register
from tailbench.theory.claims import EXACT, SEEDS, VALUE, Claims, Slope, bootstrap, regression
from tailbench.theory.score_error.experiment import Target

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ScoreErrorClaims"]

LINEAR = "regression of the logarithm on the dimension itself"
BOUND = math.sqrt(4.0 / 2.0)  # total variation is at most the size times sqrt(T / 2), T = 4
# The least slope that the bounds permit, and why a slope may lie below one.
PERMITTED = {"tv": 1.0, "w2": 0.5}
REASONS = {
    "tv": "no total variation is above one, so large errors bend the line down",
    "w2": "on bounded support W2 is at most the diameter times the root of the total variation: "
    "mass that changes sides of a gap costs the whole gap",
    "white": "fresh noise averages out: it adds variance of second order",
    "sampled": "samples do not resolve what fresh noise adds; their distance is an upper bound",
}
LINES = get_args(Target)  # laws by quadrature; the others are sampled on spheres
OPTIMA = {"cube": 1.0, "mixture": 2 / 3, "laplace": 2 / 3}


@register
class ScoreErrorClaims(Claims):
    """L2-accurate scores give accurate samples of any data, at polynomial cost."""

    name: ClassVar[str]
    title = "Score errors on general data"
    theorem = (
        "With a score that is accurate in L2 the output is close to the data, in W2 for data of "
        "bounded support or decaying tails and in total variation under further smoothness, with a "
        "number of steps that is polynomial in the dimension and in one over the accuracy: no "
        "functional inequality is assumed (Lee, Lu and Tan, 2022)."
    )
    assumption = (
        "Errors are bounded in L2 under the noised law at every time, whatever their shape. By "
        "Girsanov's theorem the total variation they add is then at most their size times "
        "sqrt(T / 2)."
    )
    measured = (
        "An error of exact L2 size at every time is added to the exact score: fresh noise (white), "
        "random Fourier features (smooth), a constant along one direction, and a bump in one place "
        "(local). Total variation and W2 compare the output with that of the same chain with the "
        "exact score, so that nothing else differs; on the line by quadrature, on spheres by "
        "samples with common noise. Early stopping: a wave as short as the noise, of size "
        "e / variance, against the data, in total variation and W2. Dimension: two modes at "
        "distance sqrt(d), steps until W2 is below an accuracy, beside the time in which Langevin "
        "diffusion crosses between them."
    )
    refuted_by = (
        "A total variation above the bound, a slope against the size of the error below one, or "
        "below one half for W2, or a number of steps that grows exponentially with the dimension."
    )
    caption = (
        "Total variation (first) and W2 (second) that a score error adds, by its L2 size, for a "
        "coordinate of the cube; dashed: Girsanov's bound. Total variation and W2 from the data by "
        "the time of stopping, for errors that grow as the time falls; the time that is best for "
        "total variation. Two modes in d dimensions: steps to reach an accuracy in W2, and the "
        "logarithm of the mean time in which Langevin diffusion crosses."
    )

    def slopes(self, points: pd.DataFrame) -> Sequence[Slope]:
        """Fit all slopes."""
        return [*_sizes(points), *_stopping(points), *_modes(points)]

    def draw(self, points: pd.DataFrame, slopes: pd.DataFrame) -> Figure:
        """Draw the eight panels."""
        from tailbench.plots import style
        from tailbench.theory.plots import curve, limits, reference

        figure, grid = style.panels(8, height=2.6)
        size = points[points["part"] == "size"]
        shown = "cube" if "cube" in set(size["target"]) else size["target"].iloc[0]
        shapes = list(size["shape"].unique())
        for axes, quantity in zip(grid, ("tv", "w2"), strict=False):
            of = size[(size["target"] == shown) & (size["quantity"] == quantity)]
            for shape, group in of.groupby("shape", sort=False):
                mean = group.groupby("x")["value"].mean()
                curve(axes, mean.index, mean, str(shape), shapes)
            style.log_axis(axes.xaxis, *limits(of["x"]))
            style.log_axis(axes.yaxis, *limits(of["value"], 2.5))
            name = "total variation" if quantity == "tv" else "$W_2$"
            axes.set(title=f"Score error, {shown}", xlabel="L2 size", ylabel=name)
            if quantity == "tv" and len(of):
                reference(axes, of["x"], 1, BOUND * of["x"].max(), "bound")
            axes.legend(fontsize=7, loc="lower right")
        second = "points" if "points" in set(size["target"]) else shown
        for axes, target, quantity in (
            (grid[2], shown, "tv"),
            (grid[3], shown, "w2"),
            (grid[4], second, "w2"),
        ):
            _draw_stopping(axes, points, target, quantity)
        targets = list(OPTIMA)
        best = _best(points)
        for target, group in best.groupby("target", sort=False):
            curve(grid[5], group["error"], group["x"], str(target), targets)
        if len(best):
            style.log_axis(grid[5].xaxis, *limits(best["error"]))
            style.log_axis(grid[5].yaxis, *limits(best["x"]))
            grid[5].legend(fontsize=7)
        grid[5].set(title="Best time of stopping", xlabel="size of the error", ylabel="time")
        modes = points[points["part"] == "modes"]
        steps = modes[modes["quantity"] == "steps"]
        levels = [f"{e:g}" for e in steps["error"].unique()]
        for error, group in steps.groupby("error"):
            curve(grid[6], group["x"], group["value"], f"{error:g}", levels)
        langevin = modes[modes["quantity"] == "log langevin time"]
        curve(grid[7], langevin["x"], langevin["value"], "langevin", ["langevin"])
        if len(steps):
            style.log_axis(grid[6].xaxis, *limits(steps["x"]))
            style.log_axis(grid[6].yaxis, *limits(steps["value"]))
            grid[6].legend(fontsize=7, title="accuracy", title_fontsize=7)
        grid[6].set(title="Two modes", xlabel="dimension", ylabel="steps")
        grid[7].set(title="Langevin", xlabel="dimension", ylabel="log of the crossing time")
        return figure


def _draw_stopping(axes: Axes, points: pd.DataFrame, target: str, quantity: str) -> None:
    from tailbench.plots import style
    from tailbench.theory.plots import curve, limits

    stop = points[(points["part"] == "stopping") & (points["quantity"] == quantity)]
    of = stop[stop["target"] == target]
    errors = [f"{e:g}" for e in of["error"].unique()]
    for error, group in of.groupby("error"):
        curve(axes, group["x"], group["value"], f"{error:g}", errors, markersize=2)
    if len(of):
        style.log_axis(axes.xaxis, *limits(of["x"]))
        low, high = limits(of["value"])
        style.log_axis(axes.yaxis, low / 4, high)  # with room for the legend
        axes.legend(
            fontsize=6.5,
            title="size of the error",
            title_fontsize=6.5,
            ncol=4,
            loc="lower center",
            columnspacing=0.8,
            handlelength=1.2,
            handletextpad=0.4,
        )
    name = "total variation" if quantity == "tv" else "$W_2$"
    axes.set(title=f"Early stopping, {target}", xlabel="time", ylabel=name)


def _sizes(points: pd.DataFrame) -> Iterator[Slope]:
    of = points[points["part"] == "size"]
    for (target, shape, quantity), group in of.groupby(["target", "shape", "quantity"], sort=False):
        table = group[group["x"] <= 0.2].pivot(index="seed", columns="x", values="value")
        slope, low, high, n = bootstrap(table.columns, table)
        yield Slope(
            f"{'total variation' if quantity == 'tv' else 'W2'} against the size of the error",
            f"{target}, {shape}",
            slope,
            low,
            high,
            SEEDS if len(table) > 1 else EXACT,
            n,
            PERMITTED[str(quantity)],
            ">=",
            "theorem",
            REASONS[_reason(str(target), str(shape), str(quantity))],
        )
    tv = of[of["quantity"] == "tv"]
    for target, group in tv.groupby("target", sort=False):
        ratio = group["value"] / (BOUND * group["x"])
        worst = group.iloc[int(np.argmax(ratio.to_numpy()))]
        yield Slope.value(
            "largest total variation over Girsanov's bound",
            str(target),
            float(ratio.max()),
            VALUE,
            len(group),
            1.0,
            "<=",
            "theorem",
            f"reached by the shape {worst['shape']} at size {worst['x']:g}",
        )


def _reason(target: str, shape: str, quantity: str) -> str:
    if shape != "white":
        return quantity
    return shape if target in LINES else "sampled"


def _best(points: pd.DataFrame) -> pd.DataFrame:
    """Return the best time of stopping of each target and error, if it lies inside the range."""
    of = points[(points["part"] == "stopping") & (points["quantity"] == "tv")]
    of = of[of["error"] > 0]
    best = of.loc[of.groupby(["target", "error"], sort=False)["value"].idxmin()]
    ends = of.groupby("target")["x"].agg(["min", "max"])
    inside = (best["x"] > best["target"].map(ends["min"])) & (
        best["x"] < best["target"].map(ends["max"])
    )
    return best[inside]


def _stopping(points: pd.DataFrame) -> Iterator[Slope]:
    for target, group in _best(points).groupby("target", sort=False):
        slope, low, high, n = regression(group["error"], group["x"])
        yield Slope(
            "best time of stopping against the size of the error",
            str(target),
            slope,
            low,
            high,
            "regression; the times lie on a grid, a factor of about 1.2 apart",
            n,
            OPTIMA[str(target)],
            "=",
            "derived",
            "derived by setting the distance of the stopped law from the data equal to "
            "error / sqrt(time), for errors small against the structure of the data",
        )
    of = points[(points["part"] == "stopping") & (points["quantity"] == "w2")]
    of = of[(of["error"] > 0) & of["target"].isin(LINES)]
    for target, group in of.groupby("target", sort=False):
        value, error = max(_worth(one) for _, one in group.groupby("error"))
        yield Slope.value(
            "W2 at the least time over W2 at the best time of stopping",
            str(target),
            value,
            "a value, not a slope; the largest over the sizes of the error",
            group["error"].nunique(),
            reason=f"at the size {error:g}",
        )


def _worth(stopped: pd.DataFrame) -> tuple[float, float]:
    """Return what stopping at the best time, not the least one, is worth, and for what size."""
    last = stopped.iloc[stopped["x"].argmin()]
    return float(last["value"] / stopped["value"].min()), float(last["error"])


def _modes(points: pd.DataFrame) -> Iterator[Slope]:
    of = points[(points["part"] == "modes") & (points["quantity"] == "steps")].dropna()
    for error, group in of.groupby("error", sort=False):
        slope, low, high, n = regression(group["x"], group["value"])
        x, y = np.log(group["x"].to_numpy()), np.log(group["value"].to_numpy())
        local = np.diff(y) / np.diff(x)
        reason = f"local slopes {local[0]:.2f} to {local[-1]:.2f}" if len(local) else ""
        yield Slope(
            "steps against the dimension",
            f"two modes, accuracy {error:g}",
            slope,
            low,
            high,
            EXACT,
            n,
            reason=f"polynomial; {reason}, where an exponential law would have them grow like d",
        )
    for d, group in of.groupby("x", sort=False):
        if len(group) < 3:
            continue
        slope, low, high, n = regression(1 / group["error"], group["value"])
        yield Slope(
            "steps against one over the accuracy",
            f"two modes, d = {d:g}",
            slope,
            low,
            high,
            EXACT,
            n,
            1.0,
            "=",
            "derived",
            "by the order one of the integrator",
        )
    langevin = points[points["quantity"] == "log langevin time"]
    if len(langevin) > 2:
        from scipy.stats import linregress, t

        fit = linregress(langevin["x"], langevin["value"])
        half = float(t.ppf(0.975, len(langevin) - 2)) * fit.stderr
        yield Slope(
            "log of Langevin's crossing time per dimension",
            "two modes",
            float(fit.slope),
            float(fit.slope) - half,
            float(fit.slope) + half,
            LINEAR,
            len(langevin),
            0.5,
            "=",
            "derived",
            "the height of the barrier is d / 2: exponential, with a correction by logarithms",
        )
