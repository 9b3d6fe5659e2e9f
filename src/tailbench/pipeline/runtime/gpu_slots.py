"""The GPUs of a machine: how many there are, and which of them a job gets.

A scheduler such as Slurm gives every job GPUs of its own. On a machine without one, each job takes
a lock on a GPU that no other job has, and sees that one alone. Nothing here imports torch, which
has to be told before it looks.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from tailbench.exceptions import InputError
from tailbench.pipeline.runtime.locks import acquire

__all__ = ["gpus", "gpus_of_machine", "gpus_of_run", "hold_gpu_for", "hold_gpus", "reserved"]

NOTE = "TAILBENCH_GPUS"
"""The variable that tells the jobs of a run how many GPUs the run may use."""
VISIBLE = "CUDA_VISIBLE_DEVICES"
ASSIGNED = ("SLURM_JOB_ID", "LOCAL_RANK", "KUBERNETES_SERVICE_HOST")
"""Variables of those who give out GPUs themselves: schedulers, and torchrun to its workers."""
POLL = 0.5  # seconds


def gpus_of_machine() -> int:
    """Count the GPUs of this machine, without importing torch."""
    return sum(path.name[6:].isdigit() for path in Path("/dev").glob("nvidia[0-9]*"))


def gpus_of_run(named: int | None = None) -> int:
    """Count the GPUs that a run may use at once, and tell its jobs.

    A login node has no GPU, and a job sees those it was given: what counts there is what the run
    was told by ``resources: gpu`` in a profile or by ``--resources gpu=4``.

    Args:
        named: The number that the run was told; the number of this machine if ``None``.
    """
    told = os.environ.get(NOTE, "")
    count = named if named is not None else int(told) if told.isdigit() else gpus_of_machine()
    os.environ[NOTE] = str(count)
    return count


def gpus(device: str, available: int | None = None) -> int:
    """Return the number of GPUs that a job on ``device`` asks for.

    Args:
        device: As in the configuration.
        available: GPUs that the run may use at once; those of this machine if ``None``.
    """
    if device == "auto":
        return int((gpus_of_machine() if available is None else available) > 0)
    return int(device.startswith("cuda"))


@contextmanager
def reserved(count: int = 1, locks: Path | None = None) -> Iterator[list[str]]:
    """Hold GPUs of this machine that no other job has, and show this process no others.

    Waits until there are enough. Nothing is done where there is no GPU, where a scheduler or
    torchrun has given this process its own, or where ``CUDA_VISIBLE_DEVICES`` names no more than
    are asked for; where it names more, GPUs are chosen among those.

    Args:
        count: Number of GPUs.
        locks: Folder of the locks, one file per GPU, which end with the process.

    Yields:
        The GPUs that are held, as ``CUDA_VISIBLE_DEVICES`` names them.

    Raises:
        InputError: If the machine has fewer GPUs.
    """
    before = os.environ.get(VISIBLE)
    handles = _hold(count, locks)
    try:
        yield list(handles)
    finally:
        for handle in handles.values():
            os.close(handle)
        if handles and before is None:
            del os.environ[VISIBLE]
        elif handles:
            os.environ[VISIBLE] = str(before)


def hold_gpu_for(device: str) -> AbstractContextManager[object]:
    """Hold a GPU while a job runs on ``device``, unless that is a CPU or a GPU by its number."""
    return reserved() if device in ("auto", "cuda") else nullcontext()


def hold_gpus(device: str, count: int) -> None:
    """Hold GPUs until this process ends, or the command that takes its place (``os.exec``).

    Args:
        device: As in the configuration; on a CPU, nothing is held.
        count: Number of GPUs.

    Raises:
        InputError: If the machine has fewer GPUs.
    """
    if device in ("auto", "cuda"):
        for handle in _hold(count).values():
            os.set_inheritable(handle, True)


def _hold(count: int, locks: Path | None = None) -> dict[str, int]:
    """Lock GPUs, map them to the handles of their locks, and show this process no others."""
    candidates = _candidates()
    given = any(name in os.environ for name in ASSIGNED)
    if given or not candidates or (VISIBLE in os.environ and len(candidates) <= count):
        return {}
    if count > len(candidates):
        raise InputError(f"requested {count} GPUs, found {len(candidates)}")
    handles = _take(candidates, count, _folder() if locks is None else locks)
    os.environ[VISIBLE] = ",".join(handles)
    return handles


def _take(candidates: Sequence[str], count: int, folder: Path) -> dict[str, int]:
    """Lock some of the GPUs, all at once or none, so that two who wait do not block each other."""
    said = False
    while True:
        handles: dict[str, int] = {}
        for name in candidates:
            if len(handles) < count:
                handle = acquire(folder / f"gpu-{name.replace('/', '-')}.lock")
                if handle is not None:
                    handles[name] = handle
        if len(handles) == count:
            return handles
        for handle in handles.values():
            os.close(handle)
        if not said:
            print(
                f"waiting for {count} free GPUs ({len(candidates)} on this machine)",
                file=sys.stderr,
                flush=True,
            )
            said = True
        time.sleep(POLL)


def _candidates() -> list[str]:
    """List the GPUs that this process may choose from."""
    visible = os.environ.get(VISIBLE)
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    return [str(number) for number in range(gpus_of_machine())]


def _folder() -> Path:
    """Make the folder of the locks, which is this user's alone.

    Raises:
        InputError: If it is another's: names in the folder of temporary files can be taken.
    """
    folder = Path(tempfile.gettempdir()) / f"tailbench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or folder.is_symlink():
        raise InputError(f"{folder} is not this user's, and cannot hold the locks of GPUs")
    return folder
