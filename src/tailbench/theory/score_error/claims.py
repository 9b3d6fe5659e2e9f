"""Score errors of known size, early stopping against them, and many dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from tailbench.registry import register
from tailbench.theory.claims import Claims, Slope
from tailbench.theory.score_error.fits import (
    BOUND,
    OPTIMA,
    best_times,
    mode_slopes,
    size_slopes,
    stopping_slopes,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ScoreErrorClaims"]


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
        return [*size_slopes(points), *stopping_slopes(points), *mode_slopes(points)]

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
        best = best_times(points)
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
