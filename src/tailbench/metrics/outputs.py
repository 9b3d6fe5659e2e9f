"""The numbers that the registered metrics give: labels, directions, groups, what to show first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tailbench.interfaces import Group, MetricOutput

__all__ = ["GROUPS", "KEY_METRICS", "directions", "key_metrics"]

GROUPS: Mapping[Group, str] = {
    "bulk": "bulk",
    "margins": "tails of columns",
    "joint": "joint tails",
    "memorisation": "memorisation",
    "images": "images",
    "other": "other",
}
"""Names of the groups of outputs for readers, in the order of tables.

The bulk is what distances between all rows see. Tails of columns are judged one column at a time.
Joint tails are what changes with the dependence of extremes, also where the margins are in it, as
in the norm of a row or the loss of a portfolio.
"""

KEY_METRICS = ("fid_inception", "fid_classifier", "max_sw1", "msle", "tail_index_error_hill")


SHOWN = 3


def key_metrics(there: Iterable[str]) -> list[str]:
    """Choose the metrics to show first: known ones, or else the first that there are.

    Distances in two feature spaces are never shown beside each other.
    """
    every = list(dict.fromkeys(there))
    known = [metric for metric in KEY_METRICS if metric in every]
    if "fid_inception" in known and "fid_classifier" in known:
        known.remove("fid_classifier")
    return (known or every)[:SHOWN]


def directions() -> dict[str, MetricOutput]:
    """Collect label and direction of every output of the registered metrics, by its name."""
    from tailbench import registry

    return {
        name: output
        for metric in registry.names("metrics")
        for name, output in registry.load("metrics", metric).outputs.items()
    }
