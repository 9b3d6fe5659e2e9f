"""The presets of large images, from data to metrics, on a few made images and tiny networks."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from safetensors.numpy import save_file

from repository import ROOT
from tailbench.models.sgm import SGM
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.stages import data, evaluate, sample, train

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
FEW = {"train_steps": 2, "validate_every": 1, "batch_size": 4}
TINY = {
    "sgm": {**FEW, "width": 8, "num_blocks": 1, "multipliers": [1, 2], "attention": []},
    "tarflow": {**FEW, "width": 8, "heads": 2, "layers": 1, "depth": 1, "patch": 8},
}


def faces(folder):
    for i in range(21):
        pixels = RNG.integers(0, 256, (64, 64, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return {"path": str(folder)}


def latents(folder):
    labels = np.array([7, 999, *range(151, 269), 137])  # dogs among others
    x = RNG.standard_normal((len(labels), 4, 16, 16)).astype(np.float32)
    save_file({"latents": x, "labels": labels}, folder / "a.safetensors")
    return {"path": str(folder), "side": 16}


PRESETS = {"images-ffhq64": ("ffhq", faces, 18), "images-imagenet512": ("dogs", latents, 106)}
"""The data set, what makes it, and how many of its rows are trained on."""


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_from_data_to_metrics(preset, tmp_path):
    dataset, make, rows = PRESETS[preset]
    config = yaml.safe_load((ROOT / "presets" / f"{preset}.yaml").read_text())
    source = tmp_path / "source"
    source.mkdir()
    config["datasets"] = {dataset: config["datasets"][dataset] | make(source)}
    config["models"] = {name: given | TINY[name] for name, given in config["models"].items()}
    config["methods"]["sgm"]["sampling_steps"] = [2, 3]
    config["methods"]["flow_sgm"] |= {"sigma_T": [1.0], "sampling_steps": [2]}
    config["metrics"] = {"sliced_wasserstein": {"directions": 4, "steps": 2, "starts": 1}}
    plan, results = Plan(parse(config)), tmp_path / "results"
    data.run(dataset, "0", plan.specs.data(dataset), results / "data")
    assert np.load(results / "data" / "train.npy", mmap_mode="r").shape[1] == rows
    for model in plan.models:
        trained(plan, dataset, model, results)
    table = pd.concat([scored(plan, dataset, method, results) for method in plan.config.methods])
    assert (
        set(table["method"]) == {"sgm", "flow", "flow_sgm"} and len(table["variant"].unique()) == 4
    )
    assert np.isfinite(table["value"]).all() and (table["value"] > 0).all()

    # the same with the denoiser of the first run, by its folder
    folder = results / "models" / "sgm" / "0"
    plan = Plan(parse(config | {"models": config["models"] | {"sgm": {"frozen": str(folder)}}}))
    other = tmp_path / "again"
    (results / "data").rename(tmp_path / "data")
    other.mkdir()
    (tmp_path / "data").rename(other / "data")
    trained(plan, dataset, "sgm", other)
    own, taken = SGM.load(folder), SGM.load(other / "models" / "sgm" / "0")
    assert taken.info["seconds"] == [0.0] and taken.history == []
    options = {"sampling_steps": 2, "seed": 5}
    np.testing.assert_array_equal(taken.sample(3, **options), own.sample(3, **options))


def trained(plan, dataset, model, results):
    train.run(
        dataset, model, "0", plan.specs.train(model, dataset), "code",
        results / "data" / "train.npy", results / "models" / model / "0",
        results / "state" / model, "cpu",
    )  # fmt: skip


def scored(plan, dataset, method, results):
    drawn = results / "samples" / method / "samples.npy"
    drawn.parent.mkdir(parents=True)
    spec = plan.specs.sample(method)
    sample.run(dataset, method, "0", spec, results / "models", results / "data", drawn, "cpu")
    assert json.loads(drawn.with_name("record.json").read_text())["variants"]
    output = results / f"{method}.csv"
    spec = plan.specs.evaluate(dataset)
    evaluate.run(dataset, method, "0", spec, results / "data", output, drawn)
    return pd.read_csv(output, keep_default_na=False)
