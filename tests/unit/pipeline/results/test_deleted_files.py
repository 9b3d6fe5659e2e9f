"""What somebody has deleted after a run is found, and nothing else."""

import shutil
from pathlib import Path

import pytest

from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.results.deleted_files import deleted_files, planned_files

PLAN = Plan(
    parse(
        {
            "seeds": ["0-1", "2"],
            "datasets": {"gmm": {}, "digits": {"methods": ["flow"], "seeds": ["2"]}},
            "models": {"sgm": {}, "flow": {}},
            "methods": {"sgm": {}, "flow": {}, "flow_sgm": {"start": "noisy_flow", "sigma_T": 2}},
            "metrics": {"msle": {}, "classifier": {}},
            "figures": ["survival"],
            "theory": {"rate": {"type": "w2_rate"}},
        }
    )
)


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """Every planned file, empty, below the working directory."""
    monkeypatch.chdir(tmp_path)
    for folder, names in planned_files(PLAN):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            (Path(folder) / name).touch()
    return Path(PLAN.layout.root)


def test_nothing_is_deleted(finished):
    assert deleted_files(PLAN) == []


@pytest.mark.parametrize(
    "name",
    [
        "data/gmm/0-1/train_labels.npy",
        "models/gmm/flow@noise-2/2/history.csv",
        "models/gmm/sgm/0-1/SHA256SUMS",
        "samples/digits/flow/2/record.json",
        "features/digits/2/network/classifier.json",
        "features/digits/2/classifier/features.npy",
        "metrics/gmm/floor/2/metrics.csv",
        "theory/rate/slopes.csv",
        "plan.json",
        "tables",
        "figures/survival",
    ],
)
def test_a_file_is_found(finished, name):
    (finished / name).unlink()
    assert deleted_files(PLAN) == [f"{finished}/{name}"]


def test_a_folder_is_found(finished):
    shutil.rmtree(finished / "samples")
    shutil.rmtree(finished / "theory")
    (finished / "theory").write_text("no folder")
    found = deleted_files(PLAN)
    assert f"{finished}/samples/gmm/flow_sgm/0-1/samples.npy" in found
    assert {path.split("/")[2] for path in found} == {"samples", "theory"}
    cells = len(PLAN.cells())
    assert len([path for path in found if "/samples/" in path]) == 3 * cells


def test_a_run_that_has_not_ended_is_left_to_the_rules(finished):
    shutil.rmtree(finished / "samples")
    (finished / "metrics.csv").unlink()
    assert deleted_files(PLAN) == []
