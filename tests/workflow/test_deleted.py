"""What is deleted below results is made again by the next run."""

import shutil

import pandas as pd
import pytest

from tailbench.pipeline.config.parse import load
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.results.deleted_files import planned_files

pytestmark = pytest.mark.slow


def test_every_output_of_the_workflow_is_planned(work):
    plan = Plan(load(work.run / "config.yaml"))
    planned = {f"{folder}/{name}" for folder, names in planned_files(plan) for name in names}
    assert planned | {plan.layout.report, plan.layout.finished} == set(work.outputs())


@pytest.mark.parametrize(
    ("name", "jobs"),
    [
        ("data/returns/0-1/train_labels.npy", {"data", "train", "sample", "evaluate", "floor"}),
        ("metrics/returns/flow/0-1/SHA256SUMS", {"evaluate", "collect", "tables", "report"}),
        ("figures/survival", {"figure", "report"}),
    ],
)
def test_a_file_that_is_missing_is_made_again_with_what_depends_on_it(work, name, jobs):
    path = work.results / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    printed = work.snakemake("--dry-run", "--quiet", "rules")
    assert jobs <= {line.split()[0] for line in printed.splitlines() if line.strip()}


def test_folders_that_were_deleted_come_back(work):
    before = work.files()
    for name in ("samples", "metrics"):
        shutil.rmtree(work.results / name)
    work.snakemake()
    after = work.files()
    assert {name for name in before if "/samples/" in name or "/metrics/" in name} <= set(after)
    for name in before:
        if name.endswith(".npy"):
            assert before[name][1] == after[name][1]
    table = pd.read_csv(work.results / "metrics.csv")
    assert len(table) and table["value"].notna().all()
    assert "Nothing to be done" in work.snakemake()
