"""What happens around the steps of a training: checks, validation and checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tailbench.exceptions import TrainingDiverged
from tailbench.training.schedule import learning_rate

if TYPE_CHECKING:
    from tailbench.compute.distributed import Processes
    from tailbench.models.settings import TrainingSettings
    from tailbench.training.context import FitContext
    from tailbench.training.state import TrainState

__all__ = ["CheckpointWriter", "DivergenceGuard", "Validation"]

EXPLODED = 1e4


class DivergenceGuard:
    """A check that stops a training whose loss is not finite, or has exploded.

    A loss has exploded if it exceeds ``EXPLODED`` times one plus the size of the first loss that
    was checked.

    Args:
        state: The state of the training, which keeps that scale.
        context: Names label and seeds.
        settings: Settings of the training, for the message.
    """

    def __init__(self, state: TrainState, context: FitContext, settings: TrainingSettings) -> None:
        self.state, self.context, self.settings = state, context, settings

    def __call__(self, losses: Tensor, kind: str = "loss") -> None:
        """Check the losses ``(E,)``.

        Raises:
            TrainingDiverged: If one is not finite or has exploded; names label, seed and step.
        """
        state = self.state
        state.scale = torch.where(state.scale.isnan(), losses.abs() + 1.0, state.scale)
        bad = ~losses.isfinite() | (losses > EXPLODED * state.scale)
        if bool(bad.any()):
            seed = self.context.ids[int(bad.nonzero()[0, 0])]
            raise TrainingDiverged(
                f"{self.context.label}, seed {seed}: the {kind} is {float(losses[bad][0]):g} at "
                f"step {state.step} of {self.settings.train_steps}; {self._advice()}"
            )

    def _advice(self) -> str:
        """Return what may help: a map of far values where there is one, and else smaller steps.

        A smaller ``clip_norm`` is none of it: the optimisers make up for the size of gradients.
        """
        if getattr(self.settings, "margins", None) == "none":
            far = "margins: 'tail' or 'softlog' may help where values are far out"
            return far if self.state.step == 1 else f"{far}, and so may a lower learning_rate"
        if self.state.step == 1:
            return "nothing had been learned by then: the data reach too far"
        return "a lower learning_rate may help"


class Validation:
    """Judges the averaged parameters by held-out rows, and keeps the best.

    Without held-out rows the last average counts as the best.

    Args:
        state: The state of the training.
        context: Numbers of the seeds, for the history.
        settings: Settings of the training, with the steps resolved.
        evaluate: Computes the losses ``(E,)`` of the averaged parameters on the held-out rows;
            ``None`` where there are none.
        guard: Checks these losses.
    """

    def __init__(
        self,
        state: TrainState,
        context: FitContext,
        settings: TrainingSettings,
        evaluate: Callable[[], Tensor] | None,
        guard: DivergenceGuard,
    ) -> None:
        self.state, self.context, self.settings = state, context, settings
        self.evaluate, self.guard = evaluate, guard

    @torch.no_grad()
    def __call__(self, seconds: float) -> None:
        """Validate, add a row per seed to the history, and begin a new mean of the losses.

        Raises:
            TrainingDiverged: If a validation loss is not finite or has exploded.
        """
        state = self.state
        if self.evaluate is None:
            losses = torch.full_like(state.best_loss, torch.nan)
        else:
            losses = self.evaluate()
            self.guard(losses, "validation loss")
        better = (losses < state.best_loss) | losses.isnan()
        state.best_loss = torch.where(better, losses, state.best_loss)
        state.best = torch.where(better.unsqueeze(1), state.ema, state.best)
        rate = learning_rate(state.step - 1, self.settings)
        means = state.mean_loss().tolist()
        for seed, loss, val_loss in zip(self.context.ids, means, losses.tolist(), strict=True):
            row = {
                "seed": seed,
                "step": state.step,
                "loss": loss,
                "val_loss": val_loss,
                "lr": rate,
                "seconds": seconds,
            }
            state.history.append(row)
            if self.context.callback is not None:
                self.context.callback({**row, "label": self.context.label})
        state.restart_mean()


class CheckpointWriter:
    """Writes the state of a training to its checkpoint, and reads it back.

    Args:
        state: The state of the training.
        context: The checkpoint, if there is one, and label and seeds for messages.
        processes: The processes that train together, of which the first writes.
    """

    def __init__(self, state: TrainState, context: FitContext, processes: Processes) -> None:
        self.state, self.context, self.processes = state, context, processes
        self.checkpoint = context.checkpoint
        device = state.parameters.device.type  # states of generators do not move to another one
        self.part = f"seeds-{context.ids[0]}-{context.ids[-1]}-{device}"

    def due(self, validated: bool) -> bool:
        """Return whether a checkpoint is to be written: now and then after a validation.

        A training that is asked to stop writes one after any step.
        """
        if self.checkpoint is None:
            return False
        return self.checkpoint.urgent() or (validated and self.checkpoint.due())

    def write(self, finished: bool = False) -> None:
        """Write the state.

        Raises:
            Interrupted: If the training is asked to stop.
        """
        if self.checkpoint is not None and self.processes.first:
            self.checkpoint.save(self.part, *self.state.dump(finished))

    def resume(self) -> bool:
        """Continue from the checkpoint, if there is one, and return whether that run was finished.

        Raises:
            RuntimeError: If the processes have read different checkpoints.
        """
        context, state = self.context, self.state
        result = self.checkpoint.load(self.part) if self.checkpoint is not None else None
        here = 0 if result is None else result[1]["step"]
        steps = torch.tensor(float(here), device=state.parameters.device)
        if self.processes.sum(steps) != here * self.processes.count:
            raise RuntimeError(f"{context.label}: the processes have read different checkpoints")
        if result is None:
            return False
        state.load(*result)
        finished = bool(result[1]["done"])
        if not finished and context.verbose and self.processes.first:
            print(f"{context.label}: resuming at step {state.step}", flush=True)
        return finished
