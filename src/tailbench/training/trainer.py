"""The training loop, the same for every model.

A model gives a module whose parameters carry a leading axis ``E``, one entry for each seed of a
block, and a loss with one value per seed. On a GPU the seeds of a block train together; on a CPU
one after another.

Several processes share each batch. All draw the same random numbers and hold the same parameters;
the gradients of their shards are summed, one tensor per step. So the number of processes changes
the result by rounding only, and a run may be resumed with another number than it began with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tailbench.compute.clock import clock_of
from tailbench.compute.distributed import processes
from tailbench.exceptions import InputError
from tailbench.rng.seeds import seed_for
from tailbench.rng.streams import Streams
from tailbench.training import splits
from tailbench.training.callbacks import CheckpointWriter, DivergenceGuard, Validation
from tailbench.training.optimizer import make_optimizer, update_order
from tailbench.training.progress import Progress
from tailbench.training.rows import InMemoryRows, Rows
from tailbench.training.schedule import ema_decay, learning_rate
from tailbench.training.state import TrainState, flatten

if TYPE_CHECKING:
    from tailbench.models.settings import TrainingSettings
    from tailbench.training.context import FitContext

__all__ = ["Build", "Loss", "TrainResult", "Trainer", "clip", "train"]

Build = Callable[[Sequence[int]], nn.Module]
"""From positions in the block to an untrained module of these seeds."""
Loss = Callable[[nn.Module, Tensor, Streams], Tensor]
"""From a module, a batch ``(E, B, d)`` and random streams to the losses ``(E,)``."""

CHECK_EVERY = 50
VALIDATED = 2**20  # numbers that are validated at once


@dataclass
class TrainResult:
    """The result of a training.

    Attributes:
        state: Parameters of the best validation, every tensor with leading axis ``E``.
        history: Rows of seed, step, loss, val_loss, lr and seconds.
        seconds: Seconds of training of each seed; seeds trained together share the time.
    """

    state: dict[str, Tensor]
    history: list[dict[str, float]]
    seconds: list[float] = field(default_factory=list)


def train(
    build: Build,
    loss: Loss,
    x: Tensor | Rows,
    settings: TrainingSettings,
    device: torch.device,
    context: FitContext,
) -> TrainResult:
    """Train a seed block.

    Args:
        build: Builds the untrained module of some seeds of the block.
        loss: Loss per seed.
        x: Training data of each seed, shape ``(E, n, d)``.
        settings: Settings of the loop.
        device: Where to train.
        context: Seeds, label, checkpoint and whether to show progress.

    Raises:
        InputError: If a batch has fewer rows than there are processes to share it.
        TrainingDiverged: If a loss is not finite or explodes; names label, seed and step.
        Interrupted: If the training is asked to stop; the checkpoint is saved.
    """
    rows = x if isinstance(x, Rows) else InMemoryRows(x)
    parts = [
        Trainer(
            build(group), loss, rows.of(group, device), settings, device, context.select(group)
        ).run()
        for group in splits.seed_groups(len(context.seeds), device)
    ]
    state = {key: torch.cat([part.state[key] for part in parts]) for key in parts[0].state}
    return TrainResult(
        state,
        [row for part in parts for row in part.history],
        [seconds for part in parts for seconds in part.seconds],
    )


class Trainer:
    """The training of seeds that share one module.

    Args:
        module: The untrained module.
        loss: Loss per seed.
        rows: Training data of the seeds.
        settings: Settings of the loop.
        device: Where to train.
        context: Seeds, label, checkpoint and whether to show progress.

    Raises:
        InputError: If a batch has fewer rows than there are processes to share it.
    """

    def __init__(
        self,
        module: nn.Module,
        loss: Loss,
        rows: Rows,
        settings: TrainingSettings,
        device: torch.device,
        context: FitContext,
    ) -> None:
        self.loss, self.rows, self.device, self.context = loss, rows, device, context
        self.processes = processes()
        n = rows.shape[1]
        orders = splits.split_rows(n, settings.validation_rows(n), context.split_seeds)
        self.train_rows, self.val_rows = (order.to(device) for order in orders)
        self.settings = settings.on(self.train_rows.shape[1])
        self.batch = min(settings.batch_size, self.train_rows.shape[1])
        if self.batch < self.processes.count:
            raise InputError(
                f"{context.label}: batch_size: {self.processes.count} processes cannot share a "
                f"batch of {self.batch}"
            )
        self.validated = self.settings.batch_size
        if not self.settings.compares_rows:
            self.validated = max(self.validated, VALIDATED // rows.shape[2])
        self.module = module.to(device)
        self.parameters = update_order(self.module, settings.optimizer)
        flat = flatten(self.parameters)
        self.state = TrainState.start(
            flat,
            make_optimizer(settings.optimizer, flat, self.module, settings.weight_decay),
            Streams(context.seeds, device, "train"),
        )

    def run(self) -> TrainResult:
        """Train up to the last step, or continue from a checkpoint.

        Raises:
            TrainingDiverged: If a loss is not finite or explodes.
            Interrupted: If the training is asked to stop; the checkpoint is saved.
        """
        state, writer = self.state, CheckpointWriter(self.state, self.context, self.processes)
        if not writer.resume():
            if self.settings.compiled:
                from tailbench.training.compilation import compile_seeds

                compile_seeds(self.module, state.parameters, self._trial)
            self._run(writer)
            writer.write(finished=True)
        state.parameters.copy_(state.best)
        result = {key: value.cpu().clone() for key, value in self.module.state_dict().items()}
        count = len(self.context.seeds)
        return TrainResult(result, state.history, [state.seconds / count] * count)

    def _run(self, writer: CheckpointWriter) -> None:
        """Take the steps that are left, with checks, validations, checkpoints and progress."""
        state, context, steps = self.state, self.context, self.settings.train_steps
        guard = DivergenceGuard(state, context, self.settings)
        evaluate = self._validation_loss if self.val_rows.shape[1] else None
        validate = Validation(state, context, self.settings, evaluate, guard)
        quiet = not (context.verbose and self.processes.first)
        title = f"{context.label}, seed {', '.join(map(str, context.ids))}"
        now = clock_of(self.device)
        begin = now() - state.seconds
        with Progress(title, steps, state.step, quiet) as progress:
            note = ""
            for step in self.steps():
                ends = step in (1, steps)
                if ends or step % CHECK_EVERY == 0:
                    loss = state.mean_loss()
                    guard(loss)
                    note = f"loss {float(loss.mean()):.4g}"
                validated = ends or step % self.settings.validate_every == 0
                if validated:
                    validate(now() - begin)
                if writer.due(validated):
                    state.seconds = now() - begin
                    writer.write()
                progress.step(note)
        state.seconds = now() - begin

    def steps(self) -> Iterator[int]:
        """Take one optimiser step after another, and yield the number of steps done after each."""
        self.module.train()
        while self.state.step < self.settings.train_steps:
            self.state.count(self._update())
            yield self.state.step

    def _update(self) -> Tensor:
        """Take an optimiser step, and return the losses ``(E,)`` before it."""
        state = self.state
        index = state.streams.integers(self.train_rows.shape[1], self.batch)
        with self._dropout():
            losses = self._shard_of_loss(self.train_rows.gather(1, index), state.streams)
            gradient = self._gradient(losses)
        self.processes.sum(gradient)
        clipped = clip(gradient, self.settings.clip_norm)
        state.optimizer.step(clipped, learning_rate(state.step, self.settings))
        state.ema.lerp_(state.parameters, 1.0 - ema_decay(state.step, self.settings))
        return self.processes.sum(losses.detach())

    def _gradient(self, losses: Tensor) -> Tensor:
        """Compute the gradient of every seed, shape ``(E, P)``."""
        gradients = torch.autograd.grad(losses.sum(), self.parameters, materialize_grads=True)
        return torch.cat([g.flatten(1) for g in gradients], dim=1)

    def _trial(self) -> Tensor:
        """Compute the gradient of this process's shard of one batch, always the same."""
        self.module.eval()  # without dropout
        streams = Streams(self.context.seeds, self.device, "trial")
        return self._gradient(self._shard_of_loss(self.train_rows[:, : self.batch], streams))

    @contextmanager
    def _dropout(self) -> Iterator[None]:
        """Seed torch's own generator, which dropout takes, by the step and the process."""
        if not self.settings.drops:
            yield
            return
        devices = [self.device] if self.device.type == "cuda" else []
        seeds = [int(seed) for seed in self.context.seeds]
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed_for("dropout", *seeds, self.state.step, self.processes.rank))
            yield

    def _shard_of_loss(self, index: Tensor, streams: Streams) -> Tensor:
        """Compute this process's summand of the mean loss over the rows ``(E, B)``."""
        total = index.shape[1]
        shard = self.processes.share(total)
        weight = (shard.stop - shard.start) / total
        if not weight:  # draws as the others do, so that the generators stay in step
            shard = slice(0, 1)
        taken = index if self.settings.compares_rows else index[:, shard]
        with streams.part(shard, total):
            return weight * self.loss(self.module, self.rows.take(taken), streams)

    def _validation_loss(self) -> Tensor:
        """Compute the mean loss ``(E,)`` of the averaged parameters over the held-out rows."""
        state, held = self.state, self.val_rows.shape[1]
        present = state.parameters.clone()
        state.parameters.copy_(state.ema)
        self.module.eval()
        streams = Streams(self.context.seeds, self.device, "validate")
        losses = torch.zeros_like(state.best_loss)
        for part in self.val_rows.split(self.validated, dim=1):
            losses += self._shard_of_loss(part, streams) * (part.shape[1] / held)
        self.processes.sum(losses)
        self.module.train()
        state.parameters.copy_(present)
        return losses


def clip(gradient: Tensor, norm: float) -> Tensor:
    """Shorten the gradient of each seed ``(E, P)`` to at most the given norm."""
    return gradient * (norm / (gradient.norm(dim=1, keepdim=True) + 1e-6)).clamp(max=1.0)
