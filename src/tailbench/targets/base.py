"""What all targets share: settings, the protocol's defaults, and the drawing of data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from tailbench.data import DataShape, DataSplits, MixtureModes
from tailbench.exceptions import InputError
from tailbench.rng.seeds import generator_for
from tailbench.settings import Settings

__all__ = ["BaseTarget", "TargetSettings"]

GUESSED_DIM = 32


class TargetSettings(Settings):
    """Settings that every target has."""

    n_train: int = Field(20000, ge=2, description="Number of training points of each seed.")
    n_test: int = Field(
        20000, ge=2, description="Number of held-out points, against which samples are compared."
    )
    if TYPE_CHECKING:
        dim: int  # a setting, or a constant, of every target

    def shape(self) -> DataShape:
        """Return the size of the data of one seed; without a setting ``dim``, it is a guess."""
        return DataShape(max(self.n_train, self.n_test), getattr(self, "dim", GUESSED_DIM))


class BaseTarget:
    """A target of which nothing is known but how to sample it.

    Subclasses set ``Settings`` and ``dim``, write ``sample``, and replace what else they know
    in closed form; the rest stays ``None``.

    Args:
        settings: Settings of the target; made from ``options`` if not given.
        options: Values of single settings, as in ``AlphaStable(dim=4, alpha=1.5)``.

    Raises:
        TypeError: If both ``settings`` and ``options`` are given.
        pydantic.ValidationError: If a setting is unknown or out of its range.
    """

    kind: ClassVar[str] = "targets"
    name: ClassVar[str]
    Settings: ClassVar[type[TargetSettings]] = TargetSettings
    settings: TargetSettings
    dim: int

    def __init__(self, settings: TargetSettings | None = None, **options: Any) -> None:
        if settings is not None and options:
            raise TypeError("give either a settings object or single settings, not both")
        self.settings = self.Settings(**options) if settings is None else settings

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw ``n`` independent samples, shape ``(n, d)``."""
        raise NotImplementedError

    def tail_index(self) -> NDArray[np.float64] | None:
        """Tail exponent of each marginal, shape ``(d,)``; ``inf`` if light."""
        return None

    def norm_tail_index(self) -> float | None:
        """Tail exponent of the Euclidean norm; ``inf`` if light."""
        return None

    def quantile(self, p: ArrayLike) -> NDArray[np.float64] | None:
        """Exact marginal quantiles at levels of shape ``(m,)``, shape ``(d, m)``."""
        return None

    def log_prob(self, x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Log-density at ``x`` of shape ``(n, d)``, shape ``(n,)``."""
        return None

    def score(self, x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Gradient of the log-density at ``x``, shape ``(n, d)``."""
        return None

    def noised_score(self, x: NDArray[np.float64], sigma: ArrayLike) -> NDArray[np.float64] | None:
        r"""Gradient of the log-density of the data with Gaussian noise at ``x``, shape ``(n, d)``.

        That is the exact score of :math:`X + \operatorname{diag}(\sigma) G`, in units of the data.

        Args:
            x: Points, shape ``(n, d)``.
            sigma: Standard deviation of the noise, or that of each coordinate, shape ``(d,)``.

        Raises:
            ValueError: If a standard deviation is not positive and finite.
        """
        return None

    def modes(self) -> MixtureModes | None:
        """The modes, where the target is a mixture of well separated Gaussians."""
        return None

    def target(self) -> BaseTarget | None:
        """The exact law of the data: the target itself."""
        return self

    def check(self, min_rows: int) -> None:
        """Check that there are at least ``min_rows`` training points.

        Raises:
            InputError: If there are fewer.
        """
        if self.settings.n_train < min_rows:
            raise InputError(
                f"n_train of the target {self.name!r} is {self.settings.n_train}, "
                f"fewer than the {min_rows} points that are needed"
            )

    def splits(self, name: str, seed: int) -> DataSplits:
        """Draw the data of a seed, seeded by ``("data", name, split, seed)``.

        Args:
            name: Name of the data set in the configuration.
            seed: Number of the seed.

        Raises:
            InputError: If a drawn value is beyond the range of single precision.
        """
        sizes = {
            "train": self.settings.n_train,
            "test": self.settings.n_test,
            "floor": self.settings.n_test,
        }
        parts = {}
        for split, n in sizes.items():
            x = self.sample(n, generator_for("data", name, split, seed))
            if not np.all(np.abs(x) <= np.finfo(np.float32).max):
                raise InputError(
                    f"the target {name!r} gives values beyond single precision "
                    f"({split} points of seed {seed}); its tails are too heavy"
                )
            parts[split] = x
        return DataSplits(
            parts["train"],
            parts["test"],
            parts["floor"],
            columns=tuple(f"x{j + 1}" for j in range(self.dim)),
        )
