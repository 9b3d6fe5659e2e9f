"""Whether a classifier tells samples from real data."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.exceptions import InputError
from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.subsets import thinned

__all__ = ["ClassifierTwoSample", "ClassifierTwoSampleSettings"]

_Array = NDArray[np.float64]


class ClassifierTwoSampleSettings(Settings):
    """How the classifier is trained and judged."""

    folds: int = Field(
        5, ge=2, le=100, description="Parts of the rows; each is judged by what the others teach."
    )
    trees: int = Field(100, ge=1, le=10_000, description="Trees of the gradient boosting.")
    max_rows: int = Field(
        10_000,
        ge=10,
        description="Most rows of either side; of more, as many are chosen at random.",
    )


@register
class ClassifierTwoSample(BaseMetric[ClassifierTwoSampleSettings]):
    r"""Classifier two-sample test: how well gradient boosting tells samples from real rows.

    Equal numbers of samples and held-out rows, each column by its ranks among both together, are
    told apart by scikit-learn's ``HistGradientBoostingClassifier``, judged in five folds by rows
    that it has not seen. Without unit:

    - ``c2st_auc``: mean area under the ROC curve, 1/2 for equal laws and 1 for laws apart;
    - ``c2st_tv``: twice the accuracy minus one, the part of the total variation distance that the
      classifier finds: a lower bound in mean, about 0 for equal laws, and below it by chance.

    Rows that are samples and held-out rows at once are learnt with the wrong label: the value
    falls below that of equal laws. It sees each difference that trees find, in margins and in
    dependence, weighted by the share of the rows; the columns' 255 bins do not tell tails apart
    beyond the last 0.4 %.

    References:
        Lopez-Paz & Oquab, Revisiting classifier two-sample tests (2017).
    """

    Settings = ClassifierTwoSampleSettings
    by_default = False
    quick = False
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "c2st_auc": MetricOutput("AUC of real against generated", group="bulk"),
        "c2st_tv": MetricOutput("total variation that a classifier finds", group="bulk"),
    }

    def compare(
        self,
        samples: _Array,
        reference: _Array,
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute both values.

        Raises:
            InputError: If scikit-learn is not installed.
            ValueError: If there are fewer rows than folds.
        """
        n = min(len(samples), len(reference), self.settings.max_rows)
        if n < self.settings.folds:
            raise ValueError(f"{n} rows are too few for {self.settings.folds} folds")
        rows = np.concatenate([thinned(x, n, rng) for x in (samples, reference)])
        areas, accuracies = self._judge(rows, np.repeat([1, 0], n), rng)
        return {
            "c2st_auc": float(np.mean(areas)),
            "c2st_tv": float(2 * np.mean(accuracies) - 1),
        }

    def _judge(
        self, rows: _Array, labels: NDArray[np.int_], rng: np.random.Generator
    ) -> tuple[list[float], list[float]]:
        """Compute area and accuracy of each fold."""
        try:
            from sklearn.ensemble import HistGradientBoostingClassifier
            from sklearn.metrics import roc_auc_score
            from sklearn.model_selection import StratifiedKFold
        except ModuleNotFoundError:
            raise InputError(
                "the metric 'c2st' needs scikit-learn: pip install 'tailbench[data]'"
            ) from None
        from scipy.stats import rankdata

        ranks = rankdata(rows, axis=0)
        seeds = [int(seed) for seed in rng.integers(2**31, size=2)]
        folds = StratifiedKFold(self.settings.folds, shuffle=True, random_state=seeds[0])
        areas, accuracies = [], []
        for learn, judge in folds.split(ranks, labels):
            model = HistGradientBoostingClassifier(
                max_iter=self.settings.trees, early_stopping=False, random_state=seeds[1]
            ).fit(ranks[learn], labels[learn])
            chance = model.predict_proba(ranks[judge])[:, 1]
            areas.append(float(roc_auc_score(labels[judge], chance)))
            accuracies.append(float(np.mean((chance > 0.5) == labels[judge])))
        return areas, accuracies
