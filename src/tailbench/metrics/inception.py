"""FID, KID, precision and recall in the features of Inception."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from tailbench.interfaces import MetricOutput
from tailbench.metrics.base import ImageContext
from tailbench.metrics.image_base import FidelityMetric, FidelitySettings, fidelity_outputs
from tailbench.registry import register
from tailbench.settings import UserPath

__all__ = ["Inception", "InceptionSettings"]


class InceptionSettings(FidelitySettings):
    """Where the weights are, and how features are compared."""

    weights: UserPath | None = Field(
        None,
        description="File of the weights (.pth or .safetensors) as torch-fidelity distributes "
        "them; null: they are downloaded once.",
    )
    batch_size: int = Field(64, ge=1, le=4096, description="Images that are computed at a time.")


@register
class Inception(FidelityMetric[InceptionSettings]):
    r"""FID, KID, precision and recall of images, in the features of Inception.

    Features are the 2048 outputs of the last pooling layer of the Inception v3 of the FID paper,
    as torch-fidelity ports it (``inception-v3-compat``); images are scaled to 299 by 299 pixels,
    and grey ones get three equal channels. With means and covariances ``m``, ``C`` of the features:

    - ``fid_inception``: :math:`|m_1 - m_2|^2 + \mathrm{tr}(C_1 + C_2 - 2 (C_1 C_2)^{1/2})`.
    - ``kid_inception``: unbiased squared maximum mean discrepancy with a cubic kernel, mean over
      random subsets; may be below zero.
    - ``precision_inception``: share of the samples in a ball about a real image, which reaches to
      its third nearest real neighbour; ``recall_inception``: the same with the roles exchanged.

    FID falls as the number of images grows, on both sides: values at different numbers do not
    compare, nor with those of another feature space. Published values use 50,000 samples and,
    mostly, the training images as reference; here it is the held-out images.

    References:
        Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash
        equilibrium (2017); Binkowski et al., Demystifying MMD GANs (2018); Kynkaanniemi et al.,
        Improved precision and recall metric for assessing generative models (2019).
    """

    Settings = InceptionSettings
    by_default: ClassVar[bool] = False  # it downloads weights, if none are given
    space: ClassVar[str] = "inception"
    extraction: ClassVar[tuple[str, ...]] = ("batch_size", "weights")
    outputs: ClassVar[dict[str, MetricOutput]] = fidelity_outputs("inception", "Inception")

    def weights(self, images: ImageContext) -> Path | None:
        """Return the file of the weights; ``None`` to download them."""
        return None if self.settings.weights is None else Path(self.settings.weights)

    @property
    def batch_size(self) -> int:
        """Images at a time."""
        return self.settings.batch_size
