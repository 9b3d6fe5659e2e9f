"""tailbench: a reproducible benchmark, and a library, of generative models for heavy tails."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tailbench.choosing.choice import Choice, choose
    from tailbench.metrics.scoring import score
    from tailbench.models.bootstrap import Bootstrap
    from tailbench.models.copula_gpd import CopulaGPD
    from tailbench.models.dlpm import DLPM
    from tailbench.models.external import External
    from tailbench.models.flow import Flow
    from tailbench.models.flow_sgm import FlowSGM
    from tailbench.models.fm import FM
    from tailbench.models.garch import GARCH
    from tailbench.models.gaussian import Gaussian
    from tailbench.models.kde import KDE
    from tailbench.models.lim import LIM
    from tailbench.models.mvt import MVT
    from tailbench.models.mvt_mixture import MVTMixture
    from tailbench.models.on_support import OnSupport
    from tailbench.models.oracle import Oracle
    from tailbench.models.oracle_start import OracleStart
    from tailbench.models.pareto_gan import ParetoGAN
    from tailbench.models.samples import Samples
    from tailbench.models.sgm import SGM
    from tailbench.models.t3vae import T3VAE
    from tailbench.models.t_edm import TEDM
    from tailbench.models.t_flow import TFlow
    from tailbench.models.vine import Vine
    from tailbench.pipeline.results.trained import load

__version__ = "0.1.0"
__all__ = [
    "DLPM",
    "FM",
    "GARCH",
    "KDE",
    "LIM",
    "MVT",
    "SGM",
    "T3VAE",
    "TEDM",
    "Bootstrap",
    "Choice",
    "CopulaGPD",
    "External",
    "Flow",
    "FlowSGM",
    "Gaussian",
    "MVTMixture",
    "OnSupport",
    "Oracle",
    "OracleStart",
    "ParetoGAN",
    "Samples",
    "TFlow",
    "Vine",
    "__version__",
    "choose",
    "load",
    "score",
]

_HOMES = {
    "Bootstrap": "models.bootstrap",
    "Choice": "choosing.choice",
    "CopulaGPD": "models.copula_gpd",
    "DLPM": "models.dlpm",
    "External": "models.external",
    "FM": "models.fm",
    "Flow": "models.flow",
    "FlowSGM": "models.flow_sgm",
    "GARCH": "models.garch",
    "Gaussian": "models.gaussian",
    "KDE": "models.kde",
    "LIM": "models.lim",
    "MVT": "models.mvt",
    "MVTMixture": "models.mvt_mixture",
    "OnSupport": "models.on_support",
    "Oracle": "models.oracle",
    "OracleStart": "models.oracle_start",
    "ParetoGAN": "models.pareto_gan",
    "SGM": "models.sgm",
    "Samples": "models.samples",
    "T3VAE": "models.t3vae",
    "TEDM": "models.t_edm",
    "TFlow": "models.t_flow",
    "Vine": "models.vine",
    "choose": "choosing.choice",
    "load": "pipeline.results.trained",
    "score": "metrics.scoring",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"tailbench.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'tailbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
