"""What is shown of a run, by events that Snakemake has logged in real ones."""

import io
import json
import logging
import re
import time
from pathlib import Path

import pytest
from rich.console import Console

from tailbench.pipeline.runtime.run_display import Lines, duration, panel
from tailbench.pipeline.runtime.run_log import DONE, NOTHING, RunLog
from tailbench.pipeline.runtime.run_state import RunState

RECORDED = Path(__file__).parent / "recorded"
"""Runs in which a training diverges, a job is killed and tried again, Ctrl-C stops; a dry run."""


def events(name):
    return [json.loads(line) for line in (RECORDED / f"{name}.jsonl").read_text().splitlines()]


def levels(event):
    return logging.getLevelNamesMapping()[event["level"]]


def follow(rows, dry_run=False):
    """Feed events to a log; give what it writes, and its outcome."""
    stream = io.StringIO()
    log = RunLog(Lines(stream), dry_run)
    for row in rows:
        log.record(row["event"], levels(row), row["msg"], row, row["created"])
    outcome = log.close()
    return stream.getvalue().splitlines(), outcome


def state_after(rows):
    state = RunState()
    for row in rows:
        state.feed(row["event"], row, row["created"])
    return state


def drawn(state, now=30.0, height=24, width=80):
    console = Console(width=width, height=height, file=io.StringIO(), color_system=None)
    console.print(panel(state, now, height))
    return console.file.getvalue().splitlines()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The folder that the recorded paths start at."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def diverged(here):
    """What the jobs of the recorded run with a failure have left."""
    reason = "gmm/hot, seed 0: the loss is nan at step 7"
    for folder, skipped in (("models", False), ("samples", True), ("metrics", True)):
        path = here / "results" / "tiny" / folder / "gmm" / "hot" / "0-1" / "failure.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"job": "train hot", "reason": reason, "skipped": skipped}))
    log = here / "results" / "tiny" / "logs" / "finish.log"
    log.parent.mkdir(parents=True)
    log.write_text("\ntailbench: 1 of 2 cells failed\n")
    return reason


def test_a_log_has_one_line_for_each_finished_job():
    lines, outcome = follow(events("retried"))
    ended = [line for line in lines if line.startswith("[")]
    jobs = [row["rule_name"] for row in events("retried") if row["event"] == "job_info"]
    assert len(jobs) == 12 and jobs.count("train") == 2  # the target, and a second attempt
    assert ended[0].startswith("[1/10] data gmm 0, ")
    assert [int(re.match(r"\[(\d+)/10\]", line)[1]) for line in ended] == [1, 2, 2, *range(3, 11)]
    assert re.fullmatch(r"\[10/10\] finish, \d+ s", ended[-1])
    assert lines[0].startswith("10 jobs (1 data, 1 floor, 1 train, ") and lines[0].endswith(
        "to run"
    )
    assert lines[-1] == "10 jobs in 14 s" and outcome == DONE
    # besides: that the killed job is tried again
    assert len(lines) == len(ended) + 3
    assert not [line for line in lines if "Exception" in line or "Select jobs" in line]


def test_a_killed_job_has_failed_until_it_is_tried_again(here):
    log = here / "results" / "killed" / "logs" / "train" / "gmm" / "sgm" / "0.log"
    log.parent.mkdir(parents=True)
    log.write_text("gmm/sgm, seed 0: 40/400 (10%), 0:05 spent, 0:45 left\ntailbench: no memory\n\n")
    rows = events("retried")
    failed = next(i for i, row in enumerate(rows) if row["event"] == "job_error")
    state = state_after(rows[: failed + 1])
    (job,) = state.failed.values()
    assert (job.title, job.failure) == ("train gmm/sgm 0", "no memory")
    assert 6 not in state.running and state.finished["train"] == 0
    again = next(i for i, row in enumerate(rows) if i > failed and row["event"] == "job_info")
    state = state_after(rows[: again + 1])
    assert not state.failed and state.running[6].title == "train gmm/sgm 0"
    lines, _ = follow(rows)
    assert (
        "[2/10] train gmm/sgm 0 failed after 2 s: no memory "
        "(results/killed/logs/train/gmm/sgm/0.log)"
    ) in lines


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("gmm/sgm: 40/400 (10%)", "killed by SIGKILL; last log line: gmm/sgm: 40/400 (10%)"),
        ("", "killed by SIGKILL"),
        (None, "killed by SIGKILL"),
    ],
)
def test_a_killed_job_says_how_it_ended(here, said, reason):
    log = here / "results" / "killed" / "logs" / "train" / "gmm" / "sgm" / "0.log"
    if said is not None:
        log.parent.mkdir(parents=True)
        log.write_text(f"{said}\n")
    rows = events("retried")
    failed = next(i for i, row in enumerate(rows) if row["event"] == "job_error")
    (job,) = state_after(rows[: failed + 1]).failed.values()
    assert job.failure == reason


def test_a_cluster_has_a_log_where_the_job_has_none(here):
    (here / "slurm.log").write_text("slurmstepd: error: out of memory\n")
    rows = events("retried")
    failed = next(i for i, row in enumerate(rows) if row["event"] == "job_error")
    rows[failed]["log"] = [*rows[failed]["log"], "slurm.log"]
    (job,) = state_after(rows[: failed + 1]).failed.values()
    assert job.failure.endswith("last log line: slurmstepd: error: out of memory")
    assert str(job.log) == "slurm.log"


def test_recorded_failures_are_shown_with_their_reason(diverged):
    lines, outcome = follow(events("failed"))
    (failed,) = (line for line in lines if "train gmm/hot" in line and "failed after" in line)
    assert failed.endswith(f"6 s: {diverged} (results/tiny/logs/train/gmm/hot/0-1.log)")
    assert "[5/13] sample gmm/hot 0-1 skipped, as train hot failed" in lines
    assert (
        "[12/13] finish failed after 0 s: 1 of 2 cells failed (results/tiny/logs/finish.log)"
        in (lines)
    )
    assert lines[-1] == "12 of 13 jobs in 23 s, 1 failed" and outcome not in (DONE, NOTHING)
    assert len(lines) == 1 + 13 + 1


def test_ctrl_c_stops_jobs_and_fails_none():
    lines, outcome = follow(events("stopped"))
    stopped = [line for line in lines if "stopped after" in line]
    assert [line.split(" stopped")[0] for line in stopped] == [
        "[5/16] sample gmm/hot 0-1",
        "[5/16] train gmm/sgm 0-1",
    ]
    assert "Terminating processes on user request, this might take some time." in lines
    assert lines[-1] == "5 of 16 jobs in 12 s; stopped, and the same command goes on"
    assert outcome not in (DONE, NOTHING)


def test_a_dry_run_lists_its_jobs():
    lines, outcome = follow(events("dry"), dry_run=True)
    assert lines[0] == "data: gmm, seeds 0-1 (1 CPU, 1000 MB, 15 min)"
    assert len(lines) == 13 + 1 and not [line for line in lines if "Reason" in line]
    assert lines[-1].startswith("13 jobs (1 data, ") and lines[-1].endswith(" would run.")
    assert outcome not in (DONE, NOTHING)


def message(text, level="INFO", event=""):
    return {"event": event, "level": level, "msg": text, "created": 1.0}


STARTED = message("", event="workflow_started")


def test_nothing_to_be_done():
    lines, outcome = follow([message("Assuming"), STARTED, message("Nothing to be done (all ...")])
    assert lines == ["Nothing to be done: all results are up to date."] and outcome == NOTHING


def test_warnings_and_errors_are_shown():
    wrong = message("WorkflowError:\nc.yaml: seed: unknown", "ERROR", "error")
    lines, outcome = follow([message("Assuming"), message("old", "WARNING"), wrong])
    assert lines == ["old", "WorkflowError:", "c.yaml: seed: unknown"]
    assert outcome not in (DONE, NOTHING)
    lines, outcome = follow([STARTED, message("MissingInput", "ERROR", "error")])
    assert lines == ["MissingInput"] and outcome not in (DONE, NOTHING)


def test_what_is_no_run_says_all_that_snakemake_says():
    lines, outcome = follow([message("Congratulations"), message("of a list")])
    assert lines == ["Congratulations", "of a list"] and outcome not in (DONE, NOTHING)


def test_the_panel_has_stages_running_jobs_and_failures(diverged, here):
    rows = events("failed")
    cut = next(i for i, row in enumerate(rows) if row["event"] == "job_info" and row["jobid"] == 5)
    state = state_after(rows[: cut + 1])
    log = here / "results" / "tiny" / "logs" / "sample" / "gmm" / "mvt" / "0-1.log"
    log.parent.mkdir(parents=True)
    log.write_text("gmm/mvt: 1/4 (25%), chunk 1, 0:05 spent, 0:15 left\n")
    lines = drawn(state, now=state.running[5].began + 65)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for stage, count in (("data", "1/1"), ("train", "2/2"), ("sample", "0/2"), ("figure", "0/1")):
        assert re.search(rf"^{stage} .* {count}", text, re.MULTILINE), stage
    assert re.search(r"sample gmm/mvt 0-1  1:05  25%, 0:15 left, chunk 1", text)
    assert "failed: 1" in text and diverged in text


def test_a_low_terminal_counts_the_jobs_that_do_not_fit():
    rows = [{"event": "run_info", "created": 0.0, "stats": {"train": 40, "all": 1, "total": 41}}]
    for i in range(40):
        wildcards = {"dataset": "gmm", "model": f"m{i}", "block": "0"}
        rows.append(
            {"event": "job_info", "rule_name": "train", "jobid": i, "wildcards": wildcards}
            | {"created": 0.0}
        )
    lines = drawn(state_after(rows), height=12)
    assert len(lines) < 12 and re.search(r"and 3\d more", lines[-1])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s"), (7384, "2 h 3 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_the_interface_of_snakemake_takes_the_logger(monkeypatch, capsys, tmp_path):
    """The plugin is found by its name, and puts a run on standard error and its end in a file."""
    from snakemake.settings.types import OutputSettings
    from snakemake_interface_logger_plugins.common import LogEvent
    from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

    plugin = LoggerPluginRegistry().get_plugin("tailbench")
    monkeypatch.setenv("TAILBENCH_RUN_OUTCOME", str(tmp_path / "outcome"))
    handler = plugin.log_handler(OutputSettings(), None)
    assert handler.writes_to_stream and not handler.writes_to_file
    for row in events("retried"):
        record = logging.makeLogRecord(
            {k: v for k, v in row.items() if k not in ("event", "level", "created")}
        )
        record.levelno, record.created = levels(row), time.time()
        if row["event"]:
            record.event = LogEvent(row["event"])
        handler.handle(record)
    handler.close()
    handler.close()  # as Python does at its end
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("[10/10] finish") == 1
    assert printed.err.splitlines()[-1].startswith("10 jobs in ")
    assert (tmp_path / "outcome").read_text() == f"{DONE}\n{Path.cwd()}"
