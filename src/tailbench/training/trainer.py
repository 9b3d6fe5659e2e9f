"""The training loop, the same for every model.

A model gives a module whose parameters carry the axis of members and a loss with one value per
member. On a GPU the members of a block train together; on a CPU they train one after another,
which is faster there and makes a member's result independent of its block to the last bit.

Several processes share each batch. All draw the same random numbers and hold the same parameters;
the gradients of their shares are summed, one tensor per step. So the number of processes changes
the result by rounding only, and a run may go on with another number than it began with.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tailbench.compute.distributed import processes
from tailbench.exceptions import InputError, TrainingDiverged
from tailbench.rng.seeds import seed_for
from tailbench.rng.streams import Streams
from tailbench.training.checkpoint import Checkpoint
from tailbench.training.optimizer import AdamW
from tailbench.training.progress import Progress
from tailbench.training.rows import InMemoryRows, Rows

if TYPE_CHECKING:
    from tailbench.models.settings import TrainingSettings

__all__ = [
    "Build",
    "Loss",
    "TrainResult",
    "clip",
    "groups",
    "learning_rate",
    "split",
    "train",
]

Build = Callable[[Sequence[int]], nn.Module]
"""From numbers of members in the block to an untrained module of those members."""
Loss = Callable[[nn.Module, Tensor, Streams], Tensor]
"""From a module, a batch ``(E, B, d)`` and random streams to the members' losses ``(E,)``."""

CHECK_EVERY = 50
EXPLODED = 1e4
VALIDATED = 2**20  # numbers that are validated at once


@dataclass
class TrainResult:
    """What a training run leaves.

    Attributes:
        state: Parameters of the best validation, every tensor with leading axis ``E``.
        history: Rows of member, step, loss, val_loss, lr and seconds.
        seconds: Seconds of training of each member; members trained together share the time.
    """

    state: dict[str, Tensor]
    history: list[dict[str, float]]
    seconds: list[float] = field(default_factory=list)


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Give the learning rate of a step: linear warm-up, then level or falling by a cosine."""
    warm = max(1, round(settings.warmup * settings.steps))
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    if settings.schedule == "constant":
        return settings.learning_rate
    part = (step - warm) / max(1, settings.steps - warm)
    return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * part))


def train(
    build: Build,
    loss: Loss,
    x: Tensor | Rows,
    settings: TrainingSettings,
    seeds: Sequence[int],
    device: torch.device,
    split_seeds: Sequence[int] | None = None,
    label: str = "training",
    members: Sequence[int] | None = None,
    checkpoint: Checkpoint | None = None,
    quiet: bool = False,
) -> TrainResult:
    """Train a block of members.

    Args:
        build: Makes the untrained module of some members of the block.
        loss: Loss per member.
        x: Training data of each member, shape ``(E, n, d)``.
        settings: Settings of the loop.
        seeds: Seed of each member.
        device: Where to train.
        split_seeds: Seed of each member's split into training and validation data; ``seeds``
            if not given. Models that share them hold out the same data.
        label: What is trained, for progress and errors.
        members: Number of each member, for progress and errors.
        checkpoint: Where to keep the state, if anywhere.
        quiet: Show no progress.

    Raises:
        InputError: If a batch has fewer rows than there are processes to share it.
        TrainingDiverged: If a loss is not finite or explodes; names label, member and step.
    """
    rows = x if isinstance(x, Rows) else InMemoryRows(x)
    members = list(range(len(seeds))) if members is None else list(members)
    split_seeds = seeds if split_seeds is None else split_seeds
    parts = []
    for group in groups(len(seeds), device):
        run = _Run(
            build(group),
            loss,
            rows.of(group, device),
            settings,
            [seeds[e] for e in group],
            [split_seeds[e] for e in group],
            [members[e] for e in group],
            device,
            label,
            checkpoint,
            quiet,
        )
        parts.append(run())
    state = {key: torch.cat([part.state[key] for part in parts]) for key in parts[0].state}
    return TrainResult(
        state,
        [row for part in parts for row in part.history],
        [seconds for part in parts for seconds in part.seconds],
    )


class _Run:
    """The training of members that share one module."""

    def __init__(
        self,
        module: nn.Module,
        loss: Loss,
        rows: Rows,
        settings: TrainingSettings,
        seeds: Sequence[int],
        split_seeds: Sequence[int],
        members: Sequence[int],
        device: torch.device,
        label: str,
        checkpoint: Checkpoint | None,
        quiet: bool,
    ) -> None:
        self.device, self.label = device, label
        self.processes = processes()
        self.loss, self.members = loss, list(members)
        self.quiet = quiet or not self.processes.first
        self.checkpoint, self.rows = checkpoint, rows
        self.part = f"members-{members[0]}-{members[-1]}-{device.type}"  # states do not move
        orders = split(rows.shape[1], settings.validation_fraction, split_seeds)
        self.train_rows, self.val_rows = (order.to(device) for order in orders)
        self.settings = settings.on(self.train_rows.shape[1])
        self.batch = min(settings.batch_size, self.train_rows.shape[1])
        if self.batch < self.processes.count:
            raise InputError(
                f"{label}: batch_size: {self.processes.count} processes cannot share a batch of "
                f"{self.batch}"
            )
        self.streams = Streams(seeds, device, "train")
        self.val_seeds = [int(seed) for seed in seeds]
        self.validated = max(self.settings.batch_size, VALIDATED // rows.shape[2])
        self.module = module.to(device)
        self.parameters = dict(self.module.named_parameters())
        self.flat = _flatten(self.module)  # (E, P)
        self.ema, self.best = self.flat.clone(), self.flat.clone()
        self.best_loss = torch.full((len(seeds),), math.inf, device=device)
        self.optimizer = AdamW(self.flat, settings.weight_decay)
        self.step, self.seconds = 0, 0.0
        self.sums, self.since = torch.zeros_like(self.best_loss), 0  # of losses, since validation
        self.history: list[dict[str, float]] = []
        self.scale = torch.full((len(seeds),), math.nan, device=device)

    def __call__(self) -> TrainResult:
        done = self._resume()
        if self.settings.compiled and not done:
            from tailbench.training.compilation import compile_members

            compile_members(self.module, self.flat, self._trial)
        begin = time.monotonic() - self.seconds
        who = ", ".join(str(member) for member in self.members)
        title = f"{self.label}, seed {who}"
        if not done:
            self.module.train()
            with Progress(title, self.settings.steps, self.step, self.quiet) as progress:
                note = ""
                while self.step < self.settings.steps:
                    self.sums += self._update()
                    self.since += 1
                    self.step += 1
                    if self.step % CHECK_EVERY == 0 or self.step in (1, self.settings.steps):
                        mean = self.sums / self.since
                        self._guard(mean, title)
                        note = f"loss {float(mean.mean()):.4g}"
                    validated = self.step % self.settings.validate_every == 0 or self.step in (
                        1,
                        self.settings.steps,
                    )
                    if validated:
                        mean = self.sums / self.since
                        self._validate(mean, time.monotonic() - begin, title)
                        self.sums.zero_()
                        self.since = 0
                    if self.checkpoint is not None and (
                        self.checkpoint.urgent() or (validated and self.checkpoint.due())
                    ):
                        self.seconds = time.monotonic() - begin
                        self._save(done=False)
                    progress.step(note)
            self.seconds = time.monotonic() - begin
            self._save(done=True)
        self.flat.copy_(self.best)
        state = {key: value.cpu().clone() for key, value in self.module.state_dict().items()}
        share = self.seconds / len(self.members)
        return TrainResult(state, self.history, [share] * len(self.members))

    def _update(self) -> Tensor:
        index = self.streams.integers(self.train_rows.shape[1], self.batch)
        with self._dropout():
            losses = self._share_of_loss(self.train_rows.gather(1, index), self.streams)
            gradient = self._gradient(losses)
        self.processes.sum(gradient)
        clipped = clip(gradient, self.settings.clip_norm)
        self.optimizer.step(clipped, learning_rate(self.step, self.settings))
        decay = min(self.settings.ema, (1.0 + self.step) / (10.0 + self.step))
        self.ema.lerp_(self.flat, 1.0 - decay)
        return self.processes.sum(losses.detach())

    def _gradient(self, losses: Tensor) -> Tensor:
        """Give the gradient of every member, shape ``(E, P)``."""
        gradients = torch.autograd.grad(
            losses.sum(), list(self.parameters.values()), materialize_grads=True
        )
        return torch.cat([g.flatten(1) for g in gradients], dim=1)

    def _trial(self) -> Tensor:
        """Give the gradient of this process's share of one batch, always the same."""
        self.module.eval()  # without dropout
        streams = Streams(self.val_seeds, self.device, "trial")
        return self._gradient(self._share_of_loss(self.train_rows[:, : self.batch], streams))

    @contextmanager
    def _dropout(self) -> Iterator[None]:
        """Seed torch's own generator, which dropout takes, by the step and the process."""
        if not self.settings.drops:
            yield
            return
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed_for("dropout", *self.val_seeds, self.step, self.processes.rank))
            yield

    def _share_of_loss(self, index: Tensor, streams: Streams) -> Tensor:
        """Give this process's summand of the mean loss over the rows ``(E, B)``."""
        total = index.shape[1]
        own = self.processes.share(total)
        weight = (own.stop - own.start) / total
        if not weight:  # draws as the others do, so that the generators stay in step
            own = slice(0, 1)
        with streams.part(own, total):
            return weight * self.loss(self.module, self.rows.take(index[:, own]), streams)

    @torch.no_grad()
    def _validate(self, mean: Tensor, seconds: float, title: str) -> None:
        held = self.val_rows.shape[1]
        if held:
            kept = self.flat.clone()
            self.flat.copy_(self.ema)
            self.module.eval()
            streams = Streams(self.val_seeds, self.device, "validate")
            losses = torch.zeros_like(self.best_loss)
            for part in self.val_rows.split(self.validated, dim=1):
                losses += self._share_of_loss(part, streams) * (part.shape[1] / held)
            self.processes.sum(losses)
            self.module.train()
            self.flat.copy_(kept)
            self._guard(losses, title, validation=True)
        else:
            losses = torch.full_like(self.best_loss, math.nan)
        better = (losses < self.best_loss) | losses.isnan()
        self.best_loss = torch.where(better, losses, self.best_loss)
        self.best = torch.where(better.unsqueeze(1), self.ema, self.best)
        rate = learning_rate(self.step - 1, self.settings)
        for member, own, val in zip(self.members, mean.tolist(), losses.tolist(), strict=True):
            self.history.append(
                {
                    "member": member,
                    "step": self.step,
                    "loss": own,
                    "val_loss": val,
                    "lr": rate,
                    "seconds": seconds,
                }
            )

    def _guard(self, losses: Tensor, title: str, validation: bool = False) -> None:
        kind = "validation loss" if validation else "loss"
        self.scale = torch.where(self.scale.isnan(), losses.abs() + 1.0, self.scale)
        bad = ~losses.isfinite() | (losses > EXPLODED * self.scale)
        if bool(bad.any()):
            member = self.members[int(bad.nonzero()[0, 0])]
            value = float(losses[bad][0])
            raise TrainingDiverged(
                f"{self.label}, seed {member}: the {kind} is {value:g} at step {self.step} of "
                f"{self.settings.steps}; a lower learning_rate or clip_norm may help"
            )

    def _save(self, done: bool) -> None:
        if self.checkpoint is None or not self.processes.first:
            return
        tensors = {"best_loss": self.best_loss, "scale": self.scale, "best": self.best}
        if not done:
            tensors |= {"parameters": self.flat, "ema": self.ema, "sums": self.sums}
            tensors |= {f"optimizer.{key}": value for key, value in self.optimizer.state.items()}
        for index, stream in enumerate(self.streams.state()):
            tensors[f"stream.{index}"] = stream
        state = {
            "step": self.step,
            "since": self.since,
            "seconds": self.seconds,
            "history": self.history,
            "done": done,
        }
        self.checkpoint.save(self.part, tensors, state)

    def _resume(self) -> bool:
        found = self.checkpoint.load(self.part) if self.checkpoint is not None else None
        here = 0 if found is None else found[1]["step"]
        steps = torch.tensor(float(here), device=self.device)
        if self.processes.sum(steps) != here * self.processes.count:
            raise RuntimeError(f"{self.label}: the processes read different states of the training")
        if found is None:
            return False
        tensors, state = found
        self.step, self.seconds, self.history = state["step"], state["seconds"], state["history"]
        self.best_loss = tensors["best_loss"].to(self.device)
        self.scale = tensors["scale"].to(self.device)
        self.best.copy_(tensors["best"])
        if not state["done"]:
            self.since = state["since"]
            self.sums.copy_(tensors["sums"])
            self.flat.copy_(tensors["parameters"])
            self.ema.copy_(tensors["ema"])
            for key, value in self.optimizer.state.items():
                value.copy_(tensors[f"optimizer.{key}"])
            self.streams.restore([tensors[f"stream.{i}"] for i in range(len(self.members))])
            if not self.quiet:
                print(f"{self.label}: goes on at step {self.step}", flush=True)
        return bool(state["done"])


def clip(gradient: Tensor, norm: float) -> Tensor:
    """Shorten the gradient of each member ``(E, P)`` to at most the given norm."""
    return gradient * (norm / (gradient.norm(dim=1, keepdim=True) + 1e-6)).clamp(max=1.0)


def _flatten(module: nn.Module) -> Tensor:
    """Put the parameters of every member into one row, of which they become views."""
    parameters = list(module.parameters())
    flat = torch.cat([p.detach().flatten(1) for p in parameters], dim=1)  # (E, P)
    place = 0
    for parameter in parameters:
        count = parameter[0].numel()
        parameter.data = flat[:, place : place + count].view(parameter.shape)
        place += count
    return flat


def groups(members: int, device: torch.device) -> list[list[int]]:
    """List the members that are computed together: all on a GPU, each alone on a CPU."""
    everyone = list(range(members))
    return [everyone] if device.type == "cuda" else [[member] for member in everyone]


def split(n: int, fraction: float, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Split ``n`` rows into training and validation rows by a permutation of each member's seed.

    The validation rows of a smaller fraction are the first of those of a larger one.

    Args:
        n: Number of rows.
        fraction: Share of the validation rows.
        seeds: Seed of each member's permutation.

    Returns:
        Numbers of the training rows and of the validation rows of each member, ``(E, n - h)`` and
        ``(E, h)``.
    """
    held = min(round(fraction * n), n - 1)
    streams = Streams(seeds, torch.device("cpu"), "split")
    order = torch.stack([torch.randperm(n, generator=g) for g in streams.generators])
    return order[:, held:].contiguous(), order[:, :held].contiguous()
