"""Supports and atoms of a dataset, from its entry to the samples of its methods."""

import json

import numpy as np
import pytest

import tailbench
from tailbench.exceptions import InputError
from tailbench.io.checksums import seal as seal_folder
from tailbench.io.checksums import write_record
from tailbench.models.on_support import OnSupport
from tailbench.pipeline.config.model import ConfigError
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.config.preflight import check_data
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.results.layout import Layout
from tailbench.pipeline.stages import data, sample, train

SUPPORT = {"rain": [0, float("inf")]}


@pytest.fixture
def rows(tmp_path):
    rng = np.random.default_rng(0)
    rain = np.where(rng.random(800) < 0.6, 0.0, rng.pareto(2.5, 800))
    lines = [f"{a:.9g},{b:.9g}" for a, b in zip(rain, rng.standard_t(3, 800), strict=True)]
    (tmp_path / "own.csv").write_text("rain,wind\n" + "\n".join(lines) + "\n")
    return tmp_path / "own.csv"


def plan_of(rows, name="run", **said):
    entry = {"type": "file", "path": str(rows), "split": "random", **said}
    return Plan(
        parse(
            {
                "name": name,
                "seeds": ["0-1"],
                "datasets": {"own": entry, "gmm": {}},
                "models": {"mvt": {}},
                "methods": {"mvt": {}},
            }
        )
    )


def made(plan, folder):
    """Run the stages up to the samples; return meta.json and the samples."""
    layout = Layout(str(folder))
    place = folder / "data" / "own" / "0-1"
    data.run("own", "0-1", plan.specs.data("own"), place)
    model = folder / "models" / "own" / "mvt" / "0-1"
    train.run(
        "own", "mvt", "0-1", plan.specs.train("mvt", "own"), plan.code("train", "mvt", "own"),
        place / "train.npy", model, folder / "state", "cpu",
    )  # fmt: skip
    output = folder / "samples" / "own" / "mvt" / "0-1" / "samples.npy"
    spec = plan.specs.sample("mvt")
    sample.run("own", "mvt", "0-1", spec, model.parent.parent, place, output, "cpu")
    assert str(model) == layout.model("own", "mvt", "0-1")
    return json.loads((place / "meta.json").read_text()), np.load(output)


def test_samples_keep_to_the_support_and_have_the_atoms(rows, tmp_path):
    plan = plan_of(rows, support=SUPPORT, atoms="auto")
    meta, samples = made(plan, tmp_path / "results" / "run")
    assert meta["support"] == {"rain": [0.0, None]} and meta["atoms"] == "auto"
    assert "support" not in meta["settings"]
    assert samples.shape == (1, 2, 200, 2) and samples[..., 0].min() == 0.0
    train_rows = np.load(tmp_path / "results" / "run" / "data" / "own" / "0-1" / "train.npy")
    share = np.mean(train_rows[0, :, 0] == 0)
    # four standard errors of two times 200 samples, and of 600 rows
    assert np.mean(samples[..., 0] == 0) == pytest.approx(share, abs=4 * np.sqrt(0.24 / 240))

    folder = tmp_path / "results" / "run" / "models" / "own" / "mvt" / "0-1"
    spec = json.loads((folder / "spec.json").read_text())
    assert spec["type"] == "mvt" and len(spec["column_maps"]) == 2 and spec["peak_memory_mb"] > 1
    root = tmp_path / "results" / "run"
    write_record(root / "config.json", plan.config.raw())
    seal_folder(root, ["config.json"])
    loaded = tailbench.load(tmp_path / "results" / "run", dataset="own", seed=1)
    assert isinstance(loaded, OnSupport) and loaded.sample(50, seed=0)[:, 0].min() == 0.0


def test_without_them_nothing_changes(rows, tmp_path):
    plain, none = plan_of(rows), plan_of(rows, support="none", atoms="none")
    assert plain.specs.data("own") == none.specs.data("own")
    meta, samples = made(plain, tmp_path / "results" / "a")
    assert "support" not in meta and "atoms" not in meta
    assert samples[..., 0].min() < 0
    assert plain.code("train", "mvt", "own") == plain.code("train", "mvt")


def test_digests_have_the_maps_where_there_are_some(rows):
    plan = plan_of(rows, atoms={"rain": [0]})
    for stage in ("train", "sample"):
        assert plan.code(stage, "mvt", "own") != plan.code(stage, "mvt", "gmm")
    assert plan.code("train", "mvt", "gmm") == plan.code("train", "mvt")
    assert parse(plan.config.raw()) == plan.config


def test_rows_beyond_the_support_are_named_before_a_run(rows, tmp_path):
    lines = rows.read_text().splitlines()
    lines[500] = "-1.5,0.25"
    rows.write_text("\n".join(lines) + "\n")
    plan = plan_of(rows, support=SUPPORT)
    said = "column 'rain' of .*own.csv has -1.5, beyond its support .* in row 500"
    with pytest.raises(ConfigError, match=f"datasets.own: {said}"):
        check_data(plan.config, "c.yaml")
    with pytest.raises(InputError, match=said):
        data.run("own", "0-1", plan.specs.data("own"), tmp_path / "data")
    with pytest.raises(ConfigError, match="support: the data have no column 'ran'"):
        check_data(plan_of(rows, support={"ran": [0, 1]}).config, "c.yaml")
    with pytest.raises(ConfigError, match="atoms: no row of column 'wind' is equal to 77"):
        check_data(plan_of(rows, atoms={"wind": [77]}).config, "c.yaml")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"support": {"rain": [1, 0]}}, "datasets.own.support: rain: the lower bound 1 is not"),
        ({"support": "yes"}, "datasets.own.support: must be 'auto', 'none' or a mapping"),
        ({"atoms": {"rain": ["dry"]}}, "datasets.own.atoms: rain: the atoms are a list"),
    ],
)
def test_what_is_no_support(rows, said, words):
    with pytest.raises(ConfigError, match=words):
        plan_of(rows, **said)
