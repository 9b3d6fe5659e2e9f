"""The classifier whose features compare images."""

import itertools

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tailbench.datasets.digits import Digits
from tailbench.exceptions import InputError
from tailbench.networks import classifier
from tailbench.networks.classifier import FEATURES, Classifier, fit


@pytest.fixture(scope="module")
def digits():
    """Images and labels to train on, and to test on."""
    splits = Digits().splits("digits", 0)
    return [
        (getattr(splits, part).reshape(-1, *splits.images.shape), splits.labels[part])
        for part in ("train", "test")
    ]


def weights(network):
    return network.state_dict()


def test_it_learns_digits(digits):
    train, (pixels, labels) = digits
    network = fit(*train, 10, seed=1)
    assert not network.training
    found = network.predict(pixels)
    assert found.shape == labels.shape and found.dtype == np.int64
    assert np.mean(found == labels) > 0.95


def test_the_seed_makes_the_weights(digits, monkeypatch):
    monkeypatch.setattr(classifier, "EPOCHS", 1)
    pixels, labels = digits[0][0][:300], digits[0][1][:300]
    before = torch.get_rng_state()
    first, again, other = (weights(fit(pixels, labels, 10, seed)) for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (2, 5, 9), (1, 2, 2)]
)
def test_images_of_every_size(shape, monkeypatch):
    monkeypatch.setattr(classifier, "MOST_STEPS", 1)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, *shape), dtype=np.uint8)
    network = fit(pixels, np.array([0, 1, 2, 0, 1, 2]), 3, seed=0)
    features, logits = network(torch.from_numpy(pixels))
    assert features.shape == (6, FEATURES) and logits.shape == (6, 3)
    assert network.predict(pixels).shape == (6,)


def test_shifts_repeat_the_edge():
    def places(shift):
        return np.clip(np.arange(16) + shift, 0, 15)

    batch = torch.arange(2 * 16 * 16).reshape(2, 1, 16, 16).to(torch.uint8)
    seen = set()
    for seed in range(30):
        shifted = classifier._shifted(batch, torch.Generator().manual_seed(seed))
        assert shifted.shape == batch.shape and shifted.dtype == batch.dtype
        for before, after in zip(batch, shifted, strict=True):
            found = [
                (down, right)
                for down, right in itertools.product(range(-2, 3), repeat=2)
                if torch.equal(before[:, places(down)][:, :, places(right)], after)
            ]
            assert len(found) == 1
            seen.update(found)
    assert len(seen) > 15


def test_saved_and_loaded(tmp_path):
    network = Classifier((3, 12, 10), 7).eval()
    path = tmp_path / "folder" / "classifier.safetensors"
    network.save(path)
    loaded = Classifier.load(path)
    assert not loaded.training and loaded.shape == (3, 12, 10) and loaded.classes == 7
    assert all(torch.equal(weights(loaded)[key], value) for key, value in weights(network).items())


def test_bad_files(tmp_path):
    path = tmp_path / "classifier.safetensors"
    with pytest.raises(InputError, match=r"classifier\.safetensors does not exist"):
        Classifier.load(path)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="is damaged or no classifier"):
        Classifier.load(path)
    save_file({"x": torch.zeros(2)}, path)
    with pytest.raises(InputError, match="is damaged or no classifier"):
        Classifier.load(path)
