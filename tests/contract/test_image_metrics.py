"""What every metric of images promises; a metric that is added is tested by being there."""

import functools
import math

import numpy as np
import pytest
from benchmarks.gpu.made import made_inception

from tailbench import registry
from tailbench.data import ImageLayout
from tailbench.datasets.digits import Digits
from tailbench.interfaces import MetricOutput
from tailbench.metrics.base import ImageContext
from tailbench.metrics.feature_networks import extractor
from tailbench.metrics.fidelity import features
from tailbench.networks import classifier

NAMES = [n for n in registry.names("metrics") if registry.load("metrics", n).space is not None]
SIZES = {"inception": (12, 10), "classifier": (200, 150)}
"""Real images as samples and as reference; Inception is slow."""


@pytest.fixture(scope="module")
def digits():
    return Digits().splits("digits", 0)


@pytest.fixture(scope="module")
def weights(digits, tmp_path_factory):
    """Give the file of a network: a classifier that was trained for long enough, or Inception."""
    folder = tmp_path_factory.mktemp("weights")

    @functools.cache
    def get(space):
        path = folder / space
        if space == "inception":
            made_inception(path)
            return path
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(classifier, "EPOCHS", 6)
            train = digits.train.reshape(-1, *digits.images.shape)
            classifier.fit(train, digits.labels["train"], 10, 0).save(path)
        return path

    yield get
    extractor.cache_clear()


def slow_where_inception(name):
    inception = registry.load("metrics", name).space == "inception"
    return pytest.param(name, marks=pytest.mark.slow if inception else ())


@pytest.fixture(scope="module", params=map(slow_where_inception, NAMES))
def metric(request, weights):
    cls = registry.load("metrics", request.param)
    given = {"weights": str(weights("inception"))} if "weights" in cls.extraction else {}
    return cls(**given)


@pytest.fixture(scope="module")
def case(metric, digits, weights):
    """Real images as samples, others as reference, and what is known of these."""
    n, m = SIZES[metric.space]
    pixels = digits.test[n : n + m].reshape(-1, *digits.images.shape)
    known = ImageContext(
        digits.images,
        {metric.space: features(pixels, metric.space, weights(metric.space))},
        classifier=weights("classifier"),
        shares=np.bincount(digits.labels["train"]) / len(digits.train),
    )
    x, y = (part / 127.5 - 1 for part in (digits.test[:n], digits.test[n : n + m]))
    return x, y, known


def run(metric, x, y, known, seed=0):
    return metric(x, y, None, np.random.default_rng(seed), known)


def test_outputs(metric):
    assert metric.outputs
    for key, output in metric.outputs.items():
        assert isinstance(output, MetricOutput) and output.label
        assert output.better in ("lower", "higher")
        assert key.isidentifier()
        assert key in type(metric).__doc__


def test_the_feature_space_is_known_and_part_of_the_names_of_distances(metric):
    assert metric.space in SIZES
    for key in metric.outputs:
        if key.partition("_")[0] in ("fid", "kid", "precision", "recall"):
            assert key.endswith(f"_{metric.space}")
            assert metric.space in metric.outputs[key].label.lower()


def test_what_features_depend_on_are_settings(metric):
    assert set(metric.extraction) <= set(metric.Settings.model_fields)


def test_says_to_what_it_applies(metric):
    assert metric.applies(None, ImageLayout((1, 8, 8), ("a", "b")))
    assert not metric.applies(None)
    assert not metric.applies(None, ImageLayout((4, 8, 8), ("a", "b"), pixels=False))
    assert metric.applies(None, ImageLayout((1, 8, 8))) != metric.labelled


def test_gives_one_number_per_output(metric, case):
    values = run(metric, *case)
    assert list(values) == list(metric.outputs)
    assert all(type(value) is float and math.isfinite(value) for value in values.values())


def test_is_deterministic_and_leaves_its_input_alone(metric, case):
    x, y, known = case
    before = x.copy(), y.copy()
    assert run(metric, x, y, known) == run(metric, x, y, known)
    assert np.array_equal(x, before[0]) and np.array_equal(y, before[1])


def test_prefers_real_images(metric, case):
    """Real images are better than noise by every output."""
    x, y, known = case
    real = run(metric, x, y, known)
    noise = run(metric, np.random.default_rng(1).uniform(-1, 1, x.shape), y, known)
    if metric.space == "inception":  # few images, random features
        assert noise["fid_inception"] > real["fid_inception"]
        return
    for key, output in metric.outputs.items():
        assert (noise[key] > real[key]) == (output.better == "lower"), key


def test_values_outside_are_cut_off(metric, case):
    x, y, known = case
    assert run(metric, 3 * x, y, known) == run(metric, np.clip(3 * x, -1, 1), y, known)
    assert run(metric, 1e30 * x, y, known) == run(metric, np.sign(x), y, known)


def test_takes_samples_of_another_number_and_single_precision(metric, case):
    x, y, known = case
    assert set(run(metric, x[: len(x) // 2].astype(np.float32), y, known)) == set(metric.outputs)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: np.where(np.arange(len(x))[:, None] == 3, np.nan, x), "not finite"),
        (lambda x: x[:0], "non-empty"),
        (lambda x: x[:, 0], "table"),
        (lambda x: x[:, :-1], "columns"),
    ],
)
def test_bad_samples(metric, case, spoil, message):
    x, y, known = case
    with pytest.raises(ValueError, match=message):
        run(metric, spoil(x), y, known)


def test_what_it_needs_to_know(metric, case):
    x, y, known = case
    with pytest.raises(ValueError, match="need to know what the rows are"):
        run(metric, x, y, None)
    with pytest.raises(ValueError, match=r"no images of shape \(1, 4, 4\)"):
        run(metric, x, y, ImageContext(ImageLayout((1, 4, 4))))
    with pytest.raises(ValueError, match="need"):
        run(metric, x, y, ImageContext(known.images))


def test_distances_need_features_of_the_reference_and_enough_images(metric, case):
    if metric.name == "class_shares":
        pytest.skip("has no reference")
    x, y, known = case
    with pytest.raises(ValueError, match=f"of the {len(y) - 1} images"):
        run(metric, x, y[1:], known)
    with pytest.raises(ValueError, match="3 images are too few"):
        run(metric, x[:3], y, known)
