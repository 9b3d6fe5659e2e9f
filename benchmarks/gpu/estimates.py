"""What a network costs that was not measured: by the project's cost model, set right by others."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from benchmarks.gpu.work import Network

from tailbench import registry

__all__ = ["estimated"]


def estimated(network: Network, known: Mapping[str, Mapping[str, Any]]) -> dict[str, float] | None:
    """Estimate seconds, operations and kernels from networks of the same kind.

    The kinds are U-Nets, transformer flows, and all that is for tables. Operations are those of the
    cost model, times the median ratio of counted ones; seconds follow by the median rate.

    Args:
        network: The network.
        known: By key, what was measured; see ``cost_here``.

    Returns:
        As ``cost_here``; ``None`` if no network of the kind was measured.
    """
    alike = [
        row
        for key, row in known.items()
        if "model_operations" in row and _kind(key) == _kind(network.key)
    ]
    if not alike:
        return None
    draws = int(network.settings.get("median_of_means", 1))
    passes = 3.0 if draws == 1 else 3.0 + draws  # those that find the median need no gradient
    cost = registry.load("models", network.type).Settings(**network.settings).cost(network.data)
    modelled = passes * network.batch * cost.operations
    operations = modelled * median(
        row["step_operations"] / row["model_operations"] for row in alike
    )
    seconds = modelled / median(row["model_operations"] / row["step_seconds"] for row in alike)
    return {
        "step_seconds": seconds,
        "step_operations": operations,
        "step_kernels": median(row["step_kernels"] for row in alike),
        "evaluation_ms": 1e3 * seconds / (passes * network.batch),
        "evaluation_operations": operations / (passes * network.batch),
        "evaluation_kernels": median(row["evaluation_kernels"] for row in alike),
    }


def _kind(key: str) -> str:
    """Return the kind of a network by its key; flows of a table are for tables."""
    kind, shape, _ = key.split(" ")
    return kind if "x" in shape else "table"
