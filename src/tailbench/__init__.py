"""tailbench: a reproducible benchmark, and a library, of generative models for heavy tails."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tailbench.metrics.scoring import score
    from tailbench.models.dlpm import DLPM
    from tailbench.models.flow import Flow
    from tailbench.models.flow_sgm import FlowSGM
    from tailbench.models.lim import LIM
    from tailbench.models.oracle import Oracle
    from tailbench.models.oracle_start import OracleStart
    from tailbench.models.sgm import SGM

__version__ = "0.1.0"
__all__ = ["DLPM", "LIM", "SGM", "Flow", "FlowSGM", "Oracle", "OracleStart", "__version__", "score"]

_HOMES = {
    "DLPM": "models.dlpm",
    "Flow": "models.flow",
    "FlowSGM": "models.flow_sgm",
    "LIM": "models.lim",
    "Oracle": "models.oracle",
    "OracleStart": "models.oracle_start",
    "SGM": "models.sgm",
    "score": "metrics.scoring",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"tailbench.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'tailbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
