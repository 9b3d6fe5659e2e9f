"""How the stages write arrays: what NumPy reads, row by row."""

import hashlib
import tracemalloc

import numpy as np
import pytest

from tailbench.exceptions import InputError
from tailbench.io import arrays
from tailbench.io.arrays import open_array, read_array, write_array
from tailbench.io.checksums import seal
from tailbench.io.lazy_rows import LazyRows

RNG = np.random.default_rng(0)
ROWS = {
    "train": [RNG.integers(0, 256, (50, 12)).astype(np.uint8) for _ in range(2)],
    "train_labels": [RNG.integers(0, 10, 50) for _ in range(2)],
    "floor": [RNG.standard_normal((7, 3)) for _ in range(2)],
    "empty": [np.empty(0, np.int64)] * 2,
}
TYPES = {"train": np.uint8, "train_labels": np.int64, "floor": np.float64, "empty": np.int64}


@pytest.mark.parametrize("piece", [1, 100, 10**9])
@pytest.mark.parametrize("name", ROWS)
def test_files_are_those_that_numpy_writes(tmp_path, monkeypatch, piece, name):
    monkeypatch.setattr(arrays, "PIECE", piece)
    made = write_array(tmp_path / "ours.npy", ROWS[name])
    np.save(tmp_path / "theirs.npy", np.stack(ROWS[name]).astype(TYPES[name]))
    content = (tmp_path / "ours.npy").read_bytes()
    assert content == (tmp_path / "theirs.npy").read_bytes()
    assert made == hashlib.sha256(content).hexdigest()


def test_pixels_are_from_black_to_white_and_labels_as_they_are(tmp_path):
    for name, rows in ROWS.items():
        write_array(tmp_path / f"{name}.npy", rows)
    seal(tmp_path, [f"{name}.npy" for name in ROWS])
    pixels = read_array(tmp_path / "train.npy")
    assert pixels.dtype == np.float64
    np.testing.assert_allclose(pixels, np.stack(ROWS["train"]) / 127.5 - 1.0)
    labels = open_array(tmp_path / "train_labels.npy")
    np.testing.assert_array_equal(labels, np.stack(ROWS["train_labels"]))
    assert open_array(tmp_path / "empty.npy").shape == (2, 0)


def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "PIECE", 100_000)

    def peak(n):
        lazy = LazyRows(
            lambda rows: np.zeros((len(rows), 1000), np.uint8), np.arange(n), (1000,), np.uint8
        )
        tracemalloc.start()
        write_array(tmp_path / "rows.npy", [lazy])
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    few, many = peak(1000), peak(20_000)
    assert many < few + 400_000  # the numbers of the rows, and not the 20 MB of pixels
    assert np.load(tmp_path / "rows.npy", mmap_mode="r").shape == (1, 20_000, 1000)


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "rows.npy"
    path.write_bytes(b"old")

    def broken(rows):
        raise RuntimeError("an image is damaged")

    with pytest.raises(RuntimeError, match="damaged"):
        write_array(path, [LazyRows(broken, np.arange(9), (4,), np.uint8)])
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_objects_are_not_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", x=np.zeros(2))
    (tmp_path / "b.npz").rename(tmp_path / "b.npy")
    seal(tmp_path, ["a.npy", "b.npy"])
    for name in ("a.npy", "b.npy"):
        with pytest.raises(InputError, match=f"{name} is corrupt"):
            open_array(tmp_path / name)
