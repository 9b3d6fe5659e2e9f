"""Whether samples repeat training rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput
from tailbench.metrics.base import TrainMetric
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.neighbours import nearest_rows
from tailbench.stats.sliced_tails import both_in_quartile_units
from tailbench.stats.subsets import thinned

__all__ = ["Memorisation", "MemorisationSettings", "closest_records"]


FEWEST = 10  # rows that are looked for, however many training rows there are


class MemorisationSettings(Settings):
    """How many rows are looked for."""

    max_rows: int = Field(
        4000,
        ge=10,
        description="Most samples, and most held-out rows, that are looked for among all training "
        "rows; of more, as many are chosen at random.",
    )
    max_distances: int = Field(
        500_000_000,
        ge=1000,
        description="Most pairs of a row that is looked for and a training row: with more than "
        "max_distances / max_rows training rows, fewer rows are looked for, but ten.",
    )


@register
class Memorisation(TrainMetric[MemorisationSettings]):
    r"""How near samples are to training rows, against held-out rows.

    In quartile ranges of the reference, with ``D(x)`` the distance of ``x`` to its nearest
    training row ``r``, and ``D(r)`` that of ``r`` to its own nearest training neighbour:

    - ``copied_ratio``: share of samples with ``D(x) < D(r)``, over the same share of held-out
      rows, each estimated as ``(count + 1/2) / (n + 1)``. 1 for fresh data. A model that repeats
      training rows has a share of 1; that of fresh data is no 1/2, but 2/3 on a line and less
      in more dimensions, hence the ratio.
    - ``dcr_ratio``: median of ``D`` of samples over that of held-out rows, 0 for copies and 1
      for fresh data; ``nan`` where held-out rows are training rows.

    Both praise samples that are far from all data, and neither says that samples are good.

    References:
        Alaa et al., How faithful is your synthetic data? (2022), for the share (one minus
        authenticity); Zhao et al., CTAB-GAN: effective table data synthesizing (2021), for the
        distance to the closest record.
    """

    Settings = MemorisationSettings
    by_default = False
    quick = False
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "copied_ratio": MetricOutput("copies, over held-out rows", group="memorisation"),
        "dcr_ratio": MetricOutput(
            "distance to training rows, over held-out", better="higher", group="memorisation"
        ),
    }

    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        train: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute both ratios; ``nan`` where there are fewer than two training rows."""
        if len(train) < 2:
            return dict.fromkeys(self.outputs, float("nan"))
        most = min(self.settings.max_rows, max(FEWEST, self.settings.max_distances // len(train)))
        looked_for = [thinned(x, most, rng) for x in (samples, reference)]
        rows, *looked_for = both_in_quartile_units([train, *looked_for], reference)
        distances, owns = closest_records(np.concatenate(looked_for), rows)
        shares, medians = [], []
        for chosen in (slice(len(looked_for[0])), slice(len(looked_for[0]), None)):
            distance, own = distances[chosen], owns[chosen]
            shares.append((np.count_nonzero(distance < own) + 0.5) / (len(distance) + 1))
            medians.append(float(np.median(distance)))
        return {
            "copied_ratio": float(shares[0] / shares[1]),
            "dcr_ratio": medians[0] / medians[1] if medians[1] else float("nan"),
        }


def closest_records(
    x: NDArray[np.float64], train: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the distance of points to their nearest training row, and that row's own.

    Args:
        x: Points, shape ``(n, d)``.
        train: Training rows, two at least, shape ``(k, d)``.

    Returns:
        Distance of each point to its nearest row, and of that row to the nearest other one, each
        of shape ``(n,)``. A point is taken for a copy where the first is smaller.
    """
    distance, nearest = nearest_rows(x, train)
    asked, back = np.unique(nearest[:, 0], return_inverse=True)
    own, _ = nearest_rows(train[asked], train, 2)
    return distance[:, 0], own[back, 1]
