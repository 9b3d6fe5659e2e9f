"""Methods that give the same values, to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["identical"]


def identical(metrics: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Return the data sets and names of variants whose values of every metric and seed are equal.

    Such are a diffusion that starts at noise zero and the flow that it starts from: a difference
    of zero between them is no estimate, but the same samples.

    Args:
        metrics: The tidy metrics.

    Returns:
        Pairs of a data set and at least two names, in the order of the metrics.
    """
    from tailbench.data import Variant

    found = []
    for dataset, of in metrics.groupby("dataset", sort=False):
        values = of.pivot_table(
            index=["method", "variant"], columns=["metric", "seed"], values="value", sort=False
        )
        same: dict[bytes, list[str]] = {}
        for key, row in values.iterrows():
            method, variant = (str(part) for part in key)  # type: ignore[attr-defined]
            name = Variant(method, variant).text
            same.setdefault(row.to_numpy(dtype=float).tobytes(), []).append(name)
        found += [(str(dataset), names) for names in same.values() if len(names) > 1]
    return found
