"""The stage that samples by the exact score, or from the data of the floor."""

import json

import numpy as np
import pytest

from tailbench import Oracle, OracleStart
from tailbench.io.arrays import read_array
from tailbench.models.sgm import SGM
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.stages import data as data_stage
from tailbench.pipeline.stages import sample as stage
from tailbench.pipeline.stages import train
from tailbench.rng.seeds import seed_for
from tailbench.targets.alpha_stable import AlphaStable
from tailbench.training.context import SampleContext

BLOCK = "3-4"


@pytest.fixture(scope="module")
def plan(small):
    return Plan(
        parse(
            {
                "datasets": {"toy": {"type": "alpha_stable", "n_train": 90, "n_test": 40}},
                "models": {"sgm": small["sgm"]},
                "methods": {
                    "oracle": {"sampling_steps": [2, 3]},
                    "from_data": {
                        "type": "oracle",
                        "start": "data",
                        "sigma_T": [0.5, 2],
                        "sampling_steps": 2,
                    },
                    "oracle_start": {"sigma_T": 1, "sampling_steps": 2},
                },
                "metrics": ["msle"],
            }
        )
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory, plan):
    folder = tmp_path_factory.mktemp("results")
    data_stage.run("toy", BLOCK, plan.specs.data("toy"), folder / "data")
    train.run(
        "toy", "sgm", BLOCK, plan.specs.train("sgm"), "code", folder / "data" / "train.npy",
        folder / "models" / "sgm" / BLOCK, folder / "state", "cpu",
    )  # fmt: skip
    return folder


@pytest.fixture
def run(plan, results, tmp_path):
    def call(method):
        output = tmp_path / "samples.npy"
        stage.run(
            "toy", method, BLOCK, plan.specs.sample(method), results / "models",
            results / "data", output, "cpu",
        )  # fmt: skip
        return np.load(output), json.loads(output.with_name("record.json").read_text())

    return call


def context():
    return SampleContext([seed_for("sample", "toy", seed) for seed in (3, 4)])


def test_the_oracle_is_given_the_target_and_the_units(run, results, plan):
    samples, meta = run("oracle")
    assert samples.shape == (2, 2, 40, 2) and meta["models"] == []
    assert [variant["nfe"] for variant in meta["variants"]] == [4, 6]
    assert [variant["sigma_T"] for variant in meta["variants"]] == [None, None]
    oracle = Oracle(AlphaStable()).fit(read_array(results / "data" / "train.npy"))
    for own, settings in zip(
        samples, plan.config.methods["oracle"].settings.variants().values(), strict=True
    ):
        assert np.array_equal(own, oracle.sample_block(40, settings, context()).samples)


def test_held_out_data_are_those_of_the_floor(run, results, plan):
    train_rows, floor = (read_array(results / "data" / f"{p}.npy") for p in ("train", "floor"))
    samples, meta = run("from_data")
    assert [variant["sigma_T"] for variant in meta["variants"]] == [[0.5, 0.5], [2.0, 2.0]]
    oracle = Oracle(AlphaStable(), held_out=floor).fit(train_rows)
    settings = plan.config.methods["from_data"].settings.variants()["sigma_T=2"]
    assert np.array_equal(samples[1], oracle.sample_block(40, settings, context()).samples)
    samples, meta = run("oracle_start")
    assert meta["models"] == ["sgm"]
    trained = SGM.load(results / "models" / "sgm" / BLOCK, "cpu")
    model = OracleStart(trained, held_out=floor, prefit=True, device="cpu")
    settings = plan.config.methods["oracle_start"].settings
    assert np.array_equal(samples[0], model.sample_block(40, settings, context()).samples)
