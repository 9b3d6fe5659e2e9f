"""How far a job is, by the log that its stage writes."""

import os
import sys

import pytest

from tailbench.pipeline.runtime.job_progress import last_line, progress_of
from tailbench.training import progress
from tailbench.training.progress import Progress


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Write a log by the real progress of a training, one seed after another."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def write(*parts, steps=100, seconds=1.0):
        path = tmp_path / "0-2.log"
        with path.open("w") as file, monkeypatch.context() as context:
            context.setattr(sys, "stderr", file)
            for label, done in parts:
                with Progress(label, steps) as bar:
                    for _ in range(done):
                        now[0] += seconds
                        bar.step("loss 0.5")
        return path

    return write


def test_seeds_one_after_another_are_parts_of_the_job(log):
    path = log(("gmm/sgm, seed 0", 100), ("gmm/sgm, seed 1", 50))
    found = progress_of(path, "0-2", 0.0)
    assert found.share == pytest.approx(1.5 / 3) and found.note == "loss 0.5"
    assert found.left == pytest.approx(50 + 100)


def test_between_two_seeds_the_others_are_left(log):
    found = progress_of(log(("gmm/sgm, seed 3", 100)), "3-5", 0.0)
    assert found.share == pytest.approx(1 / 3) and found.left == pytest.approx(200)


def test_seeds_that_are_trained_together_are_the_whole_job(log):
    found = progress_of(log(("gmm/sgm, seed 0, 1, 2", 25)), "0-2", 0.0)
    assert found.share == pytest.approx(0.25) and found.left == pytest.approx(75)
    found = progress_of(log(("gmm/sgm, seed 0, 1", 50)), "0-3", 0.0)
    assert found.share == pytest.approx(0.25) and found.left == pytest.approx(150)


def test_work_without_seeds(log):
    found = progress_of(log(("gmm/flow", 80)), "0-2", 0.0)
    assert found.share == pytest.approx(0.8) and found.left == pytest.approx(20)
    assert progress_of(log(("theory", 80)), "", 0.0).share == pytest.approx(0.8)


def test_a_training_that_goes_on_counts_its_own_steps(log, tmp_path):
    text = "gmm/sgm, seed 0: 90/100 (90%), loss 0.5, 0:10 spent, 0:10 left\n"
    (tmp_path / "log").write_text(text)
    found = progress_of(tmp_path / "log", "0-1", 0.0)
    assert found.share == pytest.approx(0.45) and found.left == pytest.approx(10 + 100)


def test_logs_that_say_nothing(log, tmp_path):
    assert progress_of(tmp_path / "none.log", "0", 0.0) is None
    path = tmp_path / "other.log"
    path.write_bytes(b"warning: 3/4 of it\n\xff\xfe\n")
    assert progress_of(path, "0", 0.0) is None
    path = log(("gmm/sgm, seed 0", 50))
    os.utime(path, (100.0, 100.0))
    assert progress_of(path, "0-2", 50.0) is not None
    assert progress_of(path, "0-2", 200.0) is None, "of another run"


def test_the_last_line_of_a_long_log(tmp_path):
    path = tmp_path / "long.log"
    path.write_text("x\n" * 100_000 + "tailbench: the end\n\n")
    assert last_line(path) == "tailbench: the end"
    assert last_line(tmp_path / "none.log") == ""
