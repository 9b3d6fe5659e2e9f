"""What training and sampling of a seed block need besides data and settings. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from tailbench.rng.seeds import seed_for

if TYPE_CHECKING:
    from tailbench.training.checkpoint import Checkpoint

__all__ = ["Callback", "FitContext", "SampleContext"]

Callback = Callable[[dict[str, Any]], object]
"""Called with a row of the history of a training as it is written, and ``label``."""


@dataclass(frozen=True)
class FitContext:
    """The training of a seed block: its seeds, and what messages and checkpoints need.

    Attributes:
        seeds: Random seed of each training of the block, ``E`` of them.
        split_seeds: Random seed of each one's choice of validation rows. Models that share them
            hold out the same rows.
        ids: Number of each seed, for messages and the history.
        label: What is trained, for messages.
        checkpoint: Where the state of the training is kept, if anywhere.
        verbose: Whether progress is shown.
        callback: Called with each row of the history, if anything.

    Raises:
        ValueError: If ``seeds``, ``split_seeds`` and ``ids`` differ in length.
    """

    seeds: Sequence[int]
    split_seeds: Sequence[int]
    ids: Sequence[int]
    label: str = "training"
    checkpoint: Checkpoint | None = None
    verbose: bool = True
    callback: Callback | None = None

    def __post_init__(self) -> None:
        if not len(self.seeds) == len(self.split_seeds) == len(self.ids):
            raise ValueError("seeds, split_seeds and ids must have the same length")

    @classmethod
    def of(
        cls,
        seed: int,
        count: int,
        label: str,
        checkpoint: Checkpoint | None = None,
        verbose: bool = True,
        callback: Callback | None = None,
    ) -> Self:
        """Build the context of ``count`` trainings whose seeds all derive from one seed."""
        # The name of the stream is part of the numbers: "member" stays.
        seeds = tuple(seed_for("member", seed, e) for e in range(count))
        return cls(seeds, seeds, tuple(range(count)), label, checkpoint, verbose, callback)

    @classmethod
    def for_training(
        cls, dataset: str, model: str, seeds: Sequence[int], checkpoint: Checkpoint | None = None
    ) -> Self:
        """Build the context of a benchmark's training: random seeds by dataset, model and seed.

        The choice of validation rows depends on dataset and seed alone, so that models hold out
        the same rows.
        """
        return cls(
            [seed_for("train", dataset, model, seed) for seed in seeds],
            [seed_for("split", dataset, seed) for seed in seeds],
            seeds,
            f"{dataset}/{model}",
            checkpoint,
        )

    @classmethod
    def for_tuning(cls, dataset: str, method: str, seeds: Sequence[int]) -> Self:
        """Build the context of a benchmark's choice of a sampling setting."""
        return cls(
            [seed_for("choose", dataset, seed) for seed in seeds],
            [seed_for("split", dataset, seed) for seed in seeds],
            seeds,
            f"{dataset}/{method}",
        )

    def select(self, group: Sequence[int]) -> Self:
        """Return the context of some positions of the block."""
        return replace(
            self,
            seeds=tuple(self.seeds[e] for e in group),
            split_seeds=tuple(self.split_seeds[e] for e in group),
            ids=tuple(self.ids[e] for e in group),
        )

    def part(self, name: str) -> Self:
        """Return the context of one part of a model: label and checkpoint folder of its own."""
        checkpoint = self.checkpoint
        if checkpoint is not None:
            checkpoint = replace(checkpoint, folder=checkpoint.folder / name)
        return replace(self, label=f"{self.label}/{name}", checkpoint=checkpoint)


@dataclass(frozen=True)
class SampleContext:
    """The sampling of a seed block.

    Attributes:
        seeds: Random seed of each one's draws, ``E`` of them.
        label: What is sampled, for messages.
        verbose: Whether progress is shown.
        batch: How many samples are computed at once, where fewer are needed too; as many as is
            fast if left out.
    """

    seeds: Sequence[int]
    label: str = "sampling"
    verbose: bool = False
    batch: int | None = None

    @classmethod
    def for_dataset(cls, dataset: str, seeds: Sequence[int], name: str) -> Self:
        """Build the context of a benchmark's sampling: random seeds by dataset and seed."""
        label = f"{dataset}/{name}"
        return cls([seed_for("sample", dataset, seed) for seed in seeds], label, verbose=True)
