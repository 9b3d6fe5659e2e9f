"""Rows that lie on the disk, and how sets of images treat them."""

import numpy as np
import pytest

from tailbench.datasets.image_base import CHECKED_AT_ONCE, ImageDataset, LabelledImages, held_out
from tailbench.exceptions import InputError
from tailbench.io.lazy_rows import LazyRows

N = 3 * CHECKED_AT_ONCE
VALUES = np.random.default_rng(0).integers(0, 256, (N, 2, 3, 4)).astype(np.uint8)


class Disk:
    """Counts what is read at once."""

    def __init__(self, values=VALUES, bad=None):
        self.values, self.bad, self.most, self.total = values, bad, 0, 0

    def read(self, rows):
        self.most, self.total = max(self.most, len(rows)), self.total + len(rows)
        if self.bad in rows:
            raise InputError(f"row {self.bad} is bad")
        return self.values[rows]

    def array(self):
        return LazyRows(self.read, np.arange(len(self.values)), self.values.shape[1:], np.uint8)


def test_is_indexed_like_an_array():
    lazy = Disk().array()
    assert len(lazy) == N and lazy.shape == VALUES.shape and lazy.dtype == np.uint8
    rows = np.array([7, 2, 2, -1])
    for index in (0, -1, slice(3, 9), slice(None, None, 50), slice(4, 4), rows):
        assert np.array_equal(lazy[index], VALUES[index]), index
        assert np.array_equal(lazy.take(rows).reshape(4, -1)[:2], VALUES[rows].reshape(4, -1)[:2])
    with pytest.raises(IndexError):
        lazy[N]
    assert len(list(lazy)) == N


def test_rows_become_vectors():
    lazy, flat = Disk().array(), VALUES.reshape(N, -1)
    for shape in ((N, -1), (N, 24)):
        assert np.array_equal(lazy.reshape(*shape)[5:9], flat[5:9])
    for shape in ((N, 12), (-1, 24), (N, 6, 4)):
        with pytest.raises(ValueError, match="become vectors only"):
            lazy.reshape(*shape)


def test_becomes_an_array():
    lazy = Disk().array().reshape(N, -1)
    flat = VALUES.reshape(N, -1)
    assert np.array_equal(np.asarray(lazy), flat) and np.asarray(lazy).dtype == np.uint8
    assert np.asarray(lazy, np.float32).dtype == np.float32
    assert np.array_equal(np.stack([lazy, lazy]), np.stack([flat, flat]))
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(lazy, copy=False)


class Toy(ImageDataset):
    name = "toy"

    def __init__(self, disk):
        super().__init__()
        self.disk = disk

    def read(self):
        labels = np.arange(N) % 10
        return held_out(LabelledImages(self.disk.array(), labels), 0.25, self.name)


def test_splits_read_nothing():
    disk = Disk()
    splits = Toy(disk).splits("mine", 0)
    assert disk.total == 0
    assert splits.train.shape == (3 * N // 4, 24) and splits.test.shape == splits.floor.shape
    assert splits.train[:2].shape == (2, 24) and disk.total == 2
    known = {row.tobytes(): i % 10 for i, row in enumerate(VALUES)}
    for part in ("train", "test", "floor"):
        rows = getattr(splits, part)[:]
        assert [known[row.tobytes()] for row in rows] == splits.labels[part].tolist()


def test_check_reads_all_and_keeps_little():
    disk = Disk()
    Toy(disk).check(10)
    assert disk.total == N and disk.most == CHECKED_AT_ONCE
    for bad in (0, 100, N - 1):
        with pytest.raises(InputError, match=f"row {bad} is bad"):
            Toy(Disk(bad=bad)).check(10)
    with pytest.raises(TypeError, match="not both"):
        ImageDataset.__init__(Toy(disk), object(), other=1)
