"""`tailbench record` and `tailbench rank` with the real workflow: what is run, and what again."""

import subprocess
import sys

import pytest
import yaml

from tailbench.pipeline.results.reader import read_metrics

pytestmark = pytest.mark.slow

MINE = {
    "models": {"mine": {"type": "mvt"}},
    "methods": {"mine": {"type": "mvt", "model": "mine"}},
}


def tailbench(workspace, *arguments):
    """Run a command in the folder of a workspace; give what it prints, and what the run says."""
    done = subprocess.run(
        [sys.executable, "-m", "tailbench", *arguments],
        cwd=workspace.run,
        env=workspace.environment(),
        text=True,
        capture_output=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_a_method_is_run_once_and_again_after_a_change(work):
    tailbench(work, "record", "results/default", "recorded")
    file = work.run / "mine.yaml"
    file.write_text(yaml.safe_dump(MINE))
    rank = ("rank", "mine.yaml", "--record", "recorded", "--datasets", "alpha_stable")
    printed, _ = tailbench(work, *rank, "--dry-run")
    assert "2 jobs (1 data, 1 floor) would run" in printed
    assert "4 jobs (1 data, 1 train, 1 sample, 1 evaluate) would run" in printed

    printed, said = tailbench(work, *rank, "--cores", "2")
    assert "2 jobs (1 data, 1 floor) to run" in said
    assert "3 jobs (1 train, 1 sample, 1 evaluate) to run" in said
    results = work.run / "results" / "rank-mine"
    metrics = read_metrics(results / "metrics.csv")
    recorded = read_metrics(work.results / "metrics.csv")
    floors = metrics.groupby(["seed", "metric"])["floor"].nunique(dropna=False)
    assert (floors == 1).all() and set(metrics["dataset"]) == {"alpha_stable"}
    assert set(metrics["method"]) == {*recorded["method"], "mine"}
    assert "mine: place" in printed  # of two seeds
    assert (results / "report.html").is_file() and (results / "figures/ranking/all.png").is_file()

    _, said = tailbench(work, *rank, "--no-report")
    assert said.count("Nothing to be done") == 2
    file.write_text(yaml.safe_dump(MINE | {"models": {"mine": {"type": "mvt", "nu": 3.0}}}))
    _, said = tailbench(work, *rank, "--no-report")
    assert "Nothing to be done" in said and "3 jobs (1 train, 1 sample, 1 evaluate) to run" in said
