"""The digits, and what all sets of images share."""

import numpy as np
import pytest

from tailbench.datasets.digits import Digits
from tailbench.datasets.image_base import LabelledImages, held_out
from tailbench.exceptions import InputError


@pytest.fixture(scope="module")
def splits():
    return Digits().splits("mine", 0)


def test_pixels_are_bytes_from_black_to_white(splits):
    assert splits.images.shape == (1, 8, 8) and splits.images.pixels
    assert splits.train.shape == (1348, 64) and splits.test.shape == splits.floor.shape == (449, 64)
    assert splits.train.dtype == np.uint8
    assert splits.train.min() == 0 and splits.train.max() == 255
    assert len(np.unique(splits.train)) == 17


def test_labels_follow_their_images(splits):
    from sklearn.datasets import load_digits

    found = load_digits()
    known = {row.tobytes(): label for row, label in zip(found.data, found.target, strict=True)}
    assert len(known) == 1797
    for part in ("train", "test", "floor"):
        rows = np.rint(getattr(splits, part) * (16.0 / 255.0))
        assert [known[row.tobytes()] for row in rows] == splits.labels[part].tolist()
    assert splits.images.classes == tuple("0123456789")


def test_too_few_images():
    Digits().check(1348)
    with pytest.raises(InputError, match="1348 images for training, fewer than the 1349"):
        Digits().check(1349)
    with pytest.raises(InputError, match="too few to hold out"):
        held_out(LabelledImages(np.zeros((3, 1, 2, 2), np.uint8)), 0.01, "few")


def test_floor_is_no_larger_than_the_training_set():
    splits = Digits(test_fraction=0.75).splits("mine", 0)
    assert len(splits.train) == len(splits.test) == len(splits.floor) == 449
    assert sorted(map(bytes, splits.floor)) == sorted(map(bytes, splits.train))


def test_the_size_is_known_without_reading():
    train, test = Digits().read()
    shape = Digits().settings.shape()
    assert shape.rows == len(train) + len(test)
    assert shape.dim == shape.side**2 == train.values[0].size
