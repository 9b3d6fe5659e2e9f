"""What the workflow does before its first job and after a failed one."""

import os
import signal
import subprocess
import sys

import pytest

from tailbench.exceptions import InputError
from tailbench.pipeline.config.preflight import check_data
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.reporting.incomplete import write_incomplete
from tailbench.pipeline.reporting.missing_cells import missing_cells
from tailbench.pipeline.runtime.results_lock import lock_results_dir

HOLD = """
import subprocess, sys
from tailbench.pipeline.runtime.results_lock import lock_results_dir
lock_results_dir(sys.argv[1])
print("held", flush=True)
"""


@pytest.fixture
def plan():
    return Plan.of(
        {
            "seeds": ["0-1"],
            "datasets": {"gmm": {"n_train": 100}, "stable": {"type": "alpha_stable"}},
            "models": {"sgm": {"batch_size": 64}, "flow": {"batch_size": 64}},
            "methods": {"flow": {}, "flow_sgm": {}},
        },
        "c.yaml",
    )


def test_a_folder_is_held_by_one_process_until_its_end(tmp_path):
    folder = tmp_path / "results"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"{HOLD}input()", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(InputError, match=f"another run holds the lock on {folder}"):
        lock_results_dir(folder)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    lock_results_dir(folder)


def test_children_do_not_hold_the_folder(tmp_path):
    code = f"{HOLD}print(subprocess.Popen(['sleep', '60'], stdout=-3, stderr=-3).pid)"
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    lock_results_dir(tmp_path)
    os.kill(int(run.stdout.split()[1]), signal.SIGKILL)


def test_data_of_every_dataset_are_checked(plan):
    check_data(plan.config, "c.yaml")
    raw = plan.config.raw()
    raw["models"]["flow"]["batch_size"] = 101
    raw["datasets"]["few"] = {"type": "gmm", "n_train": 3}
    with pytest.raises(InputError) as caught:
        check_data(Plan.of(raw, "c.yaml").config, "c.yaml")
    first, second = str(caught.value).split("\n")  # one sentence for each dataset
    assert first.startswith("c.yaml: datasets.gmm: ") and "101" in first
    assert second.startswith("c.yaml: datasets.few: ") and "101" in second


def test_cells_without_result_are_listed_with_the_reason(plan, tmp_path):
    made = [
        "data/gmm/0-1/meta.json",
        "models/gmm/flow/0-1/spec.json",
        "samples/gmm/flow/0-1/record.json",
        "metrics/gmm/floor/0-1/metrics.csv",
        "metrics/gmm/flow/0-1/metrics.csv",
        "data/stable/0-1/meta.json",
    ]
    logs = {
        "train/gmm/sgm": "gmm/sgm: 50/100\ntailbench: gmm/sgm, seed 1: the loss is nan\n\n",
        "train/stable/flow": "",
    }
    for name in made:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name, text in logs.items():
        (tmp_path / "logs" / name).mkdir(parents=True)
        (tmp_path / "logs" / name / "0-1.log").write_text(text)
    title, *lines = missing_cells(plan, tmp_path).splitlines()
    assert title == "3 of 4 cells have no result:"
    assert lines == [
        "  gmm, flow_sgm, seeds 0-1: train sgm failed; last log line: "
        "gmm/sgm, seed 1: the loss is nan",
        "  stable, flow, seeds 0-1: train flow failed; last log line: (empty)",
        "  stable, flow_sgm, seeds 0-1: train flow failed; last log line: (empty)",
    ]


def test_jobs_that_have_not_run_are_named(plan, tmp_path):
    lines = missing_cells(plan, tmp_path).splitlines()
    assert lines[1] == "  gmm, flow, seeds 0-1: data was not started"


def test_nothing_is_said_when_all_cells_have_results(plan, tmp_path):
    for cell in plan.cells():
        files = [f"data/{cell.dataset}/0-1/meta.json"]
        files += [f"models/{cell.dataset}/{model}/0-1/spec.json" for model in ("sgm", "flow")]
        files += [f"samples/{cell.dataset}/{cell.method}/0-1/record.json"]
        files += [
            f"metrics/{cell.dataset}/{name}/0-1/metrics.csv" for name in ("floor", cell.method)
        ]
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
    assert missing_cells(plan, tmp_path) == ""


def test_a_run_without_any_result_has_no_page_of_its_results(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / plan.layout.incomplete
    page.parent.mkdir(parents=True)
    page.write_text("of an earlier run")
    assert write_incomplete(plan) == "" and not page.exists()
