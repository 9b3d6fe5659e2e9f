"""The start of a job that several processes share, by torchrun."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from tailbench.exceptions import InputError
from tailbench.pipeline.runtime.gpu_slots import hold_gpus

__all__ = ["command", "relaunch_with_torchrun"]

HEAD = "SLURM_LAUNCH_NODE_IPADDR"
KEPT = ("SLURM_JOB_ID", "SLURM_CONF")
PASSED_ON = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"
PORTS = 20_000  # ports above it are free for users, and as many again are taken for jobs


def command(
    arguments: Sequence[str], processes: int, per_node: int, environment: Mapping[str, str]
) -> list[str]:
    """Return the command that runs ``tailbench`` in several processes.

    On one node torchrun starts them all. On several, which have to be those of a Slurm job, srun
    starts one torchrun on each, and these find each other at the node where the job began.

    Args:
        arguments: What to tell each process.
        processes: Number of processes.
        per_node: Largest number of them on one node.
        environment: Environment variables.

    Raises:
        InputError: If the processes do not fill their nodes, or several are needed outside of a
            Slurm job.
    """
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--signals-to-handle={PASSED_ON}"]
    work = ["-m", "tailbench", *arguments]
    if processes <= per_node:
        return [*torchrun, "--standalone", f"--nproc-per-node={processes}", *work]
    nodes, rest = divmod(processes, per_node)
    if rest:
        raise InputError(f"{processes} processes do not fill nodes of {per_node}")
    job = environment.get("SLURM_JOB_ID")
    if job is None:
        raise InputError(
            f"{processes} processes, {per_node} on a node, need a Slurm job of {nodes} nodes"
        )
    head = environment.get(HEAD) or environment["SLURMD_NODENAME"]
    return [
        "srun",
        "--overlap",  # beside the step that this process is in
        f"--nodes={nodes}",
        f"--ntasks={nodes}",
        "--ntasks-per-node=1",
        *torchrun,
        f"--nnodes={nodes}",
        f"--nproc-per-node={per_node}",
        "--rdzv-backend=c10d",
        f"--rdzv-id={job}",
        f"--rdzv-endpoint={head}:{PORTS + int(job) % PORTS}",
        *work,
    ]


def relaunch_with_torchrun(processes: int, per_node: int, device: str = "cpu") -> None:
    """Start this command line again in several processes, and become their parent.

    Nothing happens if one process is enough, or if this one is among those that were started.

    Args:
        processes: Number of processes.
        per_node: Largest number of them on one node.
        device: Where they compute; outside of a scheduler, they hold GPUs of their own.

    Raises:
        InputError: As ``command``, or if there are too few GPUs.
    """
    if processes > 1 and "WORLD_SIZE" not in os.environ:
        started = command(sys.argv[1:], processes, per_node, os.environ)
        hold_gpus(device, min(processes, per_node))
        sys.stdout.flush()
        os.execvpe(started[0], started, _of_the_job(os.environ))


def _of_the_job(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out what Slurm says of the step on one node that this process is in.

    An srun inside of it would take that for the whole of the job.
    """
    return {
        name: value
        for name, value in environment.items()
        if name in KEPT or not name.startswith(("SLURM_", "SRUN_"))
    }
