"""Features of images and distances between them, by torch-fidelity."""

import io
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.metrics.base import ImageContext
from tailbench.metrics.feature_networks import extractor, torch_fidelity
from tailbench.metrics.fidelity import distances, features
from tailbench.metrics.inception import Inception
from tailbench.networks.classifier import Classifier

K = 6


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (8, 1, 8, 8), dtype=np.uint8)


@pytest.fixture(scope="module")
def inception_state():
    """Random weights of Inception."""
    torch_fidelity()
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Untrained(FeatureExtractorInceptionV3):
        def load_state_dict(self, state):
            pass

    empty = io.BytesIO()
    torch.save({}, empty)
    empty.seek(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = Untrained("inception-v3-compat", ["2048"], feature_extractor_weights_path=empty)
    return made.state_dict()


def compare(made, real, **changes):
    settings = {"k": 3, "subsets": 4, "subset_size": 50, "seed": 0} | changes
    return distances(made, real, **settings)


def correlated(rng, n, shift=0.0):
    mix = np.random.default_rng(1).standard_normal((K, K))
    return (rng.standard_normal((n, K)) @ mix + shift).astype(np.float32)


# The import


def test_torch_fidelity_can_be_imported_beside_any_build_of_torch():
    code = (
        "from tailbench.metrics.feature_networks import torch_fidelity\n"
        "made = torch_fidelity()\n"
        "assert made is torch_fidelity()\n"
        "from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY as known\n"
        "print(made.__version__, 'tailbench-classifier' in known)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    version, known = done.stdout.split()
    assert version.startswith("0.4.") and known == "True"


# Distances


@pytest.mark.parametrize("n", [40, 400])
def test_fid_is_that_of_the_definition(rng, n):
    from scipy.linalg import sqrtm

    made, real = correlated(rng, n, shift=0.3), 1.5 * correlated(rng, 300)
    (m, c), (w, s) = (
        (x.astype(float).mean(0), np.cov(x.astype(float), rowvar=False)) for x in (made, real)
    )
    expected = ((m - w) ** 2).sum() + np.trace(c + s - 2 * np.real(sqrtm(c @ s)))
    assert compare(made, real, subset_size=20)["fid"] == pytest.approx(expected, rel=1e-8)


def test_fid_with_fewer_images_than_features(rng):
    """The covariances are singular; the value is finite, and zero for the same set."""
    made, real = correlated(rng, 5), correlated(rng, 4)
    assert compare(made, real, subset_size=4)["fid"] > 0
    assert compare(made, made, subset_size=4)["fid"] == pytest.approx(0, abs=1e-6)


def test_kid_is_that_of_the_definition(rng):
    made, real = correlated(rng, 50, shift=0.5), correlated(rng, 50)

    def kernel(x, y):
        return (x.astype(float) @ y.astype(float).T / K + 1) ** 3

    within = [(k.sum() - np.trace(k)) / (50 * 49) for k in (kernel(made, made), kernel(real, real))]
    expected = sum(within) - 2 * kernel(made, real).mean()
    assert compare(made, real)["kid"] == pytest.approx(expected, rel=1e-9)


def test_the_seed_draws_the_subsets(rng):
    made, real = correlated(rng, 90), correlated(rng, 80)
    first = compare(made, real, seed=1)
    assert first == compare(made, real, seed=1)
    other = compare(made, real, seed=2**32 - 1)
    assert other.pop("kid") != first.pop("kid")
    assert other == first


def test_kid_has_no_bias(rng):
    values = [
        compare(correlated(rng, 60), correlated(rng, 60), seed=seed)["kid"] for seed in range(60)
    ]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_precision_and_recall(rng):
    real = np.concatenate([correlated(rng, 100), correlated(rng, 100, shift=1000)])
    assert compare(real, real)["precision"] == compare(real, real)["recall"] == 1
    apart = compare(real - 1e5, real)
    assert apart["precision"] == apart["recall"] == 0
    one_half = compare(real[:100], real)
    assert one_half["precision"] == 1 and one_half["recall"] == pytest.approx(0.5)
    half_bad = compare(np.concatenate([real, real - 1e5]), real)
    assert half_bad["precision"] == pytest.approx(0.5) and half_bad["recall"] == 1


def test_precision_and_recall_are_those_of_the_definition(rng, monkeypatch):
    monkeypatch.setattr("tailbench.metrics.fidelity.PAIRS", 17)
    made, real = correlated(rng, 60, shift=0.5), correlated(rng, 50)

    def gaps(x, y):
        return np.linalg.norm(x[:, None].astype(float) - y[None], axis=2)

    def inside(x, y, neighbour):
        return (gaps(x, y) <= np.sort(gaps(y, y), axis=1)[:, neighbour]).any(1).mean()

    for neighbour in (1, 3):
        found = compare(made, real, k=neighbour)
        assert found["precision"] == pytest.approx(inside(made, real, neighbour))
        assert found["recall"] == pytest.approx(inside(real, made, neighbour))


# Features


def test_features_of_the_classifier(pixels, tmp_path):
    network = Classifier((1, 8, 8), 4).eval()
    path = tmp_path / "classifier.safetensors"
    network.save(path)
    with torch.no_grad():
        expected = network(torch.from_numpy(pixels))
    for layer, values in zip((None, "logits"), expected, strict=True):
        found = features(pixels, "classifier", path, layer=layer)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, values.numpy(), rtol=1e-5, atol=1e-6)
    apart = features(pixels, "classifier", path, batch_size=3)
    np.testing.assert_allclose(apart, expected[0].numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_inception_from_end_to_end(inception_state, pixels, rng, tmp_path):
    """Random weights, from a file, and the metric on top of them."""
    paths = [tmp_path / "weights.pth", tmp_path / "weights.safetensors"]
    torch.save(inception_state, paths[0])
    save_file({key: value.contiguous() for key, value in inception_state.items()}, paths[1])
    real = features(pixels, "inception", paths[0], batch_size=3)
    assert real.shape == (8, 2048) and real.dtype == np.float32 and real.std(0).max() > 0
    colour = features(np.repeat(pixels[:2], 3, axis=1), "inception", paths[1])
    np.testing.assert_allclose(colour, real[:2], rtol=1e-3, atol=1e-5)

    known = ImageContext(ImageLayout((1, 8, 8)), {"inception": real})
    metric = Inception(weights=str(paths[0]), subsets=2, batch_size=4)
    rows = pixels.reshape(8, -1) / 127.5 - 1
    same = metric(rows, rows, None, rng, known)
    assert list(same) == list(metric.outputs)
    assert same["fid_inception"] == pytest.approx(0, abs=1e-3 * float(np.var(real, 0).sum()))
    assert same["precision_inception"] == same["recall_inception"] == 1
    black = metric(-np.ones((5, 64)), rows, None, rng, known)
    assert black["fid_inception"] > same["fid_inception"]
    assert black["recall_inception"] == 0
    extractor.cache_clear()


def test_weights_are_read_without_running_code(pixels, tmp_path):
    """Unpickling is what torch-fidelity itself would do."""
    path = tmp_path / "weights.pth"
    torch.save({"weight": Path("x")}, path)
    with pytest.raises(InputError, match=r"weights\.pth holds no weights that can be read"):
        features(pixels, "inception", path)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_bad_files_of_weights(name, pixels, tmp_path):
    path = tmp_path / name
    with pytest.raises(InputError, match=rf"the weights of Inception .*{name} do not exist"):
        features(pixels, "inception", path)
    for content in (b"", b"nothing of the kind"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"{name} holds no weights that can be read"):
            features(pixels, "inception", path)


def test_weights_of_another_network(pixels, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(InputError, match=r"weights\.safetensors does not fit inception-v3-compat"):
        features(pixels, "inception", path)


def test_weights_are_downloaded_if_no_file_is_named(pixels, monkeypatch):
    asked = []

    def load(url, **options):
        asked.append((url, options))
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", load)
    with pytest.raises(InputError, match=r"cannot be downloaded \(no route to host\).*`weights`"):
        features(pixels, "inception")
    ((url, options),) = asked
    assert "inception" in url
    assert options["weights_only"] and options["check_hash"]


def test_inception_takes_grey_and_colour_only(tmp_path):
    with pytest.raises(InputError, match="1 or 3 channels, not of 4"):
        features(np.zeros((2, 4, 8, 8), np.uint8), "inception")
