"""Metrics that compare with training rows: what the plan declares and the stage gives them."""

import numpy as np
import pandas as pd
import pytest

from fabricate import seal
from tailbench.io.arrays import write_array
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.stages import data, evaluate

BLOCK = "0-1"


def plan_of(folder, **metrics):
    rows = np.random.default_rng(0).standard_t(3, (900, 2))
    np.save(folder / "rows.npy", rows)
    return Plan(
        parse(
            {
                "datasets": {
                    "toy": {"type": "alpha_stable", "n_train": 400, "n_test": 300},
                    "real": {"type": "file", "path": str(folder / "rows.npy")},
                },
                "models": ["sgm"],
                "methods": ["sgm"],
                "metrics": metrics,
            }
        )
    )


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return plan_of(tmp_path_factory.mktemp("rows"), memorisation={}, tail_ks={})


def test_training_rows_are_an_input_where_a_metric_needs_them(plan, tmp_path):
    inputs = plan.inputs.train_rows("toy", BLOCK)
    assert inputs == [f"{plan.layout.data('toy', BLOCK)}/train.npy"]
    assert plan_of(tmp_path, tail_ks={}).inputs.train_rows("toy", BLOCK) == []


@pytest.fixture(scope="module", params=["toy", "real"])
def folder(request, plan, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    data.run(request.param, BLOCK, plan.specs.data(request.param), folder / "data")
    return folder


def values(plan, folder, method, samples=None):
    output = folder / method / "metrics.csv"
    dataset = "real" if "real" in folder.name else "toy"
    evaluate.run(
        dataset, method, BLOCK, plan.specs.evaluate(dataset), folder / "data", output, samples
    )
    return pd.read_csv(output).groupby("metric")["value"].mean()


def test_the_floor_of_real_data_is_not_found_among_its_own_rows(plan, folder):
    floor = values(plan, folder, "floor")
    assert floor["dcr_ratio"] == pytest.approx(1, abs=0.25)
    assert floor["copied_ratio"] == pytest.approx(1, abs=0.2)
    assert floor["tail_ks"] >= 0


def test_training_rows_given_as_samples_are_found(plan, folder):
    train = np.load(folder / "data" / "train.npy")
    path = folder / "copies" / "samples.npy"
    path.parent.mkdir()
    write_array(path, [train[:, :200]])
    seal(path.with_name("record.json"), [path], {"variants": [{"variant": ""}]})
    copied = values(plan, folder, "copies", path)
    assert copied["dcr_ratio"] == 0 and copied["copied_ratio"] > 1.4
