"""Pieces of clothing of 28 by 28 pixels."""

from __future__ import annotations

from typing import ClassVar

from tailbench.datasets.idx_files import IdxDataset
from tailbench.registry import register

__all__ = ["FashionMNIST"]


@register
class FashionMNIST(IdxDataset):
    """Fashion-MNIST: clothes of a shop, 60,000 grey images to train on and 10,000 to test on.

    White on black, 28 by 28 pixels, in ten classes of equal size; the official split. Debian
    has the files in its package ``dataset-fashion-mnist``.

    References:
        Xiao, Rasul and Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine
        learning algorithms, 2017 (arXiv:1708.07747).
    """

    classes: ClassVar[tuple[str, ...]] = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
