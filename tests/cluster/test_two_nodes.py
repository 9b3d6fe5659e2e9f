"""One training by two processes on two nodes, by torchrun under srun."""

import json

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

MODEL = "results/default/models/alpha_stable/flow/0"
CONFIG = {
    "seeds": ["0"],
    "device": "cpu",
    "datasets": {"alpha_stable": {"n_train": 400, "n_test": 200}},
    "models": {"flow": {"train_steps": 40, "batch_size": 65, "layers": 1, "validate_every": 20}},
    "methods": {"flow": {}},
    "metrics": ["tail_ks"],
    "figures": ["survival"],
}


def test_two_processes_on_two_nodes_learn_what_one_learns(slurm, cluster):
    cluster.configure(CONFIG)
    cluster.snakemake(f"{MODEL}/spec.json")
    alone = pd.read_csv(cluster.run / MODEL / "history.csv")
    cluster.configure({**CONFIG, "processes": {"flow": 2}, "processes_per_node": 1})
    before = set(slurm.jobs())
    cluster.snakemake(f"{MODEL}/spec.json", "--forcerun", "train")
    (job,) = set(slurm.jobs()) - before
    assert slurm.show(job)["NumNodes"] == "2"
    assert json.loads((cluster.run / MODEL / "spec.json").read_text())["processes"] == 2
    together = pd.read_csv(cluster.run / MODEL / "history.csv")
    pd.testing.assert_frame_equal(
        together.drop(columns="seconds"), alone.drop(columns="seconds"), rtol=1e-4
    )
