"""The slopes of the claims on score errors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

import numpy as np

from tailbench.theory.claims import EXACT, SEEDS, VALUE, Slope, bootstrap, regression
from tailbench.theory.score_error.experiment import Target

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BOUND", "OPTIMA", "best_times", "mode_slopes", "size_slopes", "stopping_slopes"]

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


def size_slopes(points: pd.DataFrame) -> Iterator[Slope]:
    """Fit distances against the size of the error, and compare them with Girsanov's bound."""
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


def best_times(points: pd.DataFrame) -> pd.DataFrame:
    """Return the best time of stopping of each target and error, if it lies inside the range."""
    of = points[(points["part"] == "stopping") & (points["quantity"] == "tv")]
    of = of[of["error"] > 0]
    best = of.loc[of.groupby(["target", "error"], sort=False)["value"].idxmin()]
    ends = of.groupby("target")["x"].agg(["min", "max"])
    inside = (best["x"] > best["target"].map(ends["min"])) & (
        best["x"] < best["target"].map(ends["max"])
    )
    return best[inside]


def stopping_slopes(points: pd.DataFrame) -> Iterator[Slope]:
    """Fit the best time of stopping against the size of the error, and what it is worth."""
    for target, group in best_times(points).groupby("target", sort=False):
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


def mode_slopes(points: pd.DataFrame) -> Iterator[Slope]:
    """Fit the steps against dimension and accuracy, and the time in which Langevin crosses."""
    of = points[(points["part"] == "modes") & (points["quantity"] == "steps")].dropna()
    yield from _steps_by_dimension(of)
    yield from _steps_by_accuracy(of)
    langevin = points[points["quantity"] == "log langevin time"]
    if len(langevin) > 2:
        yield _crossing(langevin)


def _steps_by_dimension(steps: pd.DataFrame) -> Iterator[Slope]:
    for error, group in steps.groupby("error", sort=False):
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


def _steps_by_accuracy(steps: pd.DataFrame) -> Iterator[Slope]:
    for d, group in steps.groupby("x", sort=False):
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


def _crossing(langevin: pd.DataFrame) -> Slope:
    from scipy.stats import linregress, t

    fit = linregress(langevin["x"], langevin["value"])
    half = float(t.ppf(0.975, len(langevin) - 2)) * fit.stderr
    return Slope(
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
