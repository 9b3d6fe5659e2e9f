"""The stage that trains: a killed job goes on, and leaves no state behind."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from fabricate import seal
from tailbench.contracts import InputError
from tailbench.models.flow import Flow
from tailbench.seeds import seed_for
from tailbench.stages import train as stage
from tailbench.stages._files import write_arrays

SPEC = {"type": "flow", "steps": 30, "batch_size": 32, "layers": 1, "width": 8, "validate_every": 5}


class Killed(Exception):
    """The job is killed."""


@pytest.fixture
def job(tmp_path):
    x = np.random.default_rng(0).standard_t(2.0, (2, 120, 2))
    write_arrays(tmp_path / "train.safetensors", {"train": x})
    seal(tmp_path / "meta.json", [tmp_path / "train.safetensors"], {"images": None})

    def run(name="model", spec=SPEC, code="code", seconds=0.0):
        stage.run(
            "toy", "flow", "3-4", json.dumps(spec), code, tmp_path / "train.safetensors",
            tmp_path / name, tmp_path / "state" / "flow", "cpu", 1, seconds,
        )  # fmt: skip
        return load_file(tmp_path / name / "model.safetensors")

    return run


@pytest.fixture
def killed(job, monkeypatch):
    """The job is killed at the 18th step of its second member."""
    calls = []
    original = Flow._loss

    def loss(self, module, batch, streams):
        if module.training:
            calls.append(1)
            if len(calls) == 30 + 18:
                raise Killed
        return original(self, module, batch, streams)

    with monkeypatch.context() as patch:
        patch.setattr(Flow, "_loss", loss)
        with pytest.raises(Killed):
            job()


def goes_on_at(capsys):
    return [line for line in capsys.readouterr().out.splitlines() if "goes on" in line]


def equal(first, second):
    return first.keys() == second.keys() and all(
        np.array_equal(first[key], second[key]) for key in first
    )


def test_writes_the_model_and_clears_the_state(job, tmp_path):
    job()
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "history.csv", "model.safetensors", "spec.json"
    ]  # fmt: skip
    assert not (tmp_path / "state" / "flow").exists()
    spec = json.loads((tmp_path / "model" / "spec.json").read_text())
    assert spec["members"] == 2 and spec["peak_memory_mb"] > 1.0
    rows = (tmp_path / "model" / "history.csv").read_text().splitlines()[1:]
    assert {row.split(",")[0] for row in rows} == {"3", "4"}


def test_a_killed_job_goes_on_to_the_same_result(killed, job, tmp_path, capsys):
    assert not (tmp_path / "model").exists()
    assert len(list((tmp_path / "state" / "flow").iterdir())) == 2
    resumed = job()
    assert goes_on_at(capsys) == ["toy/flow: goes on at step 15"]
    assert not (tmp_path / "state" / "flow").exists()
    assert equal(resumed, job("other"))


@pytest.mark.parametrize("change", [{"code": "new"}, {"spec": SPEC | {"learning_rate": 1e-4}}])
def test_a_job_that_has_changed_starts_anew(killed, job, capsys, change):
    capsys.readouterr()
    job(**change)
    assert goes_on_at(capsys) == []


def test_a_job_whose_data_have_changed_starts_anew(killed, job, tmp_path, capsys):
    x = np.random.default_rng(1).standard_t(2.0, (2, 120, 2))
    write_arrays(tmp_path / "train.safetensors", {"train": x})
    seal(tmp_path / "meta.json", [tmp_path / "train.safetensors"], {"images": None})
    job()
    assert goes_on_at(capsys) == []


def test_models_hold_out_the_same_data_and_learn_from_seeds_of_their_own(job, monkeypatch):
    given = {}
    original = Flow.fit

    def fit(self, x, **options):
        given.update(options)
        return original(self, x, **options)

    monkeypatch.setattr(Flow, "fit", fit)
    job()
    assert given["split_seeds"] == [seed_for("split", "toy", member) for member in (3, 4)]
    assert given["seeds"] == [seed_for("train", "toy", "flow", member) for member in (3, 4)]


def test_data_that_are_missing(job, tmp_path):
    (tmp_path / "train.safetensors").unlink()
    with pytest.raises(InputError, match=r"train\.safetensors does not exist"):
        job()
    assert not (tmp_path / "model").exists()


def written(tmp_path):
    return {p.name: p.stat().st_mtime_ns for p in (tmp_path / "model").iterdir()}


def test_what_another_job_has_made_is_left_alone(job, tmp_path):
    made = job()
    before = written(tmp_path)
    assert equal(job(), made) and written(tmp_path) == before
    assert equal(job(spec={**SPEC, "steps": 31}), job(spec={**SPEC, "steps": 31}))
    assert written(tmp_path) != before


@pytest.mark.parametrize("file", ["model.safetensors", "spec.json", "history.csv"])
def test_what_is_missing_or_has_changed_is_made_again(job, tmp_path, file):
    made = job()
    path = tmp_path / "model" / file
    path.write_bytes(path.read_bytes()[:-1])
    assert equal(job(), made)
    path.unlink()
    assert equal(job(), made) and path.is_file()
