"""A complete run of the smoke preset."""

import itertools
import json
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import yaml

from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.summary import stages

pytestmark = pytest.mark.slow
VARIANTS = {
    "sgm": ["sampling_steps=4", "sampling_steps=8"],
    "flow": [""],
    "flow_sgm": ["sigma_T=0.5", "sigma_T=2"],
}


def total(workspace):
    """The number of steps of a run: its jobs, and the rule that asks for all of them."""
    return sum(stages(Plan.of(workspace.config(), "config.yaml")).values()) + 1


def test_the_report_and_the_figures_are_there_and_no_state_is_left(finished):
    made, _ = finished
    assert (made.results / "report.html").stat().st_size > 100_000
    assert not (made.results / ".checkpoints").exists() or not list(
        (made.results / ".checkpoints").rglob("*.safetensors")
    )
    for name in ("comparison", "survival", "training", "sigma_t"):
        for dataset, ending in itertools.product(("alpha_stable", "returns"), ("png", "pdf")):
            path = made.results / "figures" / name / f"{dataset}.{ending}"
            assert path.stat().st_size > 1000, path


def test_metrics_have_every_cell_and_floor(finished):
    made, _ = finished
    table = pd.read_csv(made.results / "metrics.csv").fillna({"variant": ""})
    cells = {
        (dataset, method, variant, seed)
        for dataset in ("alpha_stable", "returns")
        for method, variants in VARIANTS.items()
        for variant in variants
        for seed in (0, 1)
    }
    columns = ["dataset", "method", "variant", "seed"]
    for metric, rows in table.groupby("metric"):
        found = list(rows[columns].itertuples(index=False, name=None))
        assert len(found) == len(set(found)), metric
        assert set(found) in (cells, {cell for cell in cells if cell[0] == "alpha_stable"}), metric
    assert {"max_sw1", "msle"} <= set(table["metric"])
    assert np.isfinite(table[["value", "floor", "nfe", "train_seconds", "sample_seconds"]]).all(
        axis=None
    )


def test_seeds_of_a_block_have_data_and_results_of_their_own(finished):
    made, _ = finished
    table = pd.read_csv(made.results / "metrics.csv")
    rows = table[(table["dataset"] == "alpha_stable") & (table["metric"] == "max_sw1")]
    for column in ("value", "floor"):
        by_seed = [set(group[column]) for _, group in rows.groupby("seed")]
        assert not set.intersection(*by_seed), column


def test_it_ends_with_the_summary_and_the_path_of_the_report(finished):
    made, printed = finished
    steps = total(made)
    summary = printed[printed.index(f"{steps} of {steps} steps (100%) done") :]
    for text in ("alpha_stable", "returns", "flow_sgm", "sigma_T=2", "max-sliced W1"):
        assert text in summary
    assert f"The report is {made.results / 'report.html'}" in summary
    assert "Warning" not in summary


def test_progress_is_shown(finished):
    made, printed = finished
    assert "train: flow on returns, seeds 0-1" in printed
    steps = total(made)
    assert f"{steps // 2} of {steps} steps ({steps // 2 / steps:.0%}) done" in printed
    log = (made.results / "logs" / "train" / "returns" / "sgm" / "0-1.log").read_text()
    assert "returns/sgm, seed 0" in log and "loss" in log and "left" in log


def test_configuration_and_plan_are_kept(finished):
    made, _ = finished
    kept = json.loads((made.results / "config.json").read_text())
    for section in ("datasets", "models", "methods"):
        assert set(kept[section]) == set(made.config()[section])
        for name, given in made.config()[section].items():
            assert given.items() <= kept[section][name].items()
    assert kept["device"] == "cpu" and kept["seeds"] == ["0-1"]
    plan = json.loads((made.results / "plan.json").read_text())
    assert len(plan["cells"]) == 6


def test_report_of_snakemake(work):
    work.snakemake("--report", "out.zip")
    with zipfile.ZipFile(work.run / "out.zip") as archive:
        names = archive.namelist()
    assert any(name.endswith("report.html") for name in names)
    assert any(name.endswith("metrics.csv") for name in names)
    work.snakemake("--report", "out.html")
    assert "collect" in (work.run / "out.html").read_text()


def test_plain_snakemake_takes_the_default_configuration(fresh):
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--dry-run"]
    done = subprocess.run(
        command, cwd=fresh.repo, env=fresh.environment(), text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout + done.stderr
    config = yaml.safe_load((fresh.repo / "config.yaml").read_text())
    plan = Plan.of(config, "config.yaml")
    jobs = sum(stages(plan).values()) + 1  # the target rule
    assert any(line.split() == ["total", str(jobs)] for line in printed.splitlines()), printed
    for dataset in config["datasets"]:
        assert f"data: {dataset}, seeds" in printed
    assert not (fresh.repo / "results").exists()
