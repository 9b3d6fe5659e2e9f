"""The stages of images, one after the other, as the workflow runs them."""

import json

import numpy as np
import pandas as pd
import pytest

from fabricate import seal
from tailbench.exceptions import InputError
from tailbench.io.arrays import write_array
from tailbench.io.checksums import read_record
from tailbench.networks import classifier as network
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.stages import classifier, data, evaluate, features

BLOCK = "3-4"
PLAN = Plan(
    parse(
        {
            "datasets": {"tiny": {"type": "digits"}, "gmm": {"n_train": 200, "n_test": 100}},
            "models": ["sgm"],
            "methods": ["sgm"],
            "metrics": {"sliced_wasserstein": {}, "classifier": {}, "class_shares": {}},
        }
    )
)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Data, classifier and features of two seeds."""
    folder = tmp_path_factory.mktemp("results")
    for dataset in PLAN.config.datasets:
        data.run(dataset, BLOCK, PLAN.specs.data(dataset), folder / dataset)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "EPOCHS", 8)
        classifier.run("tiny", BLOCK, folder / "tiny", folder / "features", "cpu")
    spec = PLAN.features.spec("classifier")
    features.run("tiny", BLOCK, "classifier", spec, folder / "tiny", folder / "features", "cpu")
    return folder


def metrics_of(results, output, dataset="tiny", samples=None, family="floor", known="features"):
    spec = PLAN.specs.evaluate(dataset)
    evaluate.run(dataset, family, BLOCK, spec, results / dataset, output, samples, results / known)
    return pd.read_csv(output)


def test_the_classifier(results):
    spec = json.loads((results / "features" / "network" / "classifier.json").read_text())
    assert spec["accuracy"] > 0.9
    assert spec["classes"] == list("0123456789")
    labels = np.load(results / "tiny" / "train_labels.npy")[0]
    assert spec["shares"] == pytest.approx(np.bincount(labels) / len(labels))
    weights = np.bincount(np.load(results / "tiny" / "test_labels.npy")[0])
    assert np.average(spec["accuracy_by_class"], weights=weights) == pytest.approx(spec["accuracy"])


def test_the_features_are_those_of_the_held_out_images(results):
    found = np.load(results / "features" / "classifier" / "features.npy")
    n = np.load(results / "tiny" / "test.npy").shape[1]
    assert found.shape == (1, n, network.FEATURES)
    assert found.dtype == np.float32


def test_real_images_are_better_than_noise(results, tmp_path):
    real = metrics_of(results, tmp_path / "floor.csv")
    assert set(real["seed"]) == {3, 4} and set(real["method"]) == {"floor"}
    n, d = np.load(results / "tiny" / "test.npy").shape[1:]
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 2, n, d)).astype(np.float32)
    variants = ["a=2", "a=10"]  # in this order, which is not that of the alphabet
    write_array(tmp_path / "samples.npy", list(noise))
    made = {"variants": [{"variant": name} for name in variants]}
    seal(tmp_path / "record.json", [tmp_path / "samples.npy"], made)
    bad = metrics_of(results, tmp_path / "bad.csv", "tiny", tmp_path / "samples.npy", "noise")
    assert set(bad["method"]) == {"noise"}
    assert list(dict.fromkeys(bad["variant"])) == variants
    real, bad = (table.groupby("metric")["value"].mean() for table in (real, bad))
    assert set(real.index) == set(bad.index) >= {"fid_classifier", "class_tv", "max_sw1"}
    for name in ("fid_classifier", "kid_classifier", "class_tv"):
        assert real[name] < bad[name]
    for name in ("precision_classifier", "recall_classifier", "rare_coverage"):
        assert real[name] > bad[name]
    assert real["class_tv"] < 0.1 and real["rare_coverage"] > 0.5


def test_seeds_differ_by_their_floor_and_blocks_do_not_matter(results, tmp_path):
    table = metrics_of(results, tmp_path / "floor.csv").set_index(["metric", "seed"])["value"]
    assert table["fid_classifier", 3] != table["fid_classifier", 4]
    again = metrics_of(results, tmp_path / "again.csv").set_index(["metric", "seed"])["value"]
    assert table.equals(again)


def test_data_that_are_no_images_need_no_features(results, tmp_path):
    table = metrics_of(results, tmp_path / "floor.csv", "gmm", known="nowhere")
    assert set(table["metric"]) == {"max_sw1", "mean_sw1"} or "max_sw1" in set(table["metric"])
    assert not table["metric"].str.contains("classifier").any()


def test_missing_features(results, tmp_path):
    with pytest.raises(InputError, match=r"nowhere/network/classifier\.json does not exist"):
        metrics_of(results, tmp_path / "floor.csv", known="nowhere")
    assert not list(tmp_path.iterdir())


def test_missing_and_damaged_samples(results, tmp_path):
    path = tmp_path / "samples.npy"
    with pytest.raises(InputError, match=r"samples\.npy does not exist"):
        metrics_of(results, tmp_path / "a.csv", samples=path)
    write_array(path, [np.zeros((2, 3, 4))])
    seal(path.with_name("record.json"), [path])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"samples\.npy is corrupt"):
        metrics_of(results, tmp_path / "a.csv", samples=path)


def test_data_that_are_no_labelled_images(results, tmp_path):
    with pytest.raises(InputError, match="no labelled images with pixels"):
        classifier.run("gmm", BLOCK, results / "gmm", tmp_path, "cpu")
    with pytest.raises(InputError, match="no images with pixels"):
        features.run("gmm", BLOCK, "classifier", "{}", results / "gmm", tmp_path, "cpu")
    assert not list(tmp_path.iterdir())


def test_held_out_images_that_differ_between_seeds(results, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    meta = read_record(results / "tiny" / "meta.json")
    test = np.load(results / "tiny" / "test.npy")
    test[1, 0, 0] ^= 1
    write_array(folder / "test.npy", list(test))
    seal(folder / "meta.json", [folder / "test.npy"], meta)
    with pytest.raises(InputError, match="the held-out images differ between seeds"):
        features.run("tiny", BLOCK, "classifier", "{}", folder, results / "features", "cpu")


def test_data_that_are_missing_or_damaged(results, tmp_path):
    with pytest.raises(InputError, match=r"meta\.json does not exist"):
        classifier.run("tiny", BLOCK, tmp_path, tmp_path, "cpu")
    meta = read_record(results / "tiny" / "meta.json")
    seal(tmp_path / "meta.json", [], meta)
    with pytest.raises(InputError, match=r"train\.npy does not exist"):
        classifier.run("tiny", BLOCK, tmp_path, tmp_path, "cpu")
    write_array(tmp_path / "train.npy", [np.zeros((2, 64), np.uint8)])
    with pytest.raises(InputError, match=r"SHA256SUMS has no checksum of train\.npy"):
        classifier.run("tiny", BLOCK, tmp_path, tmp_path, "cpu")
    seal(tmp_path / "meta.json", [tmp_path / "train.npy"], meta)
    with pytest.raises(InputError, match=r"train_labels\.npy does not exist"):
        classifier.run("tiny", BLOCK, tmp_path, tmp_path, "cpu")
