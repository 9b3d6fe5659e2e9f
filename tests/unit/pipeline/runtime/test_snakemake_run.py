"""How Snakemake is called, by a stand-in that writes down what it was given."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from repository import ROOT
from tailbench.exceptions import InputError
from tailbench.pipeline.runtime.snakemake_run import run_snakemake

STAND_IN = """
import json, os, pathlib, sys
pathlib.Path("called.json").write_text(json.dumps({"argv": sys.argv[1:], "path": os.environ["PATH"],
    "outcome": os.environ.get("TAILBENCH_RUN_OUTCOME")}))
if path := os.environ.get("TAILBENCH_RUN_OUTCOME"):
    said, folder = os.environ.get("SAID", "done"), os.environ.get("FOLDER", os.getcwd())
    pathlib.Path(path).write_text(said + "\\n" + folder)
%s
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put another package in the place of Snakemake, and give what it was called with."""

    def put(body="sys.exit(0)"):
        package = tmp_path / "packages" / "snakemake"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(STAND_IN % body)
        monkeypatch.setenv("PYTHONPATH", f"{package.parent}{os.pathsep}{ROOT / 'src'}")
        (tmp_path / "run").mkdir()
        monkeypatch.chdir(tmp_path / "run")
        return lambda: json.loads((tmp_path / "run" / "called.json").read_text())

    return put


def test_a_preset_is_run_in_the_current_folder(stand_in, tmp_path):
    called = stand_in()
    ended = run_snakemake("smoke", "3", ["--forcerun", "tables", "--", "a/target"])
    assert (ended.status, ended.complete) == (0, True)
    assert ended.results == tmp_path / "run" / "results" / "smoke"
    argv = called()["argv"]
    assert argv[argv.index("--configfile") + 1] == str(ROOT / "presets" / "smoke.yaml")
    assert argv[argv.index("--snakefile") + 1] == str(ROOT / "Snakefile")
    assert argv[argv.index("--workflow-profile") + 1] == str(ROOT / "profiles" / "default")
    # Nothing with several values stands before the user's options, which may begin with a target.
    assert argv[-6:] == ["--cores", "3", "--forcerun", "tables", "--", "a/target"]
    assert argv[-8:-6] == ["--logger", "tailbench"]
    assert called()["path"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_some_datasets_are_run_up_to_their_metrics(stand_in):
    called = stand_in()
    run_snakemake("smoke", "1", ["--dry-run"], ["returns"])
    argv = called()["argv"]
    targets = argv[argv.index("--dry-run") + 1 :]
    methods = {target.split("/")[4] for target in targets}
    assert {"floor", "flow", "sgm"} <= methods and len(set(targets)) == len(targets)
    assert {target.split("/")[3] for target in targets} == {"returns"}
    assert all(target.endswith("/metrics.csv") for target in targets)


def test_a_dataset_that_is_not_there(stand_in):
    stand_in()
    with pytest.raises(InputError, match=r"no dataset 'return' \(did you mean 'returns'"):
        run_snakemake("smoke", "1", [], ["return"])


@pytest.mark.parametrize("option", ["--logger=rich", "-q", "-np", "--verbose", "--printshellcmds"])
def test_whoever_asks_for_another_output_gets_it(stand_in, option):
    called = stand_in()
    ended = run_snakemake("smoke", "all", [option])
    assert "tailbench" not in called()["argv"] and called()["outcome"] is None
    assert not ended.complete, "the Snakefile prints the summary"


@pytest.mark.parametrize("option", ["-n", "--dry-run", "--profile", "-k", "results/smoke/plots"])
def test_other_options_change_nothing_of_the_output(stand_in, option):
    called = stand_in()
    run_snakemake("smoke", "all", [option])
    assert called()["argv"][-5:] == ["--logger", "tailbench", "--cores", "all", option]


@pytest.mark.parametrize(
    ("said", "complete"), [("nothing", True), ("dry", False), ("failed", False), ("none", False)]
)
def test_a_summary_is_of_use_after_a_run(stand_in, monkeypatch, said, complete):
    stand_in()
    monkeypatch.setenv("SAID", said)
    assert run_snakemake("smoke", "all", []).complete == complete


def test_results_are_in_the_folder_that_snakemake_was_sent_to(stand_in, monkeypatch):
    stand_in()
    monkeypatch.setenv("FOLDER", "/elsewhere")
    ended = run_snakemake("smoke", "all", ["--directory", "/elsewhere"])
    assert str(ended.results) == "/elsewhere/results/smoke"


@pytest.mark.parametrize(("body", "status"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 137)])
def test_the_exit_status_is_that_of_snakemake(stand_in, body, status):
    stand_in(body)
    ended = run_snakemake("smoke", "all", [])
    assert (ended.status, ended.complete) == (status, False)


def test_a_mistake_is_found_before_anything_is_started(stand_in, tmp_path):
    stand_in()
    config = tmp_path / "c.yaml"
    config.write_text("datasets: {mine: {type: file, path: no.csv}}\nmodels: {flow: {}}\n")
    with config.open("a") as file:
        file.write("methods: {flow: {}}\nseeds: ['0']\nmetrics: {msle: {}}\n")
    with pytest.raises(
        InputError, match=r"datasets\.mine\.path: the file .*no\.csv does not exist"
    ):
        run_snakemake(config, "all", [])
    assert not (tmp_path / "run" / "called.json").exists()


WAITS = """
import signal, time
def end(*_):
    pathlib.Path("asked").touch()
    time.sleep(0.5)
    pathlib.Path("done").touch()
    sys.exit(5)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, signal.SIG_IGN)
pathlib.Path("ready").touch()
time.sleep(60)
"""
RUN = """
import sys
from tailbench.pipeline.runtime.snakemake_run import run_snakemake
sys.exit(run_snakemake("smoke", "all", []).status)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_snakemake_and_its_end_is_waited_for(stand_in, tmp_path, number):
    stand_in(WAITS)
    process = subprocess.Popen([sys.executable, "-c", RUN])
    for _ in range(600):
        if (tmp_path / "run" / "ready").exists():
            break
        time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(timeout=60) == 5
    assert (tmp_path / "run" / "done").exists()
