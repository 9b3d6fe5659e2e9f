"""The numbers that the registered metrics give: labels, directions, groups, what to show first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tailbench.interfaces import Group, MetricOutput, Target

__all__ = ["GROUPS", "KEY_METRICS", "directions", "key_metrics", "unfit_datasets"]

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


def unfit_datasets(
    laws: Mapping[str, Target | None], outputs: Mapping[str, MetricOutput] | None = None
) -> dict[str, list[str]]:
    """Return the data sets on which an output is unfit to rank, since their tails are too heavy.

    A data set is unfit where the least tail index of its columns is at most ``needs_index`` of the
    output. Where no index is known it counts as fit.

    Args:
        laws: The exact law of each data set by its name, ``None`` where it is unknown.
        outputs: The outputs by name; those of the registered metrics if left out.

    Returns:
        Names of data sets, in their order, by the name of each output that is unfit on any.
    """
    known = {name: law.tail_index() for name, law in laws.items() if law is not None}
    least = {name: min(map(float, index)) for name, index in known.items() if index is not None}
    found: dict[str, list[str]] = {}
    for key, output in (directions() if outputs is None else outputs).items():
        names = [name for name, index in least.items() if output.unfit_at(index)]
        if names:
            found[key] = names
    return found
