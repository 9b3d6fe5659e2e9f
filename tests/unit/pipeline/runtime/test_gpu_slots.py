"""Which GPU a job gets, on machines that say they have some."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tailbench.exceptions import InputError
from tailbench.pipeline.runtime import gpu_slots

HOLD = """
import sys, time
from pathlib import Path
from tailbench.pipeline.runtime import gpu_slots
gpu_slots.gpus_of_machine = lambda: int(sys.argv[1])
with gpu_slots.reserved(int(sys.argv[2]), Path(sys.argv[3])) as held:
    import os
    print(",".join(held), os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in (gpu_slots.VISIBLE, gpu_slots.NOTE, *gpu_slots.ASSIGNED):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hold(tmp_path):
    """Start jobs that hold GPUs of a machine until the test ends."""
    started = []

    def start(count=1, machine=2, **environment):
        made = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(machine), str(count), str(tmp_path)],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(made)
        return made

    yield start
    for process in started:
        process.kill()
        process.wait()


def seen(process):
    """What a job holds and sees."""
    held, visible = process.stdout.readline().split()
    assert held == visible
    return held


def test_jobs_get_different_gpus_and_the_next_one_waits(hold):
    first, second = hold(), hold()
    assert {seen(first), seen(second)} == {"0", "1"}
    third = hold()
    time.sleep(1.0)
    assert third.poll() is None
    os.kill(second.pid, signal.SIGKILL)  # released however the process ends
    assert seen(third) in {"0", "1"}


def test_a_job_of_several_takes_them_together(hold):
    assert seen(hold(1, machine=4)) == "0"
    assert seen(hold(3, machine=4)) == "1,2,3"


def test_gpus_are_chosen_among_those_that_are_visible(hold):
    assert seen(hold(CUDA_VISIBLE_DEVICES="5, GPU-a7")) == "5"
    assert seen(hold(CUDA_VISIBLE_DEVICES="5, GPU-a7")) == "GPU-a7"


@pytest.mark.parametrize(
    ("name", "value"), [(gpu_slots.VISIBLE, "3"), (gpu_slots.VISIBLE, ""), ("SLURM_JOB_ID", "7")]
)
def test_what_was_given_is_left_as_it_is(monkeypatch, tmp_path, name, value):
    monkeypatch.setattr(gpu_slots, "gpus_of_machine", lambda: 4)
    monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with gpu_slots.reserved(1, tmp_path) as held:
        assert held == [] and dict(os.environ) == before
    assert not list(tmp_path.iterdir())


def test_a_machine_without_gpus_needs_no_lock(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_slots, "gpus_of_machine", lambda: 0)
    with gpu_slots.reserved(1, tmp_path) as held:
        assert held == [] and gpu_slots.VISIBLE not in os.environ


def test_the_environment_is_as_before_afterwards(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_slots, "gpus_of_machine", lambda: 2)
    with gpu_slots.reserved(2, tmp_path):
        assert os.environ[gpu_slots.VISIBLE] == "0,1"
    assert gpu_slots.VISIBLE not in os.environ
    monkeypatch.setenv(gpu_slots.VISIBLE, "1,0")
    with gpu_slots.reserved(1, tmp_path):
        assert os.environ[gpu_slots.VISIBLE] == "1"
    assert os.environ[gpu_slots.VISIBLE] == "1,0"


def test_more_than_there_are_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_slots, "gpus_of_machine", lambda: 2)
    with pytest.raises(InputError, match="requested 3 GPUs, found 2"):
        gpu_slots.reserved(3, tmp_path).__enter__()


def test_the_folder_of_the_locks_is_ones_own(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_slots.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = gpu_slots._folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is not this user's"):
        gpu_slots._folder()


def test_the_lock_is_kept_by_the_command_that_takes_the_place(hold, tmp_path):
    code = (
        "import os, sys, pathlib, tailbench.pipeline.runtime.gpu_slots as g;"
        "g.gpus_of_machine = lambda: 2;"
        "g._folder = lambda: pathlib.Path(sys.argv[1]); g.hold_gpus('auto', 2);"
        "os.execvp('sh', ['sh', '-c', 'echo $CUDA_VISIBLE_DEVICES; exec sleep 600'])"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert running.stdout.readline() == "0,1\n"
        waiting = hold()
        time.sleep(1.0)
        assert waiting.poll() is None
    finally:
        running.kill()
        running.wait()
    assert seen(waiting) in {"0", "1"}


def test_nothing_is_kept_for_a_cpu(monkeypatch):
    monkeypatch.setattr(gpu_slots, "gpus_of_machine", lambda: 2)
    gpu_slots.hold_gpus("cpu", 2)
    assert gpu_slots.VISIBLE not in os.environ


@pytest.mark.parametrize("device", ["cpu", "cuda:1"])
def test_a_cpu_or_a_named_gpu_needs_no_choice(monkeypatch, device):
    monkeypatch.setattr(gpu_slots, "gpus_of_machine", lambda: 2)
    with gpu_slots.hold_gpu_for(device):
        assert gpu_slots.VISIBLE not in os.environ


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_any_gpu_is_chosen(monkeypatch, tmp_path, device):
    monkeypatch.setattr(gpu_slots, "gpus_of_machine", lambda: 2)
    monkeypatch.setattr(gpu_slots.tempfile, "gettempdir", lambda: str(tmp_path))
    with gpu_slots.hold_gpu_for(device):
        assert os.environ[gpu_slots.VISIBLE] == "0"


def test_gpus_are_counted(monkeypatch, tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm", "nvidia0x"):
        (tmp_path / name).touch()
    real = gpu_slots.Path
    monkeypatch.setattr(gpu_slots, "Path", lambda path: tmp_path if path == "/dev" else real(path))
    assert gpu_slots.gpus_of_machine() == 3


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:1", "auto"])
def test_what_a_job_asks_for(device, monkeypatch):
    assert gpu_slots.gpus(device, 2) == (0 if device == "cpu" else 1)
    assert gpu_slots.gpus(device, 0) == (1 if device.startswith("cuda") else 0)
    monkeypatch.setattr(gpu_slots, "gpus_of_machine", lambda: 2)
    assert gpu_slots.gpus(device) == (0 if device == "cpu" else 1)


def test_what_the_run_was_told_reaches_its_jobs(monkeypatch):
    monkeypatch.setattr(gpu_slots, "gpus_of_machine", lambda: 2)
    assert gpu_slots.gpus_of_run() == 2
    assert gpu_slots.gpus_of_run(16) == 16
    monkeypatch.setattr(gpu_slots, "gpus_of_machine", lambda: 0)  # on a node, where nothing is said
    assert gpu_slots.gpus_of_run() == 16
    assert gpu_slots.gpus_of_run(0) == 0
