"""What models return: samples and what they cost, and settings that were chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SampleResult", "TuneResult", "check_samples"]


@dataclass(frozen=True)
class SampleResult:
    """Samples and what they cost.

    Attributes:
        samples: Shape ``(E, n, d)``, in units of the data: tables in double precision, images in
            single.
        nfe: Network evaluations per sample.
        extra: What else is worth keeping, as plain data.
    """

    samples: NDArray[np.floating]
    nfe: int
    extra: dict[str, Any] = field(default_factory=dict)


def check_samples(samples: NDArray[np.floating], label: str) -> None:
    """Check that samples are finite, and no farther than single precision reaches (3e38).

    Metrics square them: what is farther is the failure of a model, as infinity is.

    Raises:
        FloatingPointError: If one is not; the message begins with the label.
    """
    if not (np.abs(samples) <= np.finfo(np.float32).max).all():
        raise FloatingPointError(f"{label}: a sample is not finite, or farther than 3e38")


@dataclass(frozen=True)
class TuneResult:
    """A setting that was chosen by the training data, and what by.

    Attributes:
        chosen: Value for each seed of the block.
        curve: One row per seed and candidate: the seed's number as ``seed``, the candidate under
            the name of the setting, and its scores.
    """

    chosen: list[float]
    curve: list[dict[str, float]]
