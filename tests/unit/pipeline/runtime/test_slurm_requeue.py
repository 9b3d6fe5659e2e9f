"""Jobs of Slurm that are started again after they were asked to stop."""

import os
from pathlib import Path

import pytest

from tailbench.pipeline.runtime import slurm_requeue
from tailbench.pipeline.runtime.slurm_requeue import requeue


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    """Commands of Slurm that say what they are told to, and note what they were asked."""

    def put(state, code=0):
        for name, script in {
            "squeue": f"echo {state}",
            "scontrol": f'echo "$@" >> {tmp_path}/asked; exit {code}',
        }.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        monkeypatch.setenv("SLURM_JOB_ID", "17")
        monkeypatch.setattr(slurm_requeue, "PATIENCE", 0.5)
        return Path(tmp_path / "asked")

    return put


def test_a_job_that_goes_on_is_started_again(scontrol, capsys):
    noted = scontrol("RUNNING")
    assert requeue()
    assert noted.read_text() == "requeue 17\n"
    assert capsys.readouterr().out == "Slurm starts job 17 again\n"


@pytest.mark.parametrize("state", ["COMPLETING", "CANCELLED", "PENDING", "''"])
def test_a_job_that_is_ending_is_not(scontrol, state):
    noted = scontrol(state)
    assert not requeue() and not noted.exists()


def test_slurm_may_refuse(scontrol):
    scontrol("RUNNING", code=1)
    assert not requeue()


def test_outside_of_slurm_there_is_nobody_to_ask(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert not requeue()
