"""Progress as lines of a log."""

import sys

import pytest

from tailbench.training import progress
from tailbench.training.progress import Progress, clock


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (5.4, "0:05"), (65, "1:05"), (3599.6, "1:00:00"), (7384, "2:03:04")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.fixture
def now(monkeypatch):
    value = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: value[0])
    return value


def test_lines_now_and_then(now, capsys):
    with Progress("train", 10) as bar:
        for _ in range(10):
            now[0] += 2.0
            bar.step("loss 0.5")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "train: 3/10 (30%), loss 0.5, 0:06 spent, 0:14 left"
    assert lines[-1] == "train: 10/10 (100%), loss 0.5, 0:20 spent, 0:00 left"
    assert len(lines) == 4


def test_a_run_that_goes_on_counts_only_its_own_steps(now, capsys):
    with Progress("train", 10, done=8) as bar:
        now[0] = 6.0
        bar.step()
    assert capsys.readouterr().err == "train: 9/10 (90%), 0:06 spent, 0:06 left\n"


def test_a_note_within_a_step_says_nothing_of_the_time_left(now, capsys):
    with Progress("fit", 2) as bar:
        now[0] = 6.0
        bar.step("3 components", 0)
        now[0] = 12.0
        bar.step("done")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "fit: 0/2 (0%), 3 components, 0:06 spent"
    assert lines[1] == "fit: 1/2 (50%), done, 0:12 spent, 0:12 left"


def test_quiet(now, capsys):
    with Progress("train", 1, quiet=True) as bar:
        now[0] = 100.0
        bar.step()
    assert capsys.readouterr() == ("", "")


def test_lines_on_a_terminal_without_rich(now, monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    for name in ("rich", "rich.console", "rich.progress"):
        monkeypatch.setitem(sys.modules, name, None)
    with Progress("train", 1) as bar:
        now[0] = 6.0
        bar.step("loss 0.5")
    assert capsys.readouterr().err == "train: 1/1 (100%), loss 0.5, 0:06 spent, 0:00 left\n"


def test_a_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    with Progress("train", 3) as bar:
        for _ in range(3):
            bar.step("loss 0.5")
    shown = capsys.readouterr().err
    assert "train" in shown and "3/3" in shown and "loss 0.5" in shown


@pytest.mark.parametrize("note", ["", "loss 0.5", "3 components, best 2"])
def test_a_line_that_was_written_is_read(now, capsys, note):
    with Progress("gmm/sgm, seed 0, 1", 8000) as bar:
        now[0] = 3700.0
        bar.step(note, steps=2000)
    line = progress.read_line(capsys.readouterr().err)
    assert line == progress.ProgressLine("gmm/sgm, seed 0, 1", 2000, 8000, note, 3700, 11100)
    with Progress("fit", 2) as bar:
        now[0] = 3710.0
        bar.step(note, steps=0)
    line = progress.read_line(capsys.readouterr().err)
    assert line == progress.ProgressLine("fit", 0, 2, note, 10, None)


@pytest.mark.parametrize("text", ["", "3/4", "a: 3/4 (75%)", "tailbench: no memory"])
def test_other_lines_are_not_progress(text):
    assert progress.read_line(text) is None
