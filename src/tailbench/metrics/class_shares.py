"""Shares of the classes among generated images, by a classifier."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput
from tailbench.metrics.base import ImageContext
from tailbench.metrics.image_base import ImageMetric
from tailbench.registry import register
from tailbench.settings import Settings

__all__ = ["ClassShares", "ClassSharesSettings", "rarest"]


class ClassSharesSettings(Settings):
    """Which classes are rare."""

    rare_fraction: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Fraction of the training images that the rarest classes have together, at "
        "most; the rarest of all counts in any case.",
    )


@register
class ClassShares(ImageMetric[ClassSharesSettings]):
    r"""Whether the classes have their shares, and the rarest are there at all.

    Images are counted by the class that a classifier of the training images finds most likely:
    ``q_k`` is the share of class ``k`` among the samples, ``p_k`` that among the training images.

    - ``class_tv``: total variation :math:`(1/2) \sum_k |q_k - p_k|`, in ``[0, 1]``.
    - ``rare_coverage``: mean over the rarest classes of :math:`\min(q_k / p_k, 1)`, in ``[0, 1]``,
      higher is better: 0 if none of them is ever drawn, 1 if each has its share or more.

    The rarest classes are as many as hold 5 % of the training images together, at least one. What
    the classifier gets wrong is in both values; the floor, real images counted the same way, shows
    how much that is. A share of few images is noisy: ``n p_k`` images of a class are expected.
    """

    Settings = ClassSharesSettings
    space: ClassVar[str] = "classifier"
    labelled: ClassVar[bool] = True
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "class_tv": MetricOutput("error of the class shares (TV)", group="images"),
        "rare_coverage": MetricOutput(
            "coverage of the rarest classes", better="higher", group="images"
        ),
    }

    def compare(
        self,
        pixels: NDArray[np.uint8],
        size: int,
        images: ImageContext,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute both values.

        Raises:
            ValueError: If there is no classifier, or the shares of the training data are unknown.
        """
        from tailbench.metrics import fidelity

        if images.classifier is None or images.shares is None:
            raise ValueError("the metric 'class_shares' needs a classifier and the training shares")
        logits = fidelity.features(
            pixels, self.space, images.classifier, images.device, layer="logits"
        )
        p = np.asarray(images.shares, dtype=np.float64)
        q = np.bincount(logits.argmax(axis=1), minlength=len(p)) / len(pixels)
        few = rarest(p, self.settings.rare_fraction)
        return {
            "class_tv": float(np.abs(q - p).sum() / 2),
            "rare_coverage": float(np.minimum(q[few] / p[few], 1).mean()),
        }


def rarest(shares: NDArray[np.float64], together: float) -> NDArray[np.intp]:
    """Return the rarest classes that hold at most a share together, and one at least.

    Args:
        shares: Shares of the classes, shape ``(classes,)``; classes without images do not count.
        together: The most that they may hold.
    """
    order = np.argsort(shares, kind="stable")
    order = order[shares[order] > 0]
    count = np.searchsorted(np.cumsum(shares[order]), together * (1 + 1e-9), side="right")
    return order[: max(1, int(count))]
