"""Samples of images beside real ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.data import ImageLayout, as_bytes, as_values
from tailbench.plots import base, style
from tailbench.plots.sample_sets import Samples, SampleSets, by_seed
from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ImageGrid", "image_grid", "mosaic"]

PIXELS = 64  # sides of a mosaic are about this long for small images
LEAST, MOST = 4, 8  # images in a row of a mosaic


@style.theme()
def image_grid(
    samples: Samples, reference: ArrayLike, shape: tuple[int, int, int], *, row: int | None = None
) -> Figure:
    """Draw a mosaic of the first images of the first seed: real ones, and of every variant.

    Args:
        samples: Samples by method or :class:`~tailbench.data.Variant`, each of shape ``(n, d)``
            or ``(E, n, d)``: values from -1 to 1, or bytes; what lies outside is cut off.
        reference: Held-out images, of the same form.
        shape: Channels (1 or 3), height and width; their product is ``d``.
        row: Images in a row; by their size, and no more than their number asks for, if left out.

    Raises:
        ValueError: If an array has another shape.
    """
    sets = SampleSets(samples)
    shown = list(sets)
    held_out = by_seed(reference, "the reference")
    fits = min(max(round(PIXELS / max(shape[1:])), LEAST), MOST)
    row = row or max(min(fits, math.ceil(math.sqrt(held_out.shape[1]))), 1)
    figure, grid = style.panels(len(sets) + 1, columns=5, height=2.3)
    titles = ["real data (held out)", *map(style.title, shown)]
    for i, (axes, title) in enumerate(zip(grid, titles, strict=True)):
        x = held_out if i == 0 else sets[shown[i - 1]]
        axes.imshow(mosaic(as_values(x[0, : row * row]), shape, row), interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(title, fontsize=8.5)
    return figure


def mosaic(images: NDArray[Any], shape: tuple[int, int, int], row: int) -> NDArray[np.uint8]:
    """Build a square of the first ``row^2`` images, with white lines between them.

    Args:
        images: Values from -1 to 1, shape ``(n, d)``.
        shape: Channels, height and width.
        row: Images in a row.

    Returns:
        Bytes, shape ``(rows, columns, 3)``; places without an image are white.
    """
    c, h, w = shape
    canvas = np.full((row * (h + 1) - 1, row * (w + 1) - 1, 3), 255, np.uint8)
    for i, image in enumerate(as_bytes(images[: row * row]).reshape(-1, c, h, w)):
        y, x = (i // row) * (h + 1), (i % row) * (w + 1)
        canvas[y : y + h, x : x + w] = np.moveaxis(image, 0, -1)
    return canvas


@register
class ImageGrid(base.Figure):
    """Images: real ones, and the first samples of every variant."""

    needs: ClassVar[frozenset[base.Need]] = frozenset(
        {base.Need.FIRST_DATA, base.Need.FIRST_SAMPLES}
    )
    caption: ClassVar[str] = (
        "Held-out images and samples of the first seed, none of them chosen: the first ones. "
        "Values outside of black and white are cut off."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw a mosaic per variant; ``None`` if the data are no images."""
        first = data.first_block
        layout = ImageLayout.of(first.meta(dataset).get("images"))
        samples = first.samples(dataset)
        if layout is None or not layout.pixels or layout.shape[0] not in (1, 3) or not samples:
            return None
        return image_grid(samples, first.test(dataset), layout.shape)
