"""The state of a training: everything that has to be saved to resume it to the same result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tailbench.rng.streams import Streams
from tailbench.training.optimizer import Optimizer

__all__ = ["TrainState", "flatten"]


@dataclass
class TrainState:
    """The state of a training of ``E`` seeds with ``P`` parameters each.

    Attributes:
        parameters: Present parameters, ``(E, P)``, of which the module's are views.
        ema: Moving average of the parameters, ``(E, P)``.
        best: Average at the best validation so far, ``(E, P)``.
        best_loss: Loss of that validation, ``(E,)``.
        scale: Bound of a loss is a multiple of it, ``(E,)``: see ``DivergenceGuard``.
        losses: Sum of the losses since the last validation, ``(E,)``.
        optimizer: The optimiser and its moments.
        streams: Random streams of the training.
        step: Steps done.
        since: Steps since the last validation.
        seconds: Seconds of training so far.
        history: One row per seed and validation.
    """

    parameters: Tensor
    ema: Tensor
    best: Tensor
    best_loss: Tensor
    scale: Tensor
    losses: Tensor
    optimizer: Optimizer
    streams: Streams
    step: int = 0
    since: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def start(cls, parameters: Tensor, optimizer: Optimizer, streams: Streams) -> TrainState:
        """Build the state before the first step from initial parameters ``(E, P)``."""
        seeds, device = len(parameters), parameters.device
        best_loss = torch.full((seeds,), math.inf, device=device)
        return cls(
            parameters,
            ema=parameters.clone(),
            best=parameters.clone(),
            best_loss=best_loss,
            scale=torch.full((seeds,), math.nan, device=device),
            losses=torch.zeros_like(best_loss),
            optimizer=optimizer,
            streams=streams,
        )

    def count(self, losses: Tensor) -> None:
        """Count a step and add its losses ``(E,)``."""
        self.losses += losses
        self.since += 1
        self.step += 1

    def mean_loss(self) -> Tensor:
        """Compute the mean loss since the last validation, ``(E,)``."""
        return self.losses / self.since

    def restart_mean(self) -> None:
        """Begin a new mean of the losses."""
        self.losses.zero_()
        self.since = 0

    def _tensors(self, finished: bool) -> dict[str, Tensor]:
        """Return the tensors to save, under their names in a checkpoint."""
        tensors = {"best_loss": self.best_loss, "scale": self.scale, "best": self.best}
        if finished:
            return tensors
        moments = {f"optimizer.{key}": value for key, value in self.optimizer.state.items()}
        running = {"parameters": self.parameters, "ema": self.ema, "sums": self.losses}
        return tensors | running | moments

    def dump(self, finished: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the tensors and the plain data of a checkpoint.

        Args:
            finished: Whether the training is over, so that only its result counts.
        """
        streams = {f"stream.{e}": state for e, state in enumerate(self.streams.state())}
        plain = {
            "step": self.step,
            "since": self.since,
            "seconds": self.seconds,
            "history": self.history,
            "done": finished,
        }
        return self._tensors(finished) | streams, plain

    def load(self, tensors: dict[str, Tensor], plain: dict[str, Any]) -> None:
        """Continue from what ``dump`` has returned."""
        self.step, self.since = plain["step"], plain["since"]
        self.seconds, self.history = plain["seconds"], plain["history"]
        for name, tensor in self._tensors(plain["done"]).items():
            tensor.copy_(tensors[name])
        if not plain["done"]:
            seeds = range(len(self.streams.generators))
            self.streams.restore([tensors[f"stream.{e}"] for e in seeds])


def flatten(parameters: Sequence[nn.Parameter]) -> Tensor:
    """Move the parameters of each seed into one row of a tensor ``(E, P)``, and return it.

    They become views of it, in their order.
    """
    flat = torch.cat([p.detach().flatten(1) for p in parameters], dim=1)
    place = 0
    for parameter in parameters:
        count = parameter[0].numel()
        parameter.data = flat[:, place : place + count].view(parameter.shape)
        place += count
    return flat
