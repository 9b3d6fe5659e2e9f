"""The reader of a results folder: all blocks in order, and only what is planned."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fabricate import seal
from tailbench.data import Variant
from tailbench.exceptions import InputError
from tailbench.models.bootstrap import Bootstrap
from tailbench.models.flow import Flow
from tailbench.pipeline.results.reader import ResultsReader


@pytest.fixture(scope="module")
def inputs(fabricated):
    return ResultsReader(fabricated)


def test_all_blocks_are_read_in_order(inputs):
    samples = inputs.samples("stable")
    names = [(variant.method, variant.label) for variant in samples]
    sweep = [("flow_sgm", "sigma_T=0.5"), ("flow_sgm", "sigma_T=1")]
    assert names[:4] == [("sgm", ""), ("flow", ""), *sweep]
    first = next(variant for variant in samples if variant.method == "dlpm")
    assert samples[Variant("dlpm", first.label)].shape == (3, 2000, 2)
    assert list(first.settings.values()) == [10] and first.label.endswith("=10")
    assert inputs.test("returns").shape == (3, 2000, 4)
    assert set(inputs.history("student")["seed"]) == {0, 1, 2}
    assert len(inputs.specs("student")["flow"]) == 2


def test_the_first_block_is_seen_alone(inputs):
    first = inputs.first_block
    assert first.test("returns").shape == (2, 2000, 4)
    assert first.samples("stable").keys() == inputs.samples("stable").keys()
    for variant, drawn in inputs.samples("stable").items():
        np.testing.assert_array_equal(first.samples("stable")[variant], drawn[:2])


def test_blocks_of_a_dataset_are_those_of_the_configuration(fabricated, tmp_path):
    for name in ("data", "samples", "models"):
        (tmp_path / name).symlink_to(fabricated / name)
    config = {"seeds": ["0-1", "2"], "datasets": {"stable": {"seeds": ["2"]}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    inputs = ResultsReader(tmp_path)
    assert len(inputs.test("stable")) == len(inputs.first_block.test("stable")) == 1
    assert len(inputs.test("student")) == 3


def test_what_is_not_planned_is_not_seen(fabricated, tmp_path):
    """What an earlier configuration left behind is not shown."""
    results = tmp_path / "results"
    shutil.copytree(fabricated / "samples" / "stable", results / "samples" / "stable")
    shutil.copytree(fabricated / "data" / "stable", results / "data" / "stable")
    config = {"seeds": ["2"], "datasets": {"stable": {}}, "methods": {"lim": {}}}
    (results / "config.json").write_text(json.dumps(config))
    plan = {"cells": [["stable", "lim", "2"]]}
    seal(results / "plan.json", [results / "config.json"], plan)
    inputs = ResultsReader(results)
    assert list(inputs.samples("stable")) == [Variant("lim")]
    assert len(inputs.samples("stable")[Variant("lim")]) == 1
    assert len(inputs.test("stable")) == 1


def test_a_folder_without_configuration_and_plan(fabricated, tmp_path):
    for name in ("data", "samples", "models"):
        (tmp_path / name).symlink_to(fabricated / name)
    inputs = ResultsReader(tmp_path)
    assert inputs.datasets == ("returns", "stable", "student")
    assert inputs.train("stable").shape == (3, 2000, 2)
    assert set(inputs.history("stable")["model"]) == {"sgm", "flow", "dlpm", "lim"}


def test_closed_forms_have_no_history_and_leave_the_others_numbers(tmp_path):
    """Written as models are: the header alone, before and after the history of a network."""
    x = np.random.default_rng(0).standard_normal((60, 2))
    for model in ("a_bootstrap", "flow", "z_bootstrap"):
        made = Flow(train_steps=2, layers=1, width=8) if model == "flow" else Bootstrap()
        made.fit(x, verbose=False).save(tmp_path / "models" / "toy" / model / "0")
    history = ResultsReader(tmp_path).history("toy")
    assert set(history["model"]) == {"flow"}
    assert all(np.issubdtype(history[key].dtype, np.number) for key in ("step", "loss", "seed"))


def test_what_is_missing_is_named(tmp_path):
    inputs = ResultsReader(tmp_path)
    with pytest.raises(InputError, match=r"metrics\.csv do not exist"):
        _ = inputs.metrics
    with pytest.raises(InputError, match="no data of 'x'"):
        inputs.test("x")
    assert len(inputs.samples("x")) == 0
    Path(tmp_path / "plan.json").write_text("{")
    with pytest.raises(InputError, match=r"plan\.json is corrupt"):
        _ = ResultsReader(tmp_path).plan


def test_a_variant_without_a_name_is_no_missing_value(inputs):
    found = inputs.metrics
    assert set(found.loc[found["method"] == "sgm", "variant"]) == {""}
