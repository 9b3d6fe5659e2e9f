"""The figure of images: what lies where, and what is not drawn."""

import numpy as np
import pytest

from fabricate import seal
from tailbench.io.arrays import write_array
from tailbench.pipeline.results.reader import ResultsReader
from tailbench.plots import style
from tailbench.plots.images import ImageGrid, image_grid, mosaic


def pictures(n, c, h=2, w=3):
    """Images whose value is their number, from black to white."""
    values = np.linspace(-1.0, 1.0, n)
    return np.repeat(values[:, None], c * h * w, axis=1)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_lie_in_rows_with_lines_between(channels):
    found = mosaic(pictures(6, channels), (channels, 2, 3), row=2)
    assert found.shape == (5, 7, 3) and found.dtype == np.uint8
    assert (found[2] == 255).all() and (found[:, 3] == 255).all()
    shades = [found[0, 0], found[0, 4], found[3, 0], found[3, 4]]
    assert [int(shade[0]) for shade in shades] == [0, 51, 102, 153]
    assert (found[:2, :3] == 0).all() and (found[3:, 4:] == 153).all()


def test_colours_and_places_are_kept():
    image = np.full((1, 3, 2, 2), -1.0)
    image[0, 0, 0, 1] = image[0, 2, 1, 0] = 1.0
    found = mosaic(image.reshape(1, 12), (3, 2, 2), row=1)
    assert found[0, 1].tolist() == [255, 0, 0] and found[1, 0].tolist() == [0, 0, 255]
    assert found[0, 0].tolist() == [0, 0, 0]


def test_what_is_brighter_than_white_is_white():
    found = mosaic(np.array([[-3.0, 0.0, 5.0, 1.0]]), (1, 2, 2), row=1)
    assert found[..., 0].tolist() == [[0, 128], [255, 255]]


@pytest.mark.parametrize(("count", "side"), [(1, 2), (2, 5), (4, 5), (5, 8), (900, 23)])
def test_a_mosaic_has_no_more_places_than_a_handful_of_images_needs(count, side):
    """Of many images of 2 by 2 it has eight in a row, the most."""
    found = image_grid({"sgm": pictures(900, 3, 2, 2)}, pictures(count, 3, 2, 2), (3, 2, 2))
    shown = [axes.get_images()[0].get_array().shape for axes in found.axes]
    assert shown == [(side, side, 3)] * 2


def results(folder, images):
    """Images as the stages leave them: bytes for data, numbers for samples."""
    data, samples = folder / "data" / "toy" / "0-1", folder / "samples" / "toy" / "sgm" / "0-1"
    real = np.zeros((2, 70, 6), np.uint8)
    for part in ("train", "test", "floor"):
        write_array(data / f"{part}.npy", list(real))
    seal(data / "meta.json", sorted(data.iterdir()), {"images": images})
    drawn = np.ones((2, 70, 6), np.float32)
    write_array(samples / "samples.npy", [drawn, -drawn])
    variants = [{"variant": f"steps={n}", "settings": {"steps": n}} for n in (2, 4)]
    record = {"method": "sgm", "variants": variants}
    seal(samples / "record.json", [samples / "samples.npy"], record)
    return ResultsReader(folder)


@pytest.mark.filterwarnings("error")
def test_draws_the_data_and_every_variant(tmp_path):
    inputs = results(tmp_path, {"shape": [1, 2, 3], "classes": [], "pixels": True})
    with style.theme():
        drawn = ImageGrid().draw(inputs, "toy")
        drawn.draw_without_rendering()
    titles = [axes.get_title() for axes in drawn.axes if axes.get_images()]
    assert titles[0] == "real data (held out)" and len(titles) == 3
    black, white, last = (axes.get_images()[0].get_array()[:2, :3] for axes in drawn.axes[:3])
    assert (black == 0).all() and (white == 255).all() and (last == 0).all()


@pytest.mark.parametrize(
    "images",
    [
        None,
        {"shape": [1, 2, 3], "classes": [], "pixels": False},
        {"shape": [2, 1, 3], "classes": [], "pixels": True},
    ],
)
def test_other_data_are_not_drawn(tmp_path, images):
    assert ImageGrid().draw(results(tmp_path, images), "toy") is None
