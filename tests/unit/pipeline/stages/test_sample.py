"""The stage that samples: from trained models in files, by the specification of a method."""

import json

import numpy as np
import pytest

from fabricate import seal
from tailbench.exceptions import InputError
from tailbench.io.arrays import read_array, write_array
from tailbench.models.flow import Flow, FlowSampling
from tailbench.models.sgm import SGM, SGMSampling
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.stages import sample as stage
from tailbench.pipeline.stages import train
from tailbench.rng.seeds import seed_for
from tailbench.stats.unimodal_onset import LARGEST_SCORE
from tailbench.training.context import SampleContext

METHODS = {
    "sgm": {"sampling_steps": [2, 4]},
    "flow": {},
    "noised": {"type": "flow_sgm", "sigma_T": [0.5, 2], "sampling_steps": 2},
    "auto": {"type": "flow_sgm", "sigma_T_grid": [0.5, 2], "sampling_steps": [2, 3]},
    "dip": {"type": "flow_sgm", "sigma_T": "dip", "sampling_steps": [2, 3]},
    "at_noise": {
        "type": "flow_sgm",
        "start": "noisy_flow",
        "sigma_T_grid": [0.5, 2],
        "sampling_steps": 2,
    },
}
BLOCK = "3-4"


@pytest.fixture(scope="module")
def plan(small):
    return Plan(
        parse(
            {
                "datasets": ["gmm"],
                "models": {"sgm": small["sgm"], "flow": small["flow"]},
                "methods": METHODS,
            }
        )
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory, plan, small):
    """Data and trained models of two seeds, as the workflow lays them out."""
    folder = tmp_path_factory.mktemp("results")
    data = folder / "data"
    write_array(data / "train.npy", list(small["data"](2)))
    write_array(data / "test.npy", list(small["data"](2, n=40, seed=1)))
    seal(data / "meta.json", sorted(data.iterdir()), {"images": None, "rows": {"test": 40}})
    for model in {model for _, model, _ in plan.trainings()}:
        train.run(
            "toy", model, BLOCK, plan.specs.train(model), "code", data / "train.npy",
            folder / "models" / model / BLOCK, folder / "state" / model, "cpu",
        )  # fmt: skip
    return folder


@pytest.fixture
def run(plan, results, tmp_path):
    def call(method, models=None):
        output = tmp_path / method / "samples.npy"
        stage.run(
            "toy", method, BLOCK, plan.specs.sample(method), models or results / "models",
            results / "data", output, "cpu",
        )  # fmt: skip
        meta = json.loads(output.with_name("record.json").read_text())
        labels = [variant["variant"] for variant in meta["variants"]]
        return dict(zip(labels, np.load(output), strict=True)), meta

    return call


@pytest.mark.parametrize(
    ("method", "variants", "nfe"),
    [
        ("sgm", ["sampling_steps=2", "sampling_steps=4"], [4, 8]),
        ("flow", [""], [1]),
        ("noised", ["sigma_T=0.5", "sigma_T=2"], [5, 5]),
        ("auto", ["sampling_steps=2", "sampling_steps=3"], [5, 7]),
        ("dip", ["sampling_steps=2", "sampling_steps=3"], [5, 7]),
        ("at_noise", [""], [5]),
    ],
)
def test_every_variant(run, plan, method, variants, nfe):
    samples, meta = run(method)
    assert list(samples) == variants
    assert [variant["nfe"] for variant in meta["variants"]] == nfe
    assert meta["method"] == method and meta["seeds"] == [3, 4]
    assert meta["models"] == plan.models_of(method)
    for variant, x in zip(meta["variants"], samples.values(), strict=True):
        assert x.shape == (2, 40, 2) and x.dtype == np.float64
        assert variant["largest"] == pytest.approx(np.abs(x).max())
        label = ",".join(f"{key}={value:g}" for key, value in variant["settings"].items())
        assert label == variant["variant"]


@pytest.mark.parametrize("method", ["auto", "at_noise"])
def test_the_choice_of_sigma_is_kept(run, method):
    _, meta = run(method)
    assert [(row["seed"], row["sigma_T"]) for row in meta["curve"]] == [
        (seed, level) for seed in (3, 4) for level in (0.5, 2.0)
    ]
    for e, seed in enumerate((3, 4)):
        own = [row for row in meta["curve"] if row["seed"] == seed]
        nearest = min(own, key=lambda row: row["distance"])["sigma_T"]
        for variant in meta["variants"]:
            assert variant["sigma_T"][e] == nearest


def test_the_onset_is_kept_with_what_was_seen(run):
    _, meta = run("dip")
    for e, seed in enumerate((3, 4)):
        own = {row["sigma_T"]: row["dip_score"] for row in meta["curve"] if row["seed"] == seed}
        for variant in meta["variants"]:
            level = variant["sigma_T"][e]
            assert own[level] <= LARGEST_SCORE and 0.25 <= level <= 16.0


def test_sigma_is_chosen_by_the_training_data(run, results, monkeypatch):
    captured = []

    class Enough(Exception):
        """The rest does not matter here."""

    def select(draw, reference, *_):
        captured.extend(reference)
        raise Enough

    monkeypatch.setattr("tailbench.models.flow_sgm.select_sigma", select)
    with pytest.raises(Enough):
        run("auto")
    assert np.array_equal(captured, read_array(results / "data" / "train.npy"))


def test_samples_are_those_of_the_library(run, results):
    """Seeds depend on the data set and the seed, not on the method: methods are paired."""
    context = SampleContext([seed_for("sample", "toy", seed) for seed in (3, 4)])
    model = SGM.load(results / "models" / "sgm" / BLOCK, device="cpu")
    expected = model.sample_block(40, SGMSampling(sampling_steps=4), context).samples
    assert np.array_equal(run("sgm")[0]["sampling_steps=4"], expected)
    flow = Flow.load(results / "models" / "flow" / BLOCK, device="cpu")
    expected = flow.sample_block(40, FlowSampling(), context).samples
    assert np.array_equal(run("flow")[0][""], expected)


def test_a_model_that_is_missing(run, tmp_path):
    with pytest.raises(InputError, match=r"there is no model in .*flow"):
        run("flow", models=tmp_path / "nowhere")
    assert not (tmp_path / "flow").exists()
