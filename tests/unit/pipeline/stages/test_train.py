"""The stage that trains: a killed job goes on, and leaves no state behind."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from fabricate import seal
from tailbench.exceptions import InputError
from tailbench.io.arrays import write_array
from tailbench.models.flow import Flow
from tailbench.models.sgm import SGM
from tailbench.pipeline.runtime import kept_models
from tailbench.pipeline.stages import train as stage
from tailbench.rng.seeds import seed_for
from tailbench.training.trainer import Trainer

STATE = Path(".checkpoints/toy/flow/3-4")
KEPT = STATE.with_name("3-4.finished")
SPEC = {
    "type": "flow",
    "train_steps": 30,
    "batch_size": 32,
    "layers": 1,
    "width": 8,
    "validate_every": 5,
}


class Killed(Exception):
    """The job is killed."""


@pytest.fixture
def job(tmp_path):
    x = np.random.default_rng(0).standard_t(2.0, (2, 120, 2))
    write_array(tmp_path / "train.npy", list(x))
    seal(tmp_path / "meta.json", [tmp_path / "train.npy"], {"images": None})

    def run(name="model", spec=SPEC, code="code", seconds=0.0):
        stage.run(
            "toy", "flow", "3-4", json.dumps(spec), code, tmp_path / "train.npy",
            tmp_path / name, tmp_path / STATE, "cpu", 1, seconds,
        )  # fmt: skip
        return load_file(tmp_path / name / "model.safetensors")

    return run


@pytest.fixture
def killed(job, monkeypatch):
    """The job is killed at the 18th step of its second seed."""
    steps, taken = Trainer.steps, []

    def counted(self):
        for step in steps(self):
            taken.append(step)
            if len(taken) == 30 + 18:
                raise Killed
            yield step

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "steps", counted)
        with pytest.raises(Killed):
            job()


def goes_on_at(capsys):
    return [line for line in capsys.readouterr().out.splitlines() if "resuming" in line]


def equal(first, second):
    return first.keys() == second.keys() and all(
        np.array_equal(first[key], second[key]) for key in first
    )


def test_writes_the_model_and_clears_the_state(job, tmp_path):
    job()
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "SHA256SUMS", "history.csv", "model.safetensors", "spec.json"
    ]  # fmt: skip
    assert not (tmp_path / STATE).exists()
    spec = json.loads((tmp_path / "model" / "spec.json").read_text())
    assert spec["seeds"] == 2 and spec["peak_memory_mb"] > 1.0
    rows = (tmp_path / "model" / "history.csv").read_text().splitlines()[1:]
    assert {row.split(",")[0] for row in rows} == {"3", "4"}


def test_a_killed_job_goes_on_to_the_same_result(killed, job, tmp_path, capsys):
    assert not (tmp_path / "model").exists()
    assert len(list((tmp_path / STATE).iterdir())) == 2
    resumed = job()
    assert goes_on_at(capsys) == ["toy/flow: resuming at step 15"]
    assert not (tmp_path / STATE).exists()
    kept_models.discard_preserved(tmp_path / ".checkpoints")
    assert equal(resumed, job("other"))


@pytest.mark.parametrize("change", [{"code": "new"}, {"spec": SPEC | {"learning_rate": 1e-4}}])
def test_a_job_that_has_changed_starts_anew(killed, job, capsys, change):
    capsys.readouterr()
    job(**change)
    assert goes_on_at(capsys) == []


def test_a_job_whose_data_have_changed_starts_anew(killed, job, tmp_path, capsys):
    x = np.random.default_rng(1).standard_t(2.0, (2, 120, 2))
    write_array(tmp_path / "train.npy", list(x))
    seal(tmp_path / "meta.json", [tmp_path / "train.npy"], {"images": None})
    job()
    assert goes_on_at(capsys) == []


def test_models_hold_out_the_same_data_and_learn_from_seeds_of_their_own(job, monkeypatch):
    given = []
    original = Flow.fit_block

    def fit_block(self, x, context, images=None):
        given.append(context)
        return original(self, x, context, images)

    monkeypatch.setattr(Flow, "fit_block", fit_block)
    job()
    (context,) = given
    assert context.split_seeds == [seed_for("split", "toy", seed) for seed in (3, 4)]
    assert context.seeds == [seed_for("train", "toy", "flow", seed) for seed in (3, 4)]


def test_data_that_are_missing(job, tmp_path):
    (tmp_path / "train.npy").unlink()
    with pytest.raises(InputError, match=r"train\.npy does not exist"):
        job()
    assert not (tmp_path / "model").exists()


def written(tmp_path):
    return {p.name: p.stat().st_mtime_ns for p in (tmp_path / "model").iterdir()}


def test_what_another_job_has_made_is_left_alone(job, tmp_path):
    made = job()
    before = written(tmp_path)
    assert equal(job(), made) and written(tmp_path) == before
    assert equal(job(spec={**SPEC, "train_steps": 31}), job(spec={**SPEC, "train_steps": 31}))
    assert written(tmp_path) != before


FILES = ["model.safetensors", "spec.json", "history.csv", "SHA256SUMS"]
BACK = "toy/flow: restored the model of an earlier job that finished training and then failed\n"


def content(tmp_path):
    return {name: (tmp_path / "model" / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("file", FILES)
def test_what_has_changed_is_made_again(job, tmp_path, capsys, file):
    made = job()
    path = tmp_path / "model" / file
    path.write_bytes(path.read_bytes()[:-1])
    capsys.readouterr()
    assert equal(job(), made)
    assert "30/30" in capsys.readouterr().err


@pytest.mark.parametrize("lost", [FILES, FILES[:1], FILES[1:]])
def test_what_was_lost_after_a_training_is_put_back_with_the_time_of_now(
    job, tmp_path, capsys, lost
):
    job()
    made = content(tmp_path)
    for name in lost:
        os.utime(tmp_path / "model" / name, (0, 0))
        (tmp_path / "model" / name).unlink()
    capsys.readouterr()
    for _ in range(2):
        job()
        assert content(tmp_path) == made
    assert capsys.readouterr().out == BACK
    assert all((tmp_path / "model" / name).stat().st_mtime > 1e9 for name in FILES)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == sorted(FILES)


def lose(tmp_path):
    for name in FILES:
        (tmp_path / "model" / name).unlink()


@pytest.mark.parametrize("file", [*FILES, "finished.json"])
@pytest.mark.parametrize("harm", ["cut", "lost"])
def test_what_was_kept_and_is_damaged_is_made_again(job, tmp_path, capsys, file, harm):
    made = job()
    lose(tmp_path)
    path = tmp_path / KEPT / file
    path.write_bytes(path.read_bytes()[:-2]) if harm == "cut" else path.unlink()
    capsys.readouterr()
    assert equal(job(), made)
    assert "30/30" in capsys.readouterr().err


@pytest.mark.parametrize("change", [{"code": "new"}, {"spec": SPEC | {"learning_rate": 1e-4}}])
def test_what_was_kept_of_another_training_is_not_put_back(job, tmp_path, capsys, change):
    job()
    lose(tmp_path)
    capsys.readouterr()
    job(**change)
    assert BACK not in capsys.readouterr().out
    made = content(tmp_path)
    lose(tmp_path)
    job(**change)  # which has taken the other's place
    assert content(tmp_path) == made and capsys.readouterr().out == BACK


def test_a_frozen_model_that_is_another_now_is_read_again(tmp_path, capsys):
    """Though neither the data nor the configuration have changed."""
    rows = np.random.default_rng(0).standard_normal((1, 60, 2))
    write_array(tmp_path / "train.npy", list(rows))
    seal(tmp_path / "meta.json", [tmp_path / "train.npy"], {"images": None})
    folder, spec = (
        tmp_path / "there",
        json.dumps({"type": "sgm", "frozen": str(tmp_path / "there")}),
    )
    few = {"width": 4, "num_blocks": 1, "train_steps": 2, "batch_size": 8, "device": "cpu"}
    found = []
    for seed in (0, 0, 1):
        SGM(**few).fit(rows[0], seed=seed, verbose=False).save(folder)
        stage.run(
            "toy", "sgm", "3", spec, "code", tmp_path / "train.npy", tmp_path / "model",
            tmp_path / ".checkpoints/toy/sgm/3", "cpu",
        )  # fmt: skip
        taken, own = (
            load_file(path / "model.safetensors") for path in (tmp_path / "model", folder)
        )
        assert equal(taken, own)
        found.append(taken)
    assert equal(found[0], found[1]) and not equal(found[0], found[2])


def test_what_is_forgotten_is_made_again_and_states_stay(job, tmp_path, capsys):
    job()
    lose(tmp_path)
    state = tmp_path / STATE / "seeds.safetensors"
    state.parent.mkdir()
    state.write_bytes(b"")
    kept_models.discard_preserved(tmp_path / ".checkpoints")
    assert not (tmp_path / KEPT).exists() and state.exists()
    kept_models.discard_preserved(tmp_path / ".checkpoints")
    capsys.readouterr()
    job()
    assert "30/30" in capsys.readouterr().err


def test_where_nothing_can_be_kept_the_training_is_as_good(job, tmp_path, capsys, monkeypatch):
    def refuse(source, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    made = job()
    assert (
        "toy/flow: warning: could not keep a backup copy of the model: " in capsys.readouterr().out
    )
    assert sorted(path.name for path in (tmp_path / STATE.parent).iterdir()) == ["3-4.lock"]
    lose(tmp_path)
    assert equal(job(), made)
