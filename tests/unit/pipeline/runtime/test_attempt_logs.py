"""What is left of the log of an attempt when the next one begins."""

import os
import signal
import subprocess
import sys

import pytest

CODE = """
import sys, time
from tailbench.pipeline.runtime.attempt_logs import keep_failed_log
with keep_failed_log():
    print("attempt", sys.argv[1], flush=True)
    if sys.argv[2] == "wait":
        time.sleep(600)
    sys.exit(int(sys.argv[2]))
"""


@pytest.fixture
def log(tmp_path):
    (tmp_path / "logs" / "train").mkdir(parents=True)
    return tmp_path / "logs" / "train" / "0-1.log"


def start(log, number, end):
    """An attempt, before which the log of the last one is deleted as Snakemake does."""
    log.unlink(missing_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen([sys.executable, "-c", CODE, str(number), end], stdout=output)


def contents(log):
    return {path.name: path.read_text() for path in sorted(log.parent.glob("*.attempts/*"))}


def test_logs_of_attempts_that_fail_are_kept(log):
    start(log, 1, "3").wait()
    killed = start(log, 2, "wait")
    while not log.read_text():
        pass
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert start(log, 3, "0").wait() == 0
    assert contents(log) == {"1.log": "attempt 1\n", "2.log": "attempt 2\n"}
    assert log.read_text() == "attempt 3\n"


def test_nothing_is_left_of_an_attempt_that_ends_well(log):
    assert start(log, 1, "0").wait() == 0
    assert list(log.parent.iterdir()) == [log]


@pytest.mark.parametrize("name", ["logs/x.txt", "elsewhere/x.log"])
def test_other_files_are_left_alone(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir()
    start(path, 1, "3").wait()
    assert list(path.parent.iterdir()) == [path]


def test_a_terminal_or_a_pipe_has_no_second_name():
    done = subprocess.run([sys.executable, "-c", CODE, "1", "3"], stdout=subprocess.PIPE)
    assert (done.stdout, done.returncode) == (b"attempt 1\n", 3)
