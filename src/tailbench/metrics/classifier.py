"""FID, KID, precision and recall in the features of a classifier of the data's own classes."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tailbench.interfaces import MetricOutput
from tailbench.metrics.base import ImageContext
from tailbench.metrics.image_base import FidelityMetric, FidelitySettings, fidelity_outputs
from tailbench.registry import register

__all__ = ["ClassifierFidelity"]


@register
class ClassifierFidelity(FidelityMetric[FidelitySettings]):
    r"""FID, KID, precision and recall of images, in the features of a small classifier.

    The classifier is trained on the labelled training images by a job of its own; features are
    its 128 values before the last layer. No weights are downloaded, and images smaller than
    Inception's keep their size. With means and covariances ``m``, ``C`` of the features:

    - ``fid_classifier``: :math:`|m_1 - m_2|^2 + \mathrm{tr}(C_1 + C_2 - 2 (C_1 C_2)^{1/2})`.
    - ``kid_classifier``: unbiased squared maximum mean discrepancy with a cubic kernel, mean over
      random subsets; may be below zero.
    - ``precision_classifier``: share of the samples in a ball about a real image, which reaches to
      its third nearest real neighbour; ``recall_classifier``: the same with the roles exchanged.

    Values compare between methods on one data set, and with nothing else: not with Inception's,
    nor with published ones. The floor is made of images that the classifier was trained on, and
    is a little higher than that of new ones.

    References:
        Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash
        equilibrium (2017); Binkowski et al., Demystifying MMD GANs (2018); Kynkaanniemi et al.,
        Improved precision and recall metric for assessing generative models (2019).
    """

    Settings = FidelitySettings
    space: ClassVar[str] = "classifier"
    labelled: ClassVar[bool] = True
    outputs: ClassVar[dict[str, MetricOutput]] = fidelity_outputs("classifier", "classifier")

    def weights(self, images: ImageContext) -> Path | None:
        """Return the file of the classifier.

        Raises:
            ValueError: If there is none.
        """
        if images.classifier is None:
            raise ValueError("the metric 'classifier' needs a trained classifier")
        return images.classifier
