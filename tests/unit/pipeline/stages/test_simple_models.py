"""A model without gradients from another folder goes through the stages like any other."""

import json

import numpy as np
import pytest

from fabricate import seal
from tailbench import registry
from tailbench.io.arrays import write_array
from tailbench.models.persistence import load_model
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.resources import JobResources
from tailbench.pipeline.stages import sample, train
from tailbench.rng.seeds import seed_for
from tailbench.training.context import SampleContext
from toy_models import ToySampling

PLUGIN = '''
"""A toy from elsewhere."""

from tailbench.registry import register
from toy_models import ToyGaussian, ToySampling

__all__ = ["Toy"]


@register
class Toy(ToyGaussian):
    """A Gaussian of the mean and the covariance of the data."""

    methods = {"toy_gaussian": ToySampling}
'''


@pytest.fixture
def plugin(tmp_path):
    """A folder of plug-ins with one model."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "toy_gaussian.py").write_text(PLUGIN)
    registry.use_plugins([folder])
    yield
    registry.use_plugins([])


def test_it_is_trained_and_sampled(plugin, tmp_path):
    plan = Plan(
        parse(
            {
                "datasets": ["gmm"],
                "models": {"toy": {"type": "toy_gaussian", "shrinkage": 0.2}},
                "methods": {"toy": {"type": "toy_gaussian", "model": "toy", "spread": [1, 2]}},
            }
        )
    )
    need = JobResources(plan, 0)
    assert need.train("gmm", "toy", "0-2").memory >= 900
    assert need.sample("gmm", "toy", "0-2").minutes >= 10

    data, models = tmp_path / "data", tmp_path / "models"
    x = np.random.default_rng(0).standard_t(3.0, (2, 300, 2))
    write_array(data / "train.npy", list(x))
    write_array(data / "test.npy", list(x[:, :50]))
    seal(data / "meta.json", sorted(data.iterdir()), {"images": None, "rows": {"test": 50}})
    folder = models / "toy" / "3-4"
    train.run(
        "gmm", "toy", "3-4", plan.specs.train("toy"), "code", data / "train.npy",
        folder, tmp_path / "state" / "toy", "cpu",
    )  # fmt: skip
    spec = json.loads((folder / "spec.json").read_text())
    assert spec["type"] == "toy_gaussian" and spec["settings"] == {"shrinkage": 0.2}
    assert len(spec["seconds"]) == 2 and min(spec["seconds"]) > 0 and spec["peak_memory_mb"] > 1
    header = "seed,step,loss,val_loss,lr,seconds\n"
    assert (folder / "history.csv").read_text().replace("\r", "") == header

    output = tmp_path / "toy" / "samples.npy"
    sample.run("gmm", "toy", "3-4", plan.specs.sample("toy"), models, data, output, "cpu")
    samples = np.load(output)
    meta = json.loads(output.with_name("record.json").read_text())
    assert [variant["variant"] for variant in meta["variants"]] == ["spread=1", "spread=2"]
    assert meta["variants"][1]["nfe"] == 1
    context = SampleContext([seed_for("sample", "gmm", seed) for seed in (3, 4)])
    loaded = load_model(folder, "cpu").sample_block(50, ToySampling(spread=2.0), context)
    assert np.array_equal(samples[1], loaded.samples)
