"""How much of a diffusion model's distance is due to its start, its steps and its score.

Two references make the parts visible: ``oracle``, the same sampler with the exact score, and
``oracle_start``, the trained score from held-out data plus noise.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tailbench.data import Variant
from tailbench.metrics.aggregate import finite
from tailbench.models.settings import written
from tailbench.registry import source_kind

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CAPTION", "METRICS", "PARTS", "decomposition"]

METRICS = ("max_sw1", "msle_norm")
PARTS = ("start", "discretisation", "learning")
FAMILY = ("sgm", "flow_sgm")
REFERENCES = ("oracle", "oracle_start")
SHARED = ("sampler", "churn", "sampling_steps", "sigma_min")
CAPTION = (
    "Distance to the floor, and its parts: discretisation, the exact score from noised held-out "
    "data (oracle, start: data) minus the floor; start, what the own start adds; learning, what "
    "the trained score adds. Medians over seeds of paired differences, and their multiples of the "
    "floor. Distances are not additive: a part is a difference of two of them, may be negative, "
    "and the medians need not sum to the whole."
)

Cell = tuple[str, str, str, str]
"""Dataset, metric, method and variant."""


@dataclass(frozen=True)
class Reference:
    """What a part is measured against: the settings that a method would need.

    Attributes:
        kind: ``gaussian`` or ``data``, the starts of ``oracle``, or ``trained``.
        level: The first noise level.
        shared: Values of the settings of the reverse process.
        model: The trained score model, of ``trained``.
    """

    kind: str
    level: float
    shared: tuple[Any, ...]
    model: str = ""

    @property
    def text(self) -> str:
        """The method for readers, by what it would be in a configuration."""
        level = f"sigma_{'max' if self.kind == 'gaussian' else 'T'}: {written(self.level)}"
        type_ = f"oracle_start, model: {self.model}" if self.kind == "trained" else "oracle"
        start = "" if self.kind == "trained" else f", start: {self.kind}"
        sampler, churn, steps, sigma_min = self.shared
        how = f"{sampler}, churn: {written(churn)}" if churn else sampler
        ends = f"sampling_steps: {steps}, sigma_min: {written(sigma_min)}"
        return f"{type_}{start}, {level}, sampler: {how}, {ends}"


def decomposition(metrics: pd.DataFrame, config: Mapping[str, Any]) -> pd.DataFrame:
    r"""Split the distances of score models to the floor into start, steps and score.

    With the metric ``m`` of a method, the floor ``f`` and, at the same first noise level and with
    the same steps, ``d`` of the oracle from data, ``g`` of the oracle from the Gaussian and ``t``
    of the trained score from data:

    - discretisation: :math:`d - f`;
    - start: :math:`m - t` of ``flow_sgm``, :math:`g - d` of ``sgm``;
    - learning: :math:`t - d` of ``flow_sgm``, :math:`m - g` of ``sgm``.

    They sum to :math:`m - f` seed by seed. At a ``sigma_T`` of 0 nothing is refined, and all of
    the distance is due to the start.

    Args:
        metrics: The tidy metrics, with the columns ``settings`` and ``sigma_T``.
        config: The completed configuration.

    Returns:
        One row for each dataset with a reference, metric of ``METRICS``, and variant of a
        method of the types ``sgm`` and ``flow_sgm``: ``floor``, ``distance`` and the ``PARTS``,
        medians over ``n`` seeds of differences within a seed; the same as multiples of the floor,
        ``*_ratio``; and ``missing_*``, the method that a part would need.
    """
    import pandas as pd

    columns = ["dataset", "metric", "method", "variant", "name", "n", "floor", "distance", *PARTS]
    columns += [f"{part}_ratio" for part in ("distance", *PARTS)]
    columns += [f"missing_{part}" for part in PARTS]
    if not {"settings", "sigma_T"} <= {*metrics.columns}:
        return pd.DataFrame(columns=columns)
    rows = _Table(finite(metrics[metrics["metric"].isin(METRICS)]), config).rows()
    return pd.DataFrame(rows, columns=columns)


class _Table:
    """The metrics by cell and seed, and the references among them."""

    def __init__(self, metrics: pd.DataFrame, config: Mapping[str, Any]) -> None:
        self.settings: dict[Cell, dict[str, Any]] = {}
        self.seeds: dict[Cell, dict[int, tuple[float, float, float]]] = {}
        self.references: dict[tuple[str, str, Reference], Cell] = {}
        methods = config.get("methods") or {}
        self.datasets = config.get("datasets") or {}
        for row in metrics.to_dict("records"):
            cell = (row["dataset"], row["metric"], row["method"], row["variant"])
            if cell not in self.settings:
                swept = json.loads(row["settings"] or "{}")
                self.settings[cell] = {**methods.get(row["method"], {}), **swept}
                for reference in _is_reference(self.settings[cell]):
                    self.references.setdefault((*cell[:2], reference), cell)
            self.seeds.setdefault(cell, {})[row["seed"]] = (
                row["value"],
                row["floor"],
                row["sigma_T"],
            )

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of the table."""
        explained = {dataset for dataset, _, _ in self.references}
        for cell, settings in self.settings.items():
            if cell[0] in explained and settings.get("type") in FAMILY:
                yield self._row(cell, settings)

    def _row(self, cell: Cell, settings: Mapping[str, Any]) -> dict[str, Any]:
        missing: dict[str, str] = {}
        split = []
        for seed, (value, floor, level) in self.seeds[cell].items():
            if not (math.isfinite(value) and math.isfinite(floor)):
                continue
            ends = self._ends(cell, seed, settings, level, missing)
            parts = {part: ends[high] - ends[low] for part, (low, high) in _between(settings)}
            split.append({"floor": floor, "distance": value - floor, **parts})
        ratios = [
            {f"{key}_ratio": own[key] / own["floor"] for key in ("distance", *PARTS)}
            for own in split
            if own["floor"] > 0
        ]
        dataset, metric, method, variant = cell
        return {
            "dataset": dataset,
            "metric": metric,
            "method": method,
            "variant": variant,
            "name": Variant(method, variant).text,
            "n": len(split),
            **_medians(split, ("floor", "distance", *PARTS)),
            **_medians(ratios, [f"{key}_ratio" for key in ("distance", *PARTS)]),
            **{f"missing_{part}": _why(settings, part, missing) for part in PARTS},
        }

    def _ends(
        self,
        cell: Cell,
        seed: int,
        settings: Mapping[str, Any],
        level: float,
        missing: dict[str, str],
    ) -> dict[str, float]:
        """Return the values that parts lie between, and note the methods that are missing."""
        value, floor, _ = self.seeds[cell][seed]
        found = {"value": value, "floor": floor}
        if settings["type"] == "flow_sgm" and level == 0:
            return {**found, "data": floor, "trained": floor}
        for reference in _wanted(settings, level):
            other = self.references.get((*cell[:2], reference))
            found[reference.kind] = (
                math.nan if other is None else self.seeds[other].get(seed, (math.nan,))[0]
            )
            if other is None:
                possible = reference.kind == "trained" or self._has_exact_law(cell[0])
                missing[reference.kind] = reference.text if possible else "an exact law"
        return found

    def _has_exact_law(self, dataset: str) -> bool:
        """Whether there can be an oracle, as far as the configuration tells."""
        type_ = self.datasets.get(dataset, {}).get("type")
        return type_ is None or source_kind(type_) == "targets"


def _is_reference(settings: Mapping[str, Any]) -> Iterator[Reference]:
    """Yield the reference that a method is, if it is one."""
    if settings.get("type") == "oracle":
        start = settings["start"]
        level = settings["sigma_max" if start == "gaussian" else "sigma_T"]
        yield Reference(start, float(level), _shared(settings))
    elif settings.get("type") == "oracle_start":
        level = float(settings["sigma_T"])
        yield Reference("trained", level, _shared(settings), settings["model"])


def _wanted(settings: Mapping[str, Any], level: float) -> list[Reference]:
    """Return the references that explain a method."""
    shared = _shared(settings)
    if settings["type"] == "sgm":
        level = float(settings["sigma_max"])
        return [Reference("data", level, shared), Reference("gaussian", level, shared)]
    data = Reference("data", level, shared)
    return [data, Reference("trained", level, shared, settings["sgm"])]


def _shared(settings: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(settings[key] for key in SHARED)


def _between(settings: Mapping[str, Any]) -> list[tuple[str, tuple[str, str]]]:
    """Return, for each part, the two values that it lies between."""
    first = ("discretisation", ("floor", "data"))
    if settings["type"] == "sgm":
        return [first, ("start", ("data", "gaussian")), ("learning", ("gaussian", "value"))]
    return [first, ("learning", ("data", "trained")), ("start", ("trained", "value"))]


def _why(settings: Mapping[str, Any], part: str, missing: Mapping[str, str]) -> str:
    """Return the methods that a part would need."""
    ends = dict(_between(settings))[part]
    return "; ".join(dict.fromkeys(missing[end] for end in ends if end in missing))


def _medians(rows: list[dict[str, float]], keys: Iterable[str]) -> dict[str, float]:
    """Return the medians of the finite values, by key."""
    import numpy as np

    found = {}
    for key in keys:
        values = [row[key] for row in rows if math.isfinite(row[key])]
        found[key] = float(np.median(values)) if values else math.nan
    return found
