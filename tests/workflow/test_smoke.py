"""The thin slice of the workflow that every change is tested on: a run, a second, and a part.

The other modules of this folder are part of `make test-all`.
"""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import tailbench
from tailbench.exceptions import InputError
from tailbench.io.checksums import read_record
from tailbench.io.tables import read_table
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.summary import stages
from tailbench.training.context import SampleContext


def test_a_run_makes_every_file_and_says_where_the_report_is(finished):
    made, printed = finished
    outputs = made.outputs()
    jobs = {job for job, _ in outputs.values()}
    assert len(jobs) == sum(stages(Plan.of(made.config(), "config.yaml")).values())
    for output, (_, again) in outputs.items():
        assert (made.run / output).exists() and not again, output
    assert f"The report is {made.results / 'report.html'}" in printed
    table = pd.read_csv(made.results / "metrics.csv")
    assert table[["value", "floor"]].notna().all(axis=None)


def test_a_second_run_has_nothing_to_do_and_a_changed_setting_reruns_its_part(work):
    before = work.files()
    assert "Nothing to be done" in work.snakemake()
    assert work.files() == before

    work.configure(lambda config: config["metrics"]["sliced_wasserstein"].update(directions=7))
    work.snakemake()
    after = work.files()
    changed = {path for path in before if after[path] != before[path]}
    unchanged = ("data", "models", "samples")
    folder = str(work.results.relative_to(work.run))
    assert not [
        path for path in changed if path.startswith(tuple(f"{folder}/{u}/" for u in unchanged))
    ]
    evaluated = {path for path in before if path.startswith(f"{folder}/metrics/")}
    assert evaluated and {path for path in evaluated if path.endswith(".csv")} <= changed
    assert f"{folder}/report.html" in changed
    assert "Nothing to be done" in work.snakemake("--dry-run")


def test_a_model_of_the_run_is_loaded_and_draws_what_the_run_has_drawn(finished):
    made, _ = finished
    for method, variant in (("sgm", "sampling_steps=8"), ("flow", ""), ("flow_sgm", "sigma_T=2")):
        model = tailbench.load(
            made.results, method, dataset="alpha_stable", seed=1, variant=variant, device="cpu"
        )
        folder = made.results / "samples" / "alpha_stable" / method / "0-1"
        labels = [row["variant"] for row in read_record(folder / "record.json")["variants"]]
        theirs = np.load(folder / "samples.npy")[labels.index(variant), 1]
        context = SampleContext.for_dataset("alpha_stable", [1], "again")
        ours = model.sample_block(len(theirs), model.sampling, context).samples
        assert np.array_equal(ours[0], theirs), method
        assert model.sample(3).shape == (3, theirs.shape[1])
    with pytest.raises(InputError, match="has several methods: name one of sgm, flow, flow_sgm"):
        tailbench.load(made.results, dataset="returns")
    with pytest.raises(InputError, match=r"has no seed 7 \(seeds: 0-1\)"):
        tailbench.load(made.results, "flow", dataset="returns", seed=7)


def test_scenarios_are_written_with_their_columns(finished, tmp_path):
    made, _ = finished
    for ending in ("csv", "parquet", "npy"):
        path = tmp_path / f"scenarios.{ending}"
        command = ["generate", made.results, "-n", 300, "-o", path, "--method", "flow"]
        command += ["--dataset", "returns", "--given", "sp500 < q5"]
        done = subprocess.run(
            [sys.executable, "-m", "tailbench", *map(str, command)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "draws satisfied sp500 < q5" in done.stdout
    frame = read_table(tmp_path / "scenarios.csv")
    columns = read_record(made.results / "data" / "returns" / "0-1" / "meta.json")["columns"]
    assert list(frame.columns) == columns and len(frame) == 300
    train = np.load(made.results / "data" / "returns" / "0-1" / "train.npy")[0]
    assert frame["sp500"].max() < np.quantile(train[:, columns.index("sp500")], 0.05)
    np.testing.assert_array_equal(np.load(tmp_path / "scenarios.npy"), frame)
    np.testing.assert_array_equal(read_table(tmp_path / "scenarios.parquet"), frame)
