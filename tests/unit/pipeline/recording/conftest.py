"""A record of a tiny run of closed forms, which takes seconds."""

import os
from pathlib import Path

import pytest
import yaml

from in_process import finish
from tailbench.pipeline.recording.writing import write_record_of

SOME = ["gaussian", "kde", "bootstrap", "copula_gpd"]
CONFIG = {
    "name": "tiny",
    "seeds": ["0-4"],
    "device": "cpu",
    "budget": {"train_steps": 7},
    "datasets": {
        "stable": {"type": "alpha_stable", "alpha": 1.7, "dim": 2, "n_train": 300, "n_test": 300},
        "gmm": {"type": "gmm", "dim": 2, "n_train": 300, "n_test": 300, "methods": SOME},
        "losses": {"type": "copula_pareto", "dim": 2, "index": 2.0, "n_train": 300, "n_test": 300},
    },
    "models": ["gaussian", "mvt", "kde", "bootstrap", "copula_gpd"],
    "methods": ["gaussian", "mvt", "kde", "bootstrap", "copula_gpd"],
    "metrics": {
        "sliced_wasserstein": {"directions": 10, "steps": 3, "starts": 1},
        "msle": {},
        "angular": {},
    },
    "figures": [],
}


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """The results of the run; read it only."""
    folder = tmp_path_factory.mktemp("recorded")
    before = Path.cwd()
    os.chdir(folder)
    try:
        (folder / "tiny.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
        return folder / finish(folder / "tiny.yaml")
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def record_folder(finished_run, tmp_path_factory):
    """Its record; copy it to change it."""
    folder = tmp_path_factory.mktemp("record") / "tiny"
    write_record_of(finished_run, folder, commit="abc")
    return folder
