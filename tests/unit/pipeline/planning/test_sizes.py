"""Sizes that are judged by settings, beside those of what is built."""

import json
import math

import numpy as np
import pytest

from tailbench import registry
from tailbench.data import ImageLayout
from tailbench.pipeline.planning.sizes import DataShape, extent, network
from tailbench.registry import trainable_types

TABLE, IMAGE = DataShape(200, 6), DataShape(200, 64, 8)
UNET = {"network": "unet", "width": 8, "multipliers": [1, 2]}
NETWORKS = [
    ("sgm", {"width": 96, "blocks": 2}, TABLE),
    ("dlpm", {"width": 32, "blocks": 5}, TABLE),
    ("lim", {}, TABLE),
    ("flow", {"width": 48, "layers": 2, "bins": 4}, TABLE),
    ("flow", {"width": 16, "layers": 1, "blocks": 2}, TABLE),
    ("tarflow", {"width": 32, "layers": 2, "depth": 3}, TABLE),
    ("tarflow", {"width": 32, "layers": 4, "depth": 1, "patch": 4}, IMAGE),
    ("sgm", {**UNET, "blocks": 1}, IMAGE),
    ("sgm", {**UNET, "blocks": 2, "width": 16, "multipliers": [1, 2, 2]}, IMAGE),
]


def test_every_model_that_can_be_trained_is_here():
    assert {name for name, _, _ in NETWORKS} == set(trainable_types())


@pytest.mark.parametrize(("name", "settings", "data"), NETWORKS)
def test_parameters_are_nearly_those_of_the_network(name, settings, data):
    rng = np.random.default_rng(0)
    images = ImageLayout((1, data.side, data.side)) if data.side > 1 else None
    x = rng.uniform(-1, 1, (40, data.dim))
    model = registry.load("models", name)(device="cpu", steps=1, batch_size=4, **settings)
    model.fit(x, images=images, quiet=True)
    judged = network(model.settings.model_dump(mode="json"), data).parameters
    assert judged == pytest.approx(model.info["parameters"], rel=0.25)


def test_a_network_of_unknown_kind_is_taken_for_a_perceptron():
    assert network({}, TABLE) == network({"width": 128, "blocks": 3}, TABLE)


@pytest.mark.parametrize("key", ["width", "blocks", "layers", "depth", "heads"])
def test_more_costs_more(key):
    settings = {"width": 32, "blocks": 1, "layers": 2, "depth": 2, "heads": 2, "patch": 2}
    if key == "blocks":
        settings = {"width": 32, "blocks": 1}
    less, more = (network({**settings, key: n * settings[key]}, IMAGE) for n in (1, 2))
    assert more.activations > less.activations
    assert more.operations >= less.operations


def of(type_, **settings):
    return extent(json.dumps({"type": type_, **settings}))


def test_targets_and_sets_have_known_sizes():
    from tailbench.datasets.digits import Digits

    assert of("alpha_stable", alpha=1.7, dim=3, n_train=50, n_test=80) == DataShape(80, 3)
    assert of("returns", series=["sp500", "vix"]).dim == 2
    train, test = Digits().read()
    digits = of("digits")
    assert digits.rows == len(train) + len(test)
    assert digits.dim == digits.side**2 == math.prod(train.values.shape[1:])
    assert of("cifar10_lt", path="x") == DataShape(60_000, 3072, 32)
    assert of("image_folder", path="x", size=16, channels=3).dim == 768


def test_a_file_is_judged_by_its_length(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"1" * 80_000)
    assert of("file", path=str(path), columns=["a", "b"]) == DataShape(10_000, 2)
    missing = of("file", path=str(tmp_path / "none.csv"), columns=None)
    assert missing.rows > 1000 and missing.dim > 1


@pytest.mark.parametrize("kind", ["datasets", "targets"])
def test_every_source_has_a_size(kind):
    for name in registry.names(kind):
        fields = registry.load(kind, name).Settings.model_fields
        needed = {"path": "nowhere", "size": 8}
        settings = {k: v for k, v in needed.items() if k in fields}
        made = registry.load(kind, name).Settings(**settings).model_dump(mode="json")
        found = of(name, **made)
        assert found.rows >= 2 and found.dim >= 1
