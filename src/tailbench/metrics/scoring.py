"""Scores of samples that somebody already has, with floors from the reference alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.interfaces import MetricOutput
from tailbench.metrics.outputs import GROUPS
from tailbench.metrics.score_inputs import SOURCES, match_tables
from tailbench.rng.seeds import generator_for, metric_generator
from tailbench.stats.shared_work import shared_work

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "chosen_outputs", "score"]

COLUMNS = (
    "metric", "label", "value", "low", "high", "floor", "half_value", "ratio", "verdict", "better",
    "group", "reason",
)  # fmt: skip
WORSE = 2.0  # the ratio from which there is something to say
SLOWER, FEWEST = 6, 4  # a metric that is not quick gets a sixth of the splits, but four
MAX_ROWS = 2000  # and in them at most so many rows of either side

_Array = NDArray[np.float64]


def score(
    samples: Any,
    reference: Any,
    train: Any = None,
    *,
    metrics: Iterable[str] | None = None,
    columns: Sequence[str | int] | None = None,
    splits: int = 30,
    seed: int = 0,
    dataset: str = "score",
) -> pd.DataFrame:
    r"""Compute all metrics of samples, with intervals, floors and ratios to the floors.

    ``value`` compares all samples with the whole reference, as the benchmark does: with its name
    of the data set and its seed, the values are the same.

    The floor is real data against real data: the reference is cut at random into halves, one of
    which stands for samples. Two halves differ more than two tables of full size. So the ratio
    has the same sizes above and below: as many random rows of the samples as a half has, or half
    of them if they are fewer than the reference, are compared with the very half that the floor
    is compared with. ``half_value`` and ``floor`` are medians over the splits, and

    .. math:: ratio = half\_value / floor, \qquad ratio = floor / half\_value

    where lower and where higher values are better: 1 for samples of the law of the reference,
    more for worse ones. Halving costs power: a difference of the size of the noise of the whole
    reference is seen by ``value``, and hardly by the ratio.

    ``low`` and ``high`` say where the value would be with other rows of samples and of reference,
    at 95 %: ``value exp(±t c s)`` with the standard deviation ``s`` of the logarithms over
    the splits, Student's quantile ``t``, and

    .. math:: c^2 = (1/n + 1/m) / (1/a - 1/n + 1/b - 1/m)

    for ``a`` of ``n`` samples and ``b`` of ``m`` rows of the reference, which is 1 for halves of
    equal tables (sampling without replacement, with equal influence of both sides); ``value ± tcs``
    where values are not positive. A metric that is not ``quick`` has a sixth of the splits,
    but four, of at most 2,000 rows a side.

    ``verdict`` is "worse" where the ratio is 2 or more and would be above 1 with the end of the
    interval in place of the value, and "unclear" where it is only the first.

    Args:
        samples: What a model has drawn: a data frame, or an array ``(n, d)`` or ``(n,)``.
        reference: Held-out real rows, ``(m, d)``. Rows count as independent.
        train: What the model was trained on, ``(k, d)``, for the metrics of memorisation.
        metrics: Names of outputs such as ``msle_norm``, or of metrics such as ``tail_index`` for
            all of its outputs; by default every one that needs no exact law and no images.
        columns: Names of the columns to use, or their numbers from zero; by default all.
        splits: How often the reference is cut.
        seed: Seed of the splits and of the metrics' own random choices.
        dataset: Name by which the metrics' random choices are seeded besides.

    Returns:
        One row for each output: ``metric``, ``label``, ``value``, ``low``, ``high``, ``floor``,
        ``half_value``, ``ratio``, ``verdict``, ``better``, ``group`` and ``reason``, which says
        why one of the numbers is missing, and is empty otherwise, in the order of the groups.

    Raises:
        InputError: If a table, a column or the name of a metric is wrong, the training rows that
            a metric needs are missing, or pandas is.
        ValueError: If there are fewer than two splits.

    References:
        Politis and Romano, Large sample confidence regions based on subsamples under minimal
        assumptions (1994), for intervals from subsets of the rows.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise InputError("score needs pandas: pip install 'tailbench[data]'") from None
    if splits < 2:
        raise ValueError(f"splits must be at least 2, not {splits}")
    tables = match_tables(samples, reference, train, columns)
    for given, source in zip((tables.samples, tables.reference), SOURCES[:2], strict=True):
        if len(given) < 2:
            raise InputError(f"{source} has one row, and a half of it none")
    wanted = chosen_outputs(metrics, train is not None)
    names = dict.fromkeys(metric for metric, _ in wanted.values())
    found: dict[str, dict[str, Any]] = {}
    with shared_work(tables.samples, tables.reference):
        for name in names:
            job = _Job(registry.load("metrics", name)(), name, tables.train, seed, dataset)
            found |= _score_one(job, tables.samples, tables.reference, splits)
    rows = [
        {"metric": key, "label": output.label, "verdict": ""}
        | {"better": output.better, "group": output.group}
        | found[key]
        for name in names
        for key, (own, output) in wanted.items()
        if own == name
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = table["group"].map(list(GROUPS).index)
    return table.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def chosen_outputs(
    names: Iterable[str] | None, with_train: bool
) -> dict[str, tuple[str, MetricOutput]]:
    """Return the outputs that are named, each with the name of its metric.

    Args:
        names: Names of outputs or, for all of its outputs, of metrics; all if left out.
        with_train: Whether there are training rows.

    Raises:
        InputError: If a name is unknown, or its metric needs training rows, an exact law, images
            or settings.
    """
    every = {name: registry.load("metrics", name) for name in registry.names("metrics")}
    homes = {key: (name, out) for name, m in every.items() for key, out in m.outputs.items()}
    reasons = {name: _reason(metric, with_train) for name, metric in every.items()}
    if names is None:
        return {key: home for key, home in homes.items() if not reasons[home[0]]}
    chosen: dict[str, tuple[str, MetricOutput]] = {}
    for name in [names] if isinstance(names, str) else names:
        if name not in homes and name not in every:
            known = [*homes, *every]
            raise InputError(f"there is no metric {name!r}{registry.nearest(name, known)}")
        keys = [name] if name in homes else list(every[name].outputs)
        for key in keys:
            if reasons[homes[key][0]]:
                raise InputError(f"the metric {name!r} needs {reasons[homes[key][0]]}")
            chosen[key] = homes[key]
    return chosen


def _reason(metric: Any, with_train: bool) -> str:
    """Say what a metric needs that is not there."""
    if metric.space is not None:
        return "images"
    if metric.needs_train and not with_train:
        return "training rows"
    try:
        return "" if metric().applies(None) else "an exact law"
    except ValueError:  # pydantic's, of a plug-in with a setting that has no default
        return "settings, which score does not take"


@dataclass(frozen=True)
class _Job:
    """A metric with the random choices that all of its comparisons share."""

    metric: Any
    name: str
    train: _Array | None
    seed: int
    dataset: str

    def compare(self, samples: _Array, reference: _Array) -> dict[str, float] | str:
        """Compute the outputs, or say why there are none."""
        rng = metric_generator(self.name, self.dataset, self.seed)
        given = {"train": self.train} if self.metric.needs_train else {}
        try:
            found = self.metric(samples, reference, None, rng, **given)
        except ValueError as error:  # mostly too few rows; an InputError is one, too
            return str(error)
        except ModuleNotFoundError as error:
            return f"needs the package {error.name}"
        return {key: float(value) for key, value in found.items()}

    def halves(
        self, samples: _Array, reference: _Array, splits: int
    ) -> tuple[list[dict[str, float]], list[dict[str, float]], float] | str:
        """Compute the outputs of samples and of real rows at the sizes of halves.

        Returns:
            What the samples get and what real rows get, by split, and ``c``; or why not.
        """
        n, m = len(samples), len(reference)
        most = MAX_ROWS if not self.metric.quick else max(n, m)
        a, b = min(min(n, m) // 2, most), min(m // 2, most)
        made: list[dict[str, float]] = []
        real: list[dict[str, float]] = []
        for number in range(splits):
            rng = generator_for("score", "split", self.seed, number)
            rows, order = samples[rng.permutation(n)[:a]], rng.permutation(m)
            against = reference[order[m - b :]]
            for found, x in ((made, rows), (real, reference[order[:a]])):
                values = self.compare(x, against)
                if isinstance(values, str):
                    return values
                found.append(values)
        return made, real, math.sqrt((1 / n + 1 / m) / (1 / a - 1 / n + 1 / b - 1 / m))


def _score_one(
    job: _Job, samples: _Array, reference: _Array, splits: int
) -> dict[str, dict[str, Any]]:
    """Compute the numbers of each output of a metric."""
    outputs: Mapping[str, MetricOutput] = job.metric.outputs
    values = job.compare(samples, reference)
    if isinstance(values, str):
        return {key: {"reason": values} for key in outputs}
    count = splits if job.metric.quick else max(min(FEWEST, splits), splits // SLOWER)
    halves = job.halves(samples, reference, count)
    if isinstance(halves, str):
        reason = f"no floor from halves of the reference: {halves}"
        return {key: {"value": values[key], "reason": reason} for key in outputs}
    made, real, scale = halves
    return {
        key: _numbers(
            values[key],
            np.array([found[key] for found in made]),
            np.array([found[key] for found in real]),
            scale,
            output.better == "higher",
        )
        for key, output in outputs.items()
    }


def _numbers(
    value: float, made: _Array, real: _Array, scale: float, higher: bool
) -> dict[str, Any]:
    """Compute the numbers of one output from its values by split."""
    if math.isnan(value):
        return {"reason": "not defined for these data, or for so few rows"}
    row: dict[str, Any] = {"value": value, "reason": ""}
    if not (np.isfinite(made).all() and np.isfinite(real).all()):
        return row | {"reason": "not defined for halves of these data"}
    low, high = _interval(value, made, scale)
    above, below = float(np.median(made)), float(np.median(real))
    row |= {"low": low, "high": high, "floor": below, "half_value": above}
    if min(made.min(), real.min()) < 0:
        return row | {"reason": "no ratio of values below zero"}
    if below == 0:
        return row | {"reason": "no ratio to a floor of zero"}
    with np.errstate(divide="ignore", invalid="ignore"):  # copies have a distance of zero to rows
        ratio = float(np.divide(below, above) if higher else above / below)
        end = np.divide(value, high) if higher else np.divide(low, value)
    clear = "worse" if ratio * end > 1 or math.isinf(ratio) else "unclear"
    return row | {"ratio": ratio, "verdict": clear if ratio >= WORSE else ""}


def _interval(value: float, made: _Array, scale: float) -> tuple[float, float]:
    """Compute the interval of a value from values at half the size."""
    from scipy.stats import t

    reach = float(t.ppf(0.975, len(made) - 1)) * scale
    if value > 0 and (made > 0).all():
        spread = math.exp(min(reach * float(np.std(np.log(made), ddof=1)), 700.0))
        return value / spread, value * spread
    spread = reach * float(np.std(made, ddof=1))
    return value - spread, value + spread
