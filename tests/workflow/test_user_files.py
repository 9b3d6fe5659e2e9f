"""The user's own tables."""

import json

import numpy as np
import pandas as pd
import pytest

from tailbench.models.sgm import SGM

pytestmark = pytest.mark.slow


@pytest.fixture
def tables(fresh):
    """Three tables of the user's, and a configuration that reads them."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_t(3, (400, 3)), columns=["fire", "storm", "flood"])
    frame.to_csv(fresh.run / "mine.csv", index=False)
    frame.to_parquet(fresh.run / "mine.parquet")
    np.save(fresh.run / "mine.npy", frame.to_numpy())
    fresh.configure(
        {
            "seeds": ["0"],
            "device": "cpu",
            "datasets": {
                ending: {"type": "file", "path": f"mine.{ending}"}
                for ending in ("csv", "parquet", "npy")
            },
            "models": {"flow": {"train_steps": 5, "batch_size": 64, "layers": 1, "width": 16}},
            "methods": {"flow": {}},
            "metrics": {"msle": {}},
            "figures": ["survival"],
        }
    )
    return fresh


def meta(work, name):
    return json.loads((work.results / "data" / name / "0" / "meta.json").read_text())


def test_files_of_every_kind_go_through_the_workflow(tables):
    cell = "results/default/metrics/csv/flow/0/metrics.csv"
    folders = [f"results/default/data/{name}/0" for name in ("parquet", "npy")]
    targets = [cell, *(f"{folder}/train.npy" for folder in folders)]
    tables.snakemake(*targets)

    assert pd.read_csv(tables.run / cell)["metric"].str.startswith("msle").all()
    assert meta(tables, "csv")["columns"] == ["fire", "storm", "flood"]
    assert meta(tables, "npy")["columns"] == ["0", "1", "2"]
    digests = {
        tables.files()[f"results/default/data/{name}/0/train.npy"][1]
        for name in ("csv", "parquet", "npy")
    }
    assert len(digests) == 1
    assert tables.pending(*targets) == set()

    frame = pd.read_csv(tables.run / "mine.csv")
    frame.iloc[0, 0] += 1
    frame.to_csv(tables.run / "mine.csv", index=False)
    assert tables.pending(*targets) == {
        "data/csv/0",
        "train/csv/flow/0",
        "sample/csv/flow/0",
        "evaluate/csv/flow/0",
    }
    tables.configure(lambda config: config["datasets"]["npy"].update(columns=[0, 2]))
    targets = targets[1:]
    assert tables.pending(*targets) == {"data/npy/0"}
    tables.snakemake(*targets)
    assert meta(tables, "npy")["columns"] == ["0", "2"]


def test_samples_of_somebody_elses_are_a_method(tables):
    """Beside a model of another library; a changed file makes its samples alone anew."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.standard_t(3, (150, 3)), columns=["flood", "storm", "fire"])
    frame.to_csv(tables.run / "theirs.csv", index=False)

    def change(config):
        config["datasets"] = {"csv": config["datasets"]["csv"]}
        config["models"] = {
            "mixture": {
                "type": "external",
                "object": "sklearn.mixture:GaussianMixture",
                "options": {"n_components": 2},
            }
        }
        config["methods"] = {
            "theirs": {"type": "samples", "path": "theirs.csv"},
            "mixture": {"type": "external", "model": "mixture"},
        }
        config["metrics"] = {"sliced_wasserstein": {"directions": 20, "starts": 1, "steps": 2}}

    tables.configure(change)
    tables.snakemake()
    found = pd.read_csv(tables.results / "metrics.csv")
    assert set(found["method"]) == {"theirs", "mixture"} and np.isfinite(found["value"]).all()
    assert tables.pending() == set()

    frame.iloc[0, 0] += 1
    frame.to_csv(tables.run / "theirs.csv", index=False)
    assert {job for job in tables.pending() if job.startswith(("train", "sample", "data"))} == {
        "sample/csv/theirs/0"
    }
    (tables.run / "theirs.csv").unlink()
    printed = tables.snakemake(succeeds=False)
    assert "methods.theirs.path: the file theirs.csv does not exist" in printed


def test_a_denoiser_that_is_there_already(tables):
    """It is not trained; another one in its folder is read again, and one that is gone is named."""
    few = {"width": 4, "num_blocks": 1, "train_steps": 2, "batch_size": 8, "device": "cpu"}
    rows = np.random.default_rng(0).standard_t(3, (60, 3))

    def save(seed):
        SGM(**few).fit(rows, seed=seed, verbose=False).save(tables.run / "there")

    def change(config):
        config["datasets"] = {"csv": config["datasets"]["csv"]}
        config["models"] = {"sgm": {"frozen": "there"}}
        config["methods"] = {"sgm": {"sampling_steps": 2}}

    save(0)
    tables.configure(change)
    cell = "results/default/samples/csv/sgm/0/samples.npy"
    tables.snakemake(cell)
    spec = json.loads((tables.results / "models/csv/sgm/0/spec.json").read_text())
    assert spec["seconds"] == [0.0]
    assert tables.pending(cell) == set()
    save(1)
    assert tables.pending(cell) == {"train/csv/sgm/0", "sample/csv/sgm/0"}
    (tables.run / "there" / "model.safetensors").unlink()
    printed = tables.snakemake(cell, succeeds=False)
    assert "models.sgm.frozen: the file there/model.safetensors does not exist" in printed
