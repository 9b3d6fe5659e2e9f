"""The command that starts several processes on a job."""

import sys

import pytest

from tailbench.exceptions import InputError
from tailbench.pipeline.runtime import torchrun

SLURM = {
    "SLURM_JOB_ID": "41234",
    "SLURMD_NODENAME": "n7",
}


def test_on_one_node():
    made = torchrun.command(["train", "--spec={}"], 4, 8, {})
    assert made[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert "--nproc-per-node=4" in made and "--standalone" in made
    assert made[-4:] == ["-m", "tailbench", "train", "--spec={}"]


def test_on_the_nodes_of_a_job():
    made = torchrun.command(["train"], 12, 4, SLURM)
    assert made[0] == "srun"
    assert {"--nodes=3", "--ntasks=3", "--nnodes=3", "--nproc-per-node=4"} <= {*made}
    assert "--rdzv-endpoint=n7:21234" in made and "--rdzv-id=41234" in made
    addressed = torchrun.command(["train"], 12, 4, SLURM | {torchrun.HEAD: "10.0.0.3"})
    assert "--rdzv-endpoint=10.0.0.3:21234" in addressed


@pytest.mark.parametrize(
    ("processes", "environment", "message"),
    [
        (12, {}, "12 processes, 4 on a node, need a Slurm job of 3 nodes"),
        (9, SLURM, "9 processes do not fill nodes of 4"),
    ],
)
def test_mistakes(processes, environment, message):
    with pytest.raises(InputError, match=message):
        torchrun.command(["train"], processes, 4, environment)


@pytest.mark.parametrize(("processes", "world"), [(1, None), (4, "4")])
def test_one_process_or_a_started_one_goes_on_itself(monkeypatch, processes, world):
    monkeypatch.setattr(torchrun.os, "execvpe", lambda *command: pytest.fail("started again"))
    if world is None:
        monkeypatch.delenv("WORLD_SIZE", raising=False)
    else:
        monkeypatch.setenv("WORLD_SIZE", world)
    torchrun.relaunch_with_torchrun(processes, 8)
