"""Several processes that work on one job: what is each one's share, and how shares are summed.

``torchrun`` starts the processes, on one machine or on many, and tells each its rank by
environment variables; without it there is one process, and nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailbench.compute.devices import resolve_device

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Processes", "on_rank_zero", "process_group", "processes"]


@dataclass(frozen=True)
class Processes:
    """The processes of this job.

    Attributes:
        rank: Number of this process, from 0.
        count: Number of processes.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    def share(self, n: int) -> slice:
        """Return this process's part of ``n`` things: consecutive ones, as many as the others'."""
        return slice(n * self.rank // self.count, n * (self.rank + 1) // self.count)

    def sum(self, x: Tensor) -> Tensor:
        """Replace ``x`` by its sum over the processes, which all get the same."""
        if self.count > 1:
            from torch import distributed

            distributed.all_reduce(x)
        return x


def processes() -> Processes:
    """Return the processes that have joined."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return Processes()
    return Processes(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def on_rank_zero(team: Processes, turn: AbstractContextManager[bool]) -> Iterator[bool]:
    """Let the first process wait for its turn at work, and tell the others what it was told.

    Args:
        team: The processes.
        turn: What the first process enters; says whether there is work to do.
    """
    with turn if team.first else nullcontext(False) as mine:
        if team.count == 1:
            yield mine
            return
        import torch

        gpu = torch.distributed.get_backend() == "nccl"
        told = torch.tensor(float(mine), device="cuda" if gpu else "cpu")
        yield bool(team.sum(told))


@contextmanager
def process_group(device: str) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` has started with this one, if it has.

    Each process of a machine takes a GPU of its own, where there are any, and all talk by NCCL;
    on CPUs they talk by Gloo.

    Args:
        device: Where the job computes: ``"auto"``, ``"cpu"`` or ``"cuda"``.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    import torch
    from torch import distributed

    gpu = resolve_device(device).type == "cuda"
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    distributed.init_process_group("nccl" if gpu else "gloo")
    try:
        yield processes()
    finally:
        distributed.destroy_process_group()
