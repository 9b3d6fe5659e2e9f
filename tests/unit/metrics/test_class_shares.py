"""Shares of the classes, by a classifier that is made up."""

from pathlib import Path

import numpy as np
import pytest

from tailbench.data import ImageLayout
from tailbench.metrics import fidelity
from tailbench.metrics.base import ImageContext
from tailbench.metrics.class_shares import ClassShares, rarest

SHARES = np.array([0.6, 0.02, 0.35, 0.03])
KNOWN = ImageContext(
    ImageLayout((1, 1, 1), tuple("abcd")), classifier=Path("c.safetensors"), shares=SHARES
)


@pytest.fixture(autouse=True)
def classes_are_pixels(monkeypatch):
    """The class of an image is its only pixel."""

    def features(pixels, space, weights, device, layer):
        assert (space, weights, device, layer) == ("classifier", KNOWN.classifier, "cpu", "logits")
        return np.eye(256, dtype=np.float32)[pixels.ravel(), :4]

    monkeypatch.setattr(fidelity, "features", features)


def shares(counts, known=KNOWN, **settings):
    pixels = np.repeat(np.arange(4), counts)[:, None]
    rows = pixels / 127.5 - 1
    return ClassShares(**settings)(rows, rows[:2], None, np.random.default_rng(0), known)


def test_the_right_shares():
    assert shares([60, 2, 35, 3]) == {"class_tv": pytest.approx(0), "rare_coverage": 1}


def test_rare_classes_that_are_never_drawn():
    found = shares([65, 0, 35, 0])
    assert found == {"class_tv": pytest.approx(0.05), "rare_coverage": 0}


def test_one_rare_class_does_not_stand_for_another():
    """Twice its share does not make up for the other class, which is missing."""
    assert shares([60, 5, 35, 0])["rare_coverage"] == pytest.approx(0.5)
    assert shares([60, 1, 36, 3])["rare_coverage"] == pytest.approx(0.75)


def test_which_classes_are_rare_is_a_setting():
    assert shares([60, 0, 37, 3], rare_fraction=0.02)["rare_coverage"] == 0
    assert shares([100, 0, 0, 0], rare_fraction=1.0)["rare_coverage"] == pytest.approx(0.25)


def test_total_variation_is_one_for_other_classes():
    known = ImageContext(
        KNOWN.images, classifier=KNOWN.classifier, shares=np.array([0.0, 1.0, 0.0, 0.0])
    )
    assert shares([7, 0, 0, 3], known) == {"class_tv": 1, "rare_coverage": 0}


def test_a_classifier_is_needed():
    for known in (ImageContext(KNOWN.images, shares=SHARES), ImageContext(KNOWN.images)):
        with pytest.raises(ValueError, match="needs a classifier"):
            shares([1, 1, 1, 1], known)


@pytest.mark.parametrize(
    ("counts", "together", "classes"),
    [
        ([5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50], 0.05, [9, 8, 7, 6]),
        ([10] * 10, 0.05, [0]),
        ([10] * 10, 0.2, [0, 1]),
        ([3, 0, 7], 0.05, [0]),
        ([3, 0, 7], 1.0, [0, 2]),
    ],
)
def test_the_rarest_classes(counts, together, classes):
    assert rarest(np.array(counts) / sum(counts), together).tolist() == classes
