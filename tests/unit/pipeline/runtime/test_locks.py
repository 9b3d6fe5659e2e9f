"""Locks, and turns at work that two processes have started."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tailbench.pipeline.runtime import locks

WORK = """
import signal, sys, time
from pathlib import Path
from tailbench.pipeline.runtime.locks import exclusive_job
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it
lock, out, key, seconds = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
with exclusive_job(lock, key, [out], "the work") as mine:
    print("mine" if mine else "done before", flush=True)
    if mine:
        time.sleep(seconds)
        out.write_text(out.read_text() + "x" if out.exists() else "x")
"""


@pytest.fixture
def work(tmp_path):
    """Start processes that do the same work."""
    started = []

    def start(key="k", seconds=0.0, **environment):
        arguments = [str(tmp_path / "lock"), str(tmp_path / "out"), key, str(seconds)]
        made = subprocess.Popen(
            [sys.executable, "-c", WORK, *arguments],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(made)
        return made

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_second_waits_names_the_first_and_leaves_its_work_alone(work, tmp_path):
    first = work(seconds=2.0, SLURM_JOB_ID="12")
    assert first.stdout.readline() == "mine\n"
    second = work()
    said = second.communicate(timeout=30)[0].splitlines()
    assert said[0].startswith(f"the work: waiting for process {first.pid} on ")
    assert said[0].endswith("(job 12), which already runs this job")
    assert said[1:] == ["the work: lock acquired, continuing", "done before"]
    assert first.wait() == second.returncode == 0
    assert (tmp_path / "out").read_text() == "x"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_process_leaves_its_turn_to_the_second(work, tmp_path, number):
    first = work(seconds=600)
    assert first.stdout.readline() == "mine\n"
    second = work()
    assert "waiting for" in second.stdout.readline()
    os.kill(first.pid, number)
    assert second.communicate(timeout=30)[0].splitlines()[-1] == "mine"
    assert (tmp_path / "out").read_text() == "x"


def test_of_many_at_once_one_does_the_work(work, tmp_path):
    said = [process.communicate(timeout=60)[0] for process in [work(seconds=0.5) for _ in range(5)]]
    assert sum(text.splitlines()[-1] == "mine" for text in said) == 1
    assert (tmp_path / "out").read_text() == "x"


def turn(tmp_path, key="k", text="made"):
    with locks.exclusive_job(tmp_path / "lock", key, [tmp_path / "out"]) as mine:
        if mine and text is not None:
            (tmp_path / "out").write_text(text)
    return mine


def test_work_is_done_again_where_it_is_not_the_same(tmp_path):
    assert turn(tmp_path)
    assert not turn(tmp_path)
    assert turn(tmp_path, key="other")
    (tmp_path / "out").write_text("changed by someone")
    assert turn(tmp_path, key="other")
    (tmp_path / "out").unlink()
    assert turn(tmp_path, key="other")


def test_work_that_failed_is_done_again(tmp_path):
    assert turn(tmp_path)
    lock, out = tmp_path / "lock", tmp_path / "out"
    with pytest.raises(RuntimeError), locks.exclusive_job(lock, "new", [out]):
        raise RuntimeError
    assert turn(tmp_path, key="new")


def test_a_damaged_note_counts_for_nothing(tmp_path):
    for text in ("{", "[1]", json.dumps({"key": "k", "files": ["wrong"]})):
        (tmp_path / "lock").write_text(text)
        assert turn(tmp_path)


def test_without_locks_the_work_is_done_and_the_log_says_so(tmp_path, monkeypatch, capsys):
    def refuse(path):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(locks, "acquire", refuse)
    assert turn(tmp_path) and (tmp_path / "out").exists()
    assert "warning: file locking of" in capsys.readouterr().out


def test_a_lock_ends_when_it_is_closed(tmp_path):
    path = tmp_path / "sub" / "lock"
    handle = locks.acquire(path)
    assert handle is not None and locks.acquire(path) is None
    assert locks.holder(path) == "another process"
    os.close(handle)
    again = locks.acquire(path)
    assert again is not None
    os.close(again)


def test_waiting_costs_next_to_nothing(work):
    first = work(seconds=600)
    first.stdout.readline()
    second = work()
    second.stdout.readline()
    before = cpu(second.pid)
    time.sleep(2.0)
    assert cpu(second.pid) - before < 0.2


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
