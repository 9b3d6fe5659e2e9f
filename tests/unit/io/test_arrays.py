"""How the stages write arrays: what the library reads, row by row."""

import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import load_file

from fabricate import seal
from tailbench.io import arrays
from tailbench.io.arrays import read_arrays, write_arrays, write_rows
from tailbench.io.lazy_rows import LazyRows

RNG = np.random.default_rng(0)
ROWS = {
    "train": [RNG.integers(0, 256, (50, 12)).astype(np.uint8) for _ in range(2)],
    "train_labels": [RNG.integers(0, 10, 50) for _ in range(2)],
    "floor": [RNG.standard_normal((7, 3)) for _ in range(2)],
}


@pytest.mark.parametrize("piece", [1, 100, 10**9])
def test_rows_are_what_the_library_would_write(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(arrays, "PIECE", piece)
    write_rows(tmp_path / "rows", ROWS)
    write_arrays(tmp_path / "whole", {key: np.stack(parts) for key, parts in ROWS.items()})
    rows, whole = load_file(tmp_path / "rows"), load_file(tmp_path / "whole")
    assert rows.keys() == whole.keys()
    for key, value in whole.items():
        assert rows[key].dtype == value.dtype
        np.testing.assert_array_equal(rows[key], value)


def test_pixels_are_from_black_to_white_and_labels_as_they_are(tmp_path):
    write_rows(tmp_path / "rows", ROWS)
    seal(tmp_path / "rows.json", [tmp_path / "rows"])
    found = read_arrays(tmp_path / "rows")
    np.testing.assert_allclose(found["train"], np.stack(ROWS["train"]) / 127.5 - 1.0)
    np.testing.assert_array_equal(found["train_labels"], np.stack(ROWS["train_labels"]))


def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "PIECE", 100_000)

    def peak(n):
        lazy = LazyRows(
            lambda rows: np.zeros((len(rows), 1000), np.uint8), np.arange(n), (1000,), np.uint8
        )
        tracemalloc.start()
        write_rows(tmp_path / "rows", {"train": [lazy]})
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    few, many = peak(1000), peak(20_000)
    assert many < few + 400_000  # the numbers of the rows, and not the 20 MB of pixels
    assert load_file(tmp_path / "rows")["train"].shape == (1, 20_000, 1000)


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "rows"
    path.write_bytes(b"old")

    def broken(rows):
        raise RuntimeError("an image is damaged")

    with pytest.raises(RuntimeError, match="damaged"):
        write_rows(path, {"train": [LazyRows(broken, np.arange(9), (4,), np.uint8)]})
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
