"""`tailbench run`: what it prints in a log, and how it ends."""

import re
import subprocess
import sys

import pytest

from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.summary import stages


def run(workspace, *options, status=0):
    """Run the configuration of a workspace; give the lines of both streams."""
    done = subprocess.run(
        [sys.executable, "-m", "tailbench", "run", "config.yaml", "--cores", "2", *options],
        cwd=workspace.run,
        env=workspace.environment(),
        text=True,
        capture_output=True,
        timeout=900,
    )
    assert done.returncode == status, done.stderr
    said = [line for line in done.stderr.splitlines() if not line.startswith("Using workflow")]
    return done.stdout, said


def test_nothing_to_be_done_prints_the_summary_and_the_report(work):
    before = work.files()
    summary, said = run(work)
    assert said == ["Nothing to be done: all results are up to date."]
    for text in ("alpha_stable", "returns", "max-sliced W1"):
        assert text in summary
    assert summary.rstrip().endswith(f"The report is {work.results / 'report.html'}")
    assert work.files() == before


@pytest.mark.slow
def test_a_log_has_a_line_for_each_job_and_nothing_else(work):
    work.configure(lambda config: config["methods"]["sgm"].update(sampling_steps=[4]))
    pending = work.pending()
    listed, said = run(work, "--dry-run")
    count = len(pending) + 1  # and `finish`, if its input has changed
    (counted,) = re.findall(r"(\d+) jobs \(.*\) would run", listed)
    assert int(counted) in (len(pending), count)
    assert len(listed.splitlines()) == int(counted) + 1 and said == []

    summary, said = run(work)
    first, *ended, last = said
    total = int(re.fullmatch(r"(\d+) jobs \(.*\) to run", first)[1])
    assert total == int(counted)
    assert [int(n) for n in re.findall(rf"^\[(\d+)/{total}\]", "\n".join(ended), re.M)] == [
        *range(1, total + 1)
    ]
    assert len(ended) == total and max(map(len, ended)) <= 80
    assert any(re.fullmatch(r"\[\d+/\d+\] evaluate returns/sgm 0-1, .*", line) for line in ended)
    assert re.fullmatch(rf"{total} jobs in .*", last)
    assert f"The report is {work.results / 'report.html'}" in summary
    assert summary.count("The report is") == 1


@pytest.mark.slow
def test_a_mistake_ends_it_before_snakemake_is_started(fresh):
    fresh.preset("smoke")
    fresh.configure(lambda config: config["models"]["flow"].update(batch_sze=7))
    printed, said = run(fresh, status=1)
    assert printed == "" and len(said) == 1
    assert "models.flow.batch_sze" in said[0] and "'batch_size'" in said[0]
    assert sorted(path.name for path in fresh.run.iterdir()) == ["config.yaml"]


@pytest.mark.slow
def test_a_target_is_made_alone_and_a_failure_ends_it_badly(fresh):
    fresh.preset("smoke")
    small = {"train_steps": 5, "batch_size": 64, "width": 8, "num_blocks": 1}
    fresh.configure(lambda config: config["models"].update(sgm=small | {"learning_rate": 1e6}))
    sums = stages(Plan.of(fresh.config(), "config.yaml"))
    model = "results/default/models/alpha_stable/sgm/0-1/model.safetensors"
    printed, said = run(fresh, model, status=1)
    assert sums["train"] == 4 and said[0] == "2 jobs (1 data, 1 train) to run"
    (failed,) = (
        line for line in said if line.startswith("[2/2] train alpha_stable/sgm 0-1 failed")
    )
    assert "the validation loss is" in failed and "logs/train/alpha_stable/sgm/0-1.log" in failed
    assert printed == ""
