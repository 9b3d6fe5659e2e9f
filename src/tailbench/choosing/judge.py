"""Scores of candidates on held-out folds, and the rule by which one is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench import registry
from tailbench.interfaces import MetricOutput
from tailbench.metrics.group_scores import QUALITY
from tailbench.rng.seeds import generator_for, metric_generator

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DRAWS", "METRICS", "Judge", "Ranked", "choose_simplest", "outputs_for", "tidy"]

METRICS = (
    "energy", "sliced_wasserstein_log",
    "msle", "tail_index", "expected_shortfall", "tail_coverage", "tail_direction",
    "tail_ks", "extremal_dependence", "angular",
)  # fmt: skip
"""What candidates are judged by: metrics of the three groups that take little time."""

DRAWS = 3
"""How often a model and real rows are drawn for a fold; the median counts."""

MOST_HELD_OUT = 1000
NAME = "choose"

Array = NDArray[np.float64]


@dataclass
class Judge:
    """The comparison of samples with the held-out rows of a fold.

    Columns are divided by ``scale`` first, so that no column's unit decides. The floor is that of
    the benchmark: random training rows in the place of samples, as many as are held out.

    Attributes:
        train: Training rows of the fold.
        test: Its held-out rows, of which 1,000 random ones are used if there are more.
        scale: Scale of each column, shape ``(d,)``.
        fold: Number of the fold, which seeds the random choices.
        seed: Seed of the choice.
    """

    train: Array
    test: Array
    scale: Array
    fold: int
    seed: int = 0
    floor: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        rng = generator_for(NAME, "held out", self.seed, self.fold)
        if len(self.test) > MOST_HELD_OUT:
            self.test = self.test[np.sort(rng.permutation(len(self.test))[:MOST_HELD_OUT])]
        size = min(len(self.test), len(self.train))
        parts = [self.train[rng.permutation(len(self.train))[:size]] for _ in range(DRAWS)]
        self.floor = self._medians(parts)

    @property
    def needed(self) -> int:
        """Number of samples that are judged."""
        return DRAWS * len(self.test)

    def compare(self, samples: Array) -> dict[str, float]:
        """Compute the outputs of samples, shape ``(needed, d)``: medians over parts of them."""
        return self._medians(np.split(samples, DRAWS))

    def _medians(self, parts: Sequence[Array]) -> dict[str, float]:
        found = [self._once(part) for part in parts]
        return {key: float(np.median([one[key] for one in found])) for key in found[0]}

    def _once(self, samples: Array) -> dict[str, float]:
        """Compute all outputs; a metric that has too few rows has none."""
        values: dict[str, float] = {}
        for name in METRICS:
            rng = metric_generator(name, NAME, self.fold)
            metric = registry.load("metrics", name)()
            try:
                values |= metric(samples / self.scale, self.test / self.scale, None, rng)
            except ValueError:
                continue
        return values


def tidy(values: Mapping[tuple[str, int], Mapping[str, float]], judges: Sequence[Judge]) -> Any:
    """Return the outputs of methods by fold as the tidy metrics of a benchmark.

    Args:
        values: Outputs by the name of the method and the number of the fold.
        judges: The judges of the folds, for the floors.
    """
    import pandas as pd

    rows = [
        {
            "dataset": NAME, "method": name, "variant": "", "seed": fold, "metric": metric,
            "value": value, "floor": judges[fold].floor.get(metric, math.nan),
        }
        for (name, fold), found in values.items()
        for metric, value in found.items()
    ]  # fmt: skip
    columns = ["dataset", "method", "variant", "seed", "metric", "value", "floor"]
    return pd.DataFrame(rows, columns=columns)


def outputs_for(dim: int) -> dict[str, MetricOutput]:
    """Return the outputs that count: of one column there are no joint tails."""
    found = {
        key: output
        for name in METRICS
        for key, output in registry.load("metrics", name).outputs.items()
    }
    return {key: out for key, out in found.items() if dim > 1 or out.group != "joint"}


@dataclass(frozen=True)
class Ranked:
    """What the choice rests on.

    Attributes:
        chosen: The method that is chosen.
        least: The method of least worst-group score, which may be another one.
        table: By method, the simplest first: the mean logarithm of each group, that of the worst
            one as ``worst``, and its standard error ``worst_se``.
    """

    chosen: str
    least: str
    table: pd.DataFrame


def choose_simplest(scores: pd.DataFrame, order: Sequence[str], eligible: Sequence[str]) -> Ranked:
    r"""Compute the choice by the rule of one standard error.

    With the mean :math:`\bar s_{mg}` over the folds of the score of a method :math:`m` in a group
    :math:`g`, the logarithm of a multiple of the floor, with

    .. math:: W_m = \max_g \bar s_{mg},

    the method :math:`b` of least :math:`W`, and the standard error :math:`e_b` over the folds of
    its worst group, the first method in the ``order`` of simplicity with :math:`W_m \le W_b + e_b`
    is chosen.

    Args:
        scores: One row for each ``name``, ``seed`` (the fold) and ``group``: ``score``.
        order: Names of all methods, the simplest first.
        eligible: Names of those that may be chosen, at least one.

    References:
        Breiman, Friedman, Olshen and Stone, Classification and regression trees, 1984.
    """
    of = scores[scores["group"].isin(QUALITY)].groupby(["name", "group"])["score"]
    means, errors = of.mean().unstack(), of.sem(ddof=1).unstack()
    own = [errors.to_dict()[group][name] for name, group in means.idxmax(axis=1).items()]
    table = means.assign(worst=means.max(axis=1), worst_se=own)
    table = table.loc[[name for name in order if name in table.index]]
    worst = {str(name): float(value) for name, value in table["worst"].items()}
    able = [name for name in worst if name in eligible]
    least = min(able, key=lambda name: worst[name])
    error = float(table["worst_se"].to_dict()[least])  # unknown where one fold alone has a score
    limit = worst[least] + (error if math.isfinite(error) else 0.0)
    return Ranked(next(name for name in able if worst[name] <= limit), least, table)
