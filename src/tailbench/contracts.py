"""The three interfaces of the package: what is learned, what learns it, and what judges it.

This module imports nothing of the package, so that every other module may import it.
Arrays of data carry the shape ``(n, d)``; arrays of a block of members (independent
repetitions of an experiment) carry ``(E, n, d)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "GenerativeModel",
    "Images",
    "InputError",
    "Metric",
    "Modes",
    "Output",
    "Splits",
    "Target",
    "TrainingDiverged",
]


class InputError(ValueError):
    """Input that cannot be used; the message is one sentence naming the file, key or column."""


class TrainingDiverged(RuntimeError):
    """A loss that is not finite, or has grown beyond all bounds."""


@dataclass(frozen=True)
class Modes:
    """The modes of a mixture whose components are well apart.

    Attributes:
        means: Centres, shape ``(k, d)``.
        std: Standard deviation of every component, in units of the data.
        weights: Probabilities of the components, shape ``(k,)``, summing to one.
    """

    means: NDArray[np.float64]
    std: float
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class Images:
    """What rows are that are images, or latents of images, laid out channel by channel.

    Attributes:
        shape: Channels, height and width; their product is ``d``.
        classes: Names of the classes, in the order of the labels; none without labels.
        pixels: Whether the values are brightnesses, not latents.
    """

    shape: tuple[int, int, int]
    classes: tuple[str, ...] = ()
    pixels: bool = True

    @classmethod
    def of(cls, plain: Mapping[str, Any] | None) -> Images | None:
        """Read what ``dataclasses.asdict`` has written, also by way of JSON; ``None`` of none."""
        if plain is None:
            return None
        return cls(tuple(plain["shape"]), tuple(plain["classes"]), plain["pixels"])


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

    def modes(self) -> Modes | None:
        """The modes, where the target is a mixture of well separated Gaussians."""


@dataclass(frozen=True)
class Splits:
    """The data of one member.

    Attributes:
        train: What models are fitted on, shape ``(n, d)``.
        test: Held-out reference of every metric, shape ``(m, d)``.
        floor: Real data of the size of ``test``, used as if a model had made it: a metric
            between ``floor`` and ``test`` is the best that metric can be expected to show.
        columns: Names of the ``d`` columns.
        images: What the rows are if they are images; bytes are then pixels, from 0 to 255.
        labels: Class of every row of ``train``, ``test`` and ``floor``, where it is known.
    """

    train: NDArray[Any]
    test: NDArray[Any]
    floor: NDArray[Any]
    columns: Sequence[str]
    images: Images | None = None
    labels: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)


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

    def sample(self, n: int, **options: Any) -> NDArray[np.float32]:
        """Draw ``n`` samples per member, of the shape of the data the model was fitted on."""

    def save(self, path: str | Path) -> None:
        """Write the model into the folder ``path``."""

    @classmethod
    def load(cls, path: str | Path) -> GenerativeModel:
        """Read a model that ``save`` has written."""


@dataclass(frozen=True)
class Output:
    """One number that a metric gives.

    Attributes:
        label: Name for tables and axes.
        better: Whether lower or higher values are better.
    """

    label: str
    better: Literal["lower", "higher"] = "lower"


class Metric(Protocol):
    """A comparison of generated samples with held-out real ones."""

    name: ClassVar[str]
    Settings: ClassVar[type]
    outputs: ClassVar[Mapping[str, Output]]
    space: ClassVar[str | None]

    def applies(self, truth: Target | None, images: Images | None = None) -> bool:
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
        ``ImageReference``.
        """
