"""How numbers are written in tables."""

from __future__ import annotations

import math

__all__ = ["clock", "mean_std", "number"]


def number(x: float, digits: int = 3) -> str:
    """Write a number with ``digits`` significant digits, as readers of tables expect it."""
    if x is None or math.isnan(x):
        return "–"
    if x < 0:
        return f"−{number(-x, digits)}"
    if math.isinf(x):
        return "∞"
    if x != 0 and not 1e-4 <= abs(x) < 1e5:
        return f"{x:.{digits - 1}e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    return f"{x:.{_decimals(x, digits)}f}"


def mean_std(mean: float, std: float, digits: int = 3) -> str:
    """Write a mean and its standard deviation with the same number of decimals."""
    if not math.isfinite(mean) or not math.isfinite(std):
        return number(mean, digits)
    if mean != 0 and not 1e-4 <= abs(mean) < 1e5:
        return f"{number(mean, digits)} ± {number(std, 2)}"
    if mean < 0:
        return f"−{mean_std(-mean, std, digits)}"
    decimals = _decimals(mean, digits)
    if 0 < std < 0.5 * 10.0**-decimals:  # one digit more rather than "± 0.000"
        decimals += 1
    return f"{mean:.{decimals}f} ± {std:.{decimals}f}"


def clock(seconds: float) -> str:
    """Write a time as people read it: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _decimals(x: float, digits: int) -> int:
    if x == 0:
        return digits - 1
    exponent = int(f"{abs(x):.{digits - 1}e}".partition("e")[2])  # after rounding: 0.0999… is 0.100
    return max(0, digits - 1 - exponent)
