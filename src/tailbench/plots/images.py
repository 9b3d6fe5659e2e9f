"""Samples of images beside real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tailbench.data import as_bytes
from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["ImageGrid", "mosaic"]

PIXELS = 64  # sides of a mosaic are about this long for small images
LEAST, MOST = 4, 8  # images in a row of a mosaic


def mosaic(images: NDArray[Any], shape: tuple[int, int, int], row: int) -> NDArray[np.uint8]:
    """Lay the first ``row^2`` images out in a square, with white lines between them.

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
class ImageGrid:
    """Images: real ones, and the first samples of every variant."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"first data", "first samples"})
    caption: ClassVar[str] = (
        "Held-out images and samples of the first seed, none of them chosen: the first ones. "
        "Values outside of black and white are cut off."
    )

    def draw(self, inputs: ResultsReader, dataset: str) -> Figure | None:
        """Draw a mosaic per variant; ``None`` if the data are no images."""
        from tailbench.plots import style

        known = inputs.meta(dataset).get("images")
        samples = inputs.first_block.samples(dataset)
        if not known or not known["pixels"] or known["shape"][0] not in (1, 3) or not samples:
            return None
        shape = tuple(known["shape"])
        row = min(max(round(PIXELS / max(shape[1:])), LEAST), MOST)
        figure, grid = style.panels(len(samples) + 1, columns=5, height=2.3)
        shown = {"real data (held out)": inputs.first_block.test(dataset)[0]}
        for axes, (variant, drawn) in zip(
            grid, [*shown.items(), *((v, samples[v][0]) for v in samples)], strict=True
        ):
            axes.imshow(mosaic(drawn, shape, row), interpolation="nearest")
            axes.set_axis_off()
            separator = "\n" if len(variant) > 22 else ", "
            axes.set_title(
                variant if variant in shown else style.label(variant, separator=separator),
                fontsize=8.5,
            )
        return figure
