"""Images in IDX files: Fashion-MNIST, the real files where they are installed."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tailbench.datasets.fashion_mnist import FashionMNIST
from tailbench.exceptions import InputError

INSTALLED = Path("/usr/share/datasets/fashion-mnist")


def idx(array):
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def write(folder, train=30, test=12, size=28, pattern="{part}-{what}-{idx}-ubyte.gz"):
    """Write four files with random images, and give what they hold."""
    rng = np.random.default_rng(1)
    held = {}
    for part, n in (("train", train), ("t10k", test)):
        images = rng.integers(0, 256, (n, size, size)).astype(np.uint8)
        labels = rng.integers(0, 10, n).astype(np.uint8)
        for what, array, kind in (("images", images, "idx3"), ("labels", labels, "idx1")):
            path = folder / pattern.format(part=part, what=what, idx=kind)
            path.write_bytes(gzip.compress(idx(array)) if path.suffix == ".gz" else idx(array))
            held[part, what] = array
    return held


PATTERNS = [f"{{part}}-{{what}}{sign}{{idx}}-ubyte{end}" for sign in "-." for end in (".gz", "")]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_official_split(tmp_path, pattern):
    held = write(tmp_path, pattern=pattern)
    dataset = FashionMNIST(path=str(tmp_path))
    assert all(path.is_file() for path in dataset.files()) and len(dataset.files()) == 4
    splits = dataset.splits("mine", 0)
    assert splits.images.shape == (1, 28, 28) and splits.images.pixels
    assert len(splits.images.classes) == 10 and splits.images.classes[9] == "Ankle boot"
    for name, part in (("train", "train"), ("test", "t10k")):
        rows = getattr(splits, name)
        assert rows.dtype == np.uint8
        assert np.array_equal(rows, held[part, "images"].reshape(len(rows), -1))
        assert np.array_equal(splits.labels[name], held[part, "labels"])


def test_failures_name_the_file(tmp_path):
    dataset = FashionMNIST(path=str(tmp_path / "none"))
    assert [path.name for path in dataset.files()] == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ]
    with pytest.raises(InputError, match=r"none/train-images-idx3-ubyte\.gz does not exist"):
        dataset.check(1)

    write(tmp_path, size=32)
    with pytest.raises(InputError, match=r"train-images\S+ has images of 32 by 32 pixels"):
        FashionMNIST(path=str(tmp_path)).check(1)

    write(tmp_path)
    FashionMNIST(path=str(tmp_path)).check(30)
    with pytest.raises(InputError, match=f"{tmp_path} has 30 images for training"):
        FashionMNIST(path=str(tmp_path)).check(31)

    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    whole = labels.read_bytes()
    labels.write_bytes(whole[:-6])
    with pytest.raises(InputError, match="t10k-labels"):
        FashionMNIST(path=str(tmp_path)).check(1)
    labels.write_bytes(gzip.compress(idx(np.full(12, 10, np.uint8))))
    with pytest.raises(InputError, match=r"t10k-labels\S+ has the label 10"):
        FashionMNIST(path=str(tmp_path)).check(1)
    labels.unlink()
    with pytest.raises(InputError, match=r"t10k-labels\S+ does not exist"):
        FashionMNIST(path=str(tmp_path)).check(1)


@pytest.mark.skipif(
    not INSTALLED.is_dir(), reason="the Debian package dataset-fashion-mnist is not installed"
)
def test_the_real_files():
    dataset = FashionMNIST(path=str(INSTALLED))
    dataset.check(60_000)
    splits = dataset.splits("mine", 0)
    assert splits.train.shape == (60_000, 784) and splits.test.shape == (10_000, 784)
    assert np.bincount(splits.labels["train"]).tolist() == [6_000] * 10
    assert np.bincount(splits.labels["test"]).tolist() == [1_000] * 10
    assert splits.images.classes[splits.labels["train"][0]] == "Ankle boot"
    assert splits.train.mean() / 255 == pytest.approx(0.2860, abs=1e-4)
