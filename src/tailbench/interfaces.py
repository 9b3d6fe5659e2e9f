"""The three interfaces of the package: what is learned, what learns it, and what judges it.

This module imports nothing of the package, so that every other module may import it.
Arrays of data carry the shape ``(n, d)``; arrays of a seed block (independent
repetitions of an experiment) carry ``(E, n, d)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from tailbench.data import ImageLayout, MixtureModes

__all__ = ["GenerativeModel", "Group", "Metric", "MetricOutput", "Target"]

Group = Literal["bulk", "margins", "joint", "memorisation", "images", "other"]
"""What a metric's output judges; numbers of different groups are never averaged."""


@runtime_checkable
class Target(Protocol):
    """A distribution that can be sampled exactly, with whatever is known of it in closed form.

    A quantity that is not known is ``None``; it is never estimated here.
    """

    dim: int
    """Dimension ``d`` of one sample."""

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw ``n`` independent samples, shape ``(n, d)``."""

    def tail_index(self) -> NDArray[np.float64] | None:
        r"""Exponent ``a`` of a marginal, ``P(|X_j| > x) ~ x^{-a}``, ``(d,)``; ``inf`` if light."""

    def norm_tail_index(self) -> float | None:
        """Tail exponent of the Euclidean norm; ``inf`` if light."""

    def quantile(self, p: ArrayLike) -> NDArray[np.float64] | None:
        """Exact marginal quantiles at the levels ``p`` of shape ``(m,)``, shape ``(d, m)``."""

    def log_prob(self, x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Log-density at ``x`` of shape ``(n, d)``, shape ``(n,)``."""

    def score(self, x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Gradient of the log-density at ``x``, shape ``(n, d)``."""

    def modes(self) -> MixtureModes | None:
        """The modes, where the target is a mixture of well separated Gaussians."""


class GenerativeModel(Protocol):
    """A model that learns a distribution from samples and draws new ones.

    ``Settings`` are those of training; ``methods`` maps the name of each way of sampling to
    its own settings, which may carry sweeps (lists).
    """

    name: ClassVar[str]
    Settings: ClassVar[type]
    methods: ClassVar[Mapping[str, type]]

    def fit(self, x: ArrayLike, **options: Any) -> GenerativeModel:
        """Learn from ``x`` of shape ``(n, d)`` or ``(E, n, d)``."""

    def sample(self, n: int, **options: Any) -> NDArray[np.floating]:
        """Draw ``n`` samples per seed, of the shape of the data the model was fitted on."""

    def save(self, path: str | Path) -> None:
        """Write the model into the folder ``path``."""

    @classmethod
    def load(cls, path: str | Path) -> GenerativeModel:
        """Read a model that ``save`` has written."""


@dataclass(frozen=True)
class MetricOutput:
    """One number that a metric gives.

    Attributes:
        label: Name for tables and axes.
        better: Whether lower or higher values are better.
        group: What it judges, see ``tailbench.metrics.outputs.GROUPS``.
        needs_index: It is unfit to rank on data whose least tail index is at most this, where it
            may reward missing tails; ``None`` if it is fit for all data.
    """

    label: str
    better: Literal["lower", "higher"] = "lower"
    group: Group = "other"
    needs_index: float | None = None

    def unfit_at(self, index: float | None) -> bool:
        """Return whether it is unfit to rank data of this least index; not if that is unknown."""
        return self.needs_index is not None and index is not None and index <= self.needs_index


class Metric(Protocol):
    """A comparison of generated samples with held-out real ones."""

    name: ClassVar[str]
    Settings: ClassVar[type]
    outputs: ClassVar[Mapping[str, MetricOutput]]
    space: ClassVar[str | None]
    needs_train: ClassVar[bool]

    def applies(self, truth: Target | None, images: ImageLayout | None = None) -> bool:
        """Whether the metric is defined for data of the exact law ``truth`` (``None``: unknown).

        ``images`` says what the rows are if they are images.
        """

    def __call__(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        truth: Target | None,
        rng: np.random.Generator,
        images: Any = None,
    ) -> dict[str, float]:
        """Compare ``samples`` ``(n, d)`` with ``reference`` ``(m, d)``; one value per output.

        ``images`` is what metrics with a feature space ``space`` are told besides: an
        ``ImageContext``. One that ``needs_train`` takes the training rows too, ``(k, d)``, as the
        keyword ``train``.
        """
