"""How large data and networks are, judged by a configuration alone.

Nothing is read but the length of a user's file, and no torch is imported: the Snakefile asks this
module for every job.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tailbench.registry import source, source_kind

__all__ = ["DataShape", "Network", "extent", "network"]

IMAGES = {"digits": 1797, "mnist": 70_000, "fashion_mnist": 70_000, "cifar10_lt": 60_000}
SHAPES = {"digits": (1, 8, 8), "cifar10_lt": (3, 32, 32)}
UNKNOWN_ROWS, UNKNOWN_DIM = 100_000, 32


@dataclass(frozen=True)
class DataShape:
    """The size of the data of one member.

    Attributes:
        rows: Rows of the larger of the training and the held-out data.
        dim: Dimension ``d``.
        side: Height and width, where rows are images.
    """

    rows: int
    dim: int
    side: int = 1


@dataclass(frozen=True)
class Network:
    """What a network costs.

    Attributes:
        parameters: Number of parameters.
        operations: Multiplications and additions to evaluate it at one sample.
        activations: Numbers that are kept for the gradient at one sample.
        calls: Kernels that a GPU starts one after another, in units of a small perceptron's.
    """

    parameters: float
    operations: float
    activations: float
    calls: float = 1.0


@cache
def extent(spec: str) -> DataShape:
    """Give the size of a dataset, as far as its settings tell without reading it.

    Args:
        spec: Type and settings, as JSON.
    """
    entry = json.loads(spec)
    type_ = entry["type"]
    if source_kind(type_) == "targets":
        rows = max(entry.get("n_train", 0), entry.get("n_test", 0))
        return DataShape(rows or UNKNOWN_ROWS, int(source(entry).dim))
    if type_ in IMAGES:
        channels, side, _ = SHAPES.get(type_, (1, 28, 28))
        return DataShape(IMAGES[type_], channels * side * side, side)
    if "size" in entry and "channels" in entry:  # a folder of images
        side = int(entry["size"])
        return DataShape(UNKNOWN_ROWS, int(entry["channels"]) * side * side, side)
    if type_ == "latents":
        return DataShape(UNKNOWN_ROWS, 4 * 32 * 32, 32)
    if "series" in entry:
        return DataShape(8000, len(entry["series"]))
    columns = entry.get("columns")
    dim = len(columns) if columns else UNKNOWN_DIM
    try:
        rows = math.ceil(Path(entry["path"]).stat().st_size / (4 * dim))
    except (KeyError, OSError):
        rows = UNKNOWN_ROWS
    return DataShape(max(rows, 2), dim)


def network(settings: Mapping[str, Any], data: DataShape) -> Network:
    """Give what the network of a model costs, judged by the names of its settings.

    Args:
        settings: Completed settings of the model.
        data: Size of the data.
    """
    width, dim = float(settings.get("width", 128)), data.dim
    if settings.get("network") == "unet":
        return _unet(settings, data)
    if "patch" in settings and "depth" in settings:
        patch = int(settings["patch"]) if data.side > 1 else 1
        tokens = max((data.side // patch) ** 2, 1) if data.side > 1 else dim
        size, layers = dim / tokens, settings["layers"] * settings["depth"]
        places = settings["layers"] * (tokens * width + 3 * size * width)
        parameters = layers * 12 * width**2 + places
        return Network(
            parameters,
            2 * tokens * (layers * 12 * width**2 + 3 * size * width) + 4 * layers * tokens**2,
            tokens * layers * (16 * width + settings.get("heads", 1) * tokens),
            layers,
        )
    blocks = float(settings.get("blocks", 3))
    if "bins" in settings:  # pairs of couplings
        pairs, spline = float(settings["layers"]), 3.0 * settings["bins"]
        couplings = 2 * pairs
        parameters = couplings * (2 * blocks * width**2 + width * dim * (1 + spline / 2))
        kept = couplings * (width * (2 + 4 * blocks) + 40 * dim * spline / 2)
        return Network(parameters, 2 * parameters + 40 * kept, kept, 6 * couplings)
    parameters = blocks * (2 * width**2 + 32 * width) + 3 * dim * width
    return Network(parameters, 2 * parameters, width * (2 + 6 * blocks) + 8 * dim)


def _unet(settings: Mapping[str, Any], data: DataShape) -> Network:
    """Give what a U-Net costs: residual blocks of two convolutions of 3 by 3 on each level."""
    width, blocks = float(settings["width"]), float(settings["blocks"])
    levels = settings.get("multipliers", (1, 2, 2))
    parameters = operations = activations = 0.0
    for level, factor in enumerate(levels):
        channels, pixels = factor * width, (data.side / 2**level) ** 2
        below = levels[level + 1] * width if level + 1 < len(levels) else channels
        down = blocks * 18 * channels**2
        up = (blocks + 1) * 9 * (channels**2 + channels * (channels + below))
        middle = 36 * channels**2 if level + 1 == len(levels) else 9 * channels**2
        told = 2 * (2 * blocks + 1) * 4 * width * channels
        parameters += down + up + middle + told
        operations += 2 * pixels * (down + up + middle)
        activations += pixels * channels * 12 * (2 * blocks + 2)
    kept = 0.3 if settings.get("checkpointing") else 1.0
    return Network(parameters, operations, kept * activations, 20 * len(levels) * blocks)
