"""The smoke preset on a Slurm where nothing goes wrong, and what its jobs ask for."""

import re

import pandas as pd
import pytest

pytestmark = pytest.mark.slow


def test_the_smoke_preset_gives_the_results_of_one_machine(slurm, cluster, finished):
    cluster.preset("smoke")
    cluster.configure(lambda config: config.update(device="auto"))
    before = set(slurm.jobs())
    printed = cluster.snakemake("--jobs", "6")
    assert "The report is" in printed
    here, there = (place.results for place in (cluster, finished[0]))
    files = [*there.rglob("*.safetensors"), *there.rglob("*.npy")]
    made = [path.relative_to(there) for path in files]
    assert len(made) == 4 + 6 * 2 + 6  # models; data and labels; samples
    for path in made:
        assert (here / path).read_bytes() == (there / path).read_bytes(), path
    seconds = ["train_seconds", "sample_seconds"]
    ours, theirs = (pd.read_csv(place / "metrics.csv") for place in (here, there))
    unlike = [column for column in ours if "seconds" in column or "memory" in column]
    pd.testing.assert_frame_equal(ours.drop(columns=unlike), theirs.drop(columns=unlike))
    assert set(seconds) <= set(unlike)

    rules = {job: rule for job, rule in slurm.jobs().items() if job not in before}
    asked = {job: slurm.show(job) for job in rules}
    trained = [asked[job] for job, rule in rules.items() if rule.startswith("rule_train")]
    assert len(trained) == 4
    for job in trained:
        assert job["Partition"] == "gpu" and "gres:gpu:1" in job["TresPerJob"]
        assert job["TimeLimit"] == "00:15:00" and job["MinMemoryNode"] == "4000M"
    without = [job for job in asked.values() if job["Partition"] == "cpu"]
    assert without and all("gpu" not in str(job) for job in without)
    # of data, of floors and evaluations there is one job each
    assert len(asked) == 4 + 6 + 3 + len(cluster.config()["figures"]) + len(["tables", "report"])


def test_a_dry_run_says_what_each_job_asks_for(slurm, cluster):
    cluster.preset("smoke")
    cluster.configure(lambda config: config.update(device="auto", threads=4))
    printed = cluster.snakemake("--dry-run")
    asked = re.findall(r"(train|sample|evaluate|data|report): .*\((.*)\)", printed)
    assert {
        ("train", "1 GPU, 4 CPU, 4000 MB, 15 min"),
        ("sample", "1 GPU, 4 CPU, 4000 MB, 15 min"),
        ("evaluate", "0 GPU, 1 CPU, 1500 MB, 15 min"),
        ("data", "1 CPU, 1000 MB, 15 min"),
    } <= set(asked)


def test_generic_resources_where_sbatch_has_no_gpus(slurm, cluster):
    profile = cluster.repo / "profiles" / "slurm" / "config.yaml"
    text = profile.read_text()
    block = re.search(r"^# set-resources:\n(# .*\n)+", text, re.M)[0]
    profile.write_text(text.replace(block, re.sub(r"^# ", "", block, flags=re.M)))
    cluster.preset("smoke")
    cluster.configure(lambda config: config.update(device="auto", seeds=["0"]))
    before = set(slurm.jobs())
    cluster.snakemake("results/default/models/alpha_stable/flow/0/model.safetensors", "--verbose")
    (job,) = (
        job for job, rule in slurm.jobs().items() if job not in before and "rule_train" in rule
    )
    asked = slurm.show(job)
    assert "gres:gpu:1" in asked["TresPerNode"] and "TresPerJob" not in asked
    assert asked["Partition"] == "gpu"
