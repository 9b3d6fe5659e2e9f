"""Folders of PNG and JPEG files."""

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from tailbench.datasets.image_folder import ImageFolder
from tailbench.exceptions import InputError

SEEDS = itertools.count(1)


def save(path, array, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def fill(folder, n, size=8, names="{i}.png"):
    """Write random images, and give each one's path by its pixels, channel by channel."""
    known = {}
    for i in range(n):
        pixels = noise(size, size, 3, seed=next(SEEDS))
        path = save(folder / names.format(i=i), pixels)
        known[np.moveaxis(pixels, -1, 0).tobytes()] = path
    return known


def folder_of(path, size=8, **options):
    return ImageFolder(path=str(path), size=size, **options)


def test_folders_are_classes(tmp_path):
    known = fill(tmp_path / "cat", 6) | fill(tmp_path / "ant", 8, names="deep/er/{i}.PNG")
    (tmp_path / "empty").mkdir()
    fill(tmp_path / ".hidden", 2)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "cat" / "._0.png").write_text("no image")
    dataset = folder_of(tmp_path)
    dataset.check(10)
    assert dataset.files() == (tmp_path,)
    splits = dataset.splits("mine", 0)
    assert splits.images.shape == (3, 8, 8) and splits.images.classes == ("ant", "cat")
    seen = set()
    for part in ("train", "test"):
        for row, label in zip(getattr(splits, part), splits.labels[part], strict=True):
            assert ("ant", "cat")[label] in known[row.tobytes()].parts
            seen.add(row.tobytes())
    assert seen == set(known)


def test_classes_are_chosen_and_ordered(tmp_path):
    for name in ("a", "b", "c"):
        fill(tmp_path / name, 4)
    fill(tmp_path, 1)
    splits = folder_of(tmp_path, classes=("c", "a")).splits("mine", 0)
    assert splits.images.classes == ("c", "a")
    assert len(splits.train) + len(splits.test) == 8
    with pytest.raises(InputError, match=f"{tmp_path} has no class 'aa' .did you mean 'a'"):
        folder_of(tmp_path, classes=("aa",)).check(1)
    with pytest.raises(InputError, match=f"{tmp_path / '0.png'} lies beside the folders"):
        folder_of(tmp_path).check(1)
    (tmp_path / "d").mkdir()
    with pytest.raises(InputError, match=r"the class 'd' in .* has no PNG or JPEG images"):
        folder_of(tmp_path, classes=("a", "d")).check(1)


def test_the_size_is_that_of_the_images_that_are_there(tmp_path):
    fill(tmp_path / "cat", 6)
    fill(tmp_path / "ant", 8, names="deep/er/{i}.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dog").symlink_to(tmp_path / "cat")
    assert folder_of(tmp_path).settings.shape().rows == 14
    assert folder_of(tmp_path, classes=["ant"]).settings.shape().rows == 8
    assert folder_of(tmp_path / "data").settings.shape().rows == 6
    guess = folder_of(tmp_path / "none").settings.shape()
    assert guess.rows == 100_000 and guess.dim == 3 * 8 * 8


def test_a_class_may_be_a_link(tmp_path):
    fill(tmp_path / "elsewhere", 4)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert folder_of(tmp_path / "set").splits("mine", 0).images.classes == ("linked",)


@pytest.mark.parametrize("classes", [("..",), ("a/b",), ("",), ("a", "a"), ()])
def test_classes_are_names_of_folders(classes):
    with pytest.raises(ValidationError, match="classes"):
        folder_of("x", classes=classes)


def test_without_folders_there_are_no_classes(tmp_path):
    fill(tmp_path, 8)
    splits = folder_of(tmp_path, test_fraction=0.5).splits("mine", 0)
    assert splits.images.classes == () and splits.labels == {}
    assert len(splits.train) == len(splits.test) == 4


def test_no_images(tmp_path):
    with pytest.raises(InputError, match=f"{tmp_path} has no PNG or JPEG images"):
        folder_of(tmp_path).check(1)
    with pytest.raises(InputError, match="none does not exist"):
        folder_of(tmp_path / "none").check(1)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file is not a folder"):
        folder_of(tmp_path / "file").check(1)
    fill(tmp_path, 8)
    with pytest.raises(InputError, match=f"{tmp_path} has 6 images for training"):
        folder_of(tmp_path).check(7)


def one(tmp_path, array, name="odd.png", mode=None, size=8, save_options=None, **options):
    """Read one image through a folder with others."""
    for i in range(3):
        save(tmp_path / f"z{i}.png", noise(size, size))
    save(tmp_path / name, array, mode, **save_options or {})
    dataset = folder_of(tmp_path, size, **options)
    return dataset._decode(np.array([0]))[0]


def test_grey_images_become_colour_ones(tmp_path):
    grey = noise(8, 8)
    assert np.array_equal(one(tmp_path, grey), np.stack([grey] * 3))
    assert np.array_equal(one(tmp_path, grey, channels=1), grey[None])
    black = one(tmp_path, noise(8, 8), mode="1", channels=1)
    assert set(np.unique(black)) == {0, 255}


def test_palettes_and_jpeg(tmp_path):
    numbers, colours = noise(8, 8) % 3, noise(3, 3)
    with_palette = Image.fromarray(numbers)
    with_palette.putpalette(colours.tobytes())
    with_palette.save(tmp_path / "a.png")
    dataset = folder_of(tmp_path)
    assert np.array_equal(dataset._decode(np.array([0]))[0], np.moveaxis(colours[numbers], -1, 0))
    (tmp_path / "a.png").unlink()
    smooth = np.full((8, 8, 3), (90, 120, 30), np.uint8)
    quality = {"quality": 100, "subsampling": 0}
    for name in ("a.jpg", "a.JPEG"):
        found = one(tmp_path, smooth, name, save_options=quality).astype(int)
        assert np.abs(found - np.moveaxis(smooth, -1, 0)).max() <= 3
    assert one(tmp_path, smooth, "a.jpg", mode="CMYK").shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("array", "mode", "channels", "message"),
    [
        (noise(8, 8, 3), None, 1, "is of mode RGB, which cannot be made grey"),
        (noise(8, 8, 4), None, 3, "is of mode RGBA, which cannot be made RGB"),
        (noise(8, 8), "LA", 1, "is of mode LA, which cannot be made grey"),
        (noise(8, 8).astype(np.uint16) * 200, None, 3, "is of mode I;16"),
    ],
)
def test_nothing_is_lost_in_silence(tmp_path, array, mode, channels, message):
    with pytest.raises(InputError, match=f"odd.png {message}"):
        one(tmp_path, array, mode=mode, channels=channels)


def test_transparent_colours(tmp_path):
    with pytest.raises(InputError, match=r"odd\.png is transparent"):
        one(tmp_path, noise(8, 8), save_options={"transparency": 3})


def test_another_size(tmp_path):
    with pytest.raises(InputError, match=r"odd\.png is 8 pixels high and 9 wide, not 8 .set res"):
        one(tmp_path, noise(8, 9))


def test_the_middle_is_cut_and_resampled(tmp_path):
    array = np.zeros((20, 40, 3), np.uint8)
    array[:, 10:30] = (10, 20, 30)
    found = one(tmp_path, array, resize=True)
    assert np.array_equal(found, np.broadcast_to(np.reshape((10, 20, 30), (3, 1, 1)), (3, 8, 8)))
    high = one(tmp_path, array.swapaxes(0, 1).copy(), resize=True)
    assert np.array_equal(high, found)
    step = np.zeros((16, 16), np.uint8)
    step[:, 8:] = 200
    expected = np.asarray(Image.fromarray(step).resize((8, 8), Image.Resampling.LANCZOS))
    assert np.array_equal(one(tmp_path, step, resize=True, channels=1)[0], expected)
    same = noise(8, 8)
    assert np.array_equal(one(tmp_path, same, resize=True, channels=1)[0], same)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_damaged_images(tmp_path, suffix):
    fill(tmp_path, 10)
    path = save(tmp_path / f"bad.{suffix}", noise(8, 8, 3))
    whole = path.read_bytes()
    damaged = {size: whole[:size] for size in (0, 20, len(whole) // 2, len(whole) * 3 // 4)}
    for size, content in damaged.items():
        path.write_bytes(content)
        for resize in (False, True):
            with pytest.raises(InputError, match=f"bad.{suffix} cannot be read as an image"):
                folder_of(tmp_path, resize=resize).check(1)
            assert size < len(whole)
    path.write_bytes(b"GIF89a" + whole)
    with pytest.raises(InputError, match=f"bad.{suffix} cannot be read as an image"):
        folder_of(tmp_path).check(1)
    path.write_bytes(whole)
    dataset = folder_of(tmp_path)
    dataset.check(1)
    train = dataset.splits("mine", 0)
    path.unlink()
    with pytest.raises(InputError, match=f"bad.{suffix} does not exist"):
        np.concatenate([np.asarray(train.train), np.asarray(train.test)])


def test_memory_does_not_grow_with_the_set(tmp_path):
    save(tmp_path / "first.png", noise(64, 64, 3))
    peaks = []
    for n in (100, 400):
        for i in range(n):
            link = Path(tmp_path / f"{i}.png")
            if not link.exists():
                link.symlink_to(tmp_path / "first.png")
        dataset = folder_of(tmp_path, 64)
        tracemalloc.start()
        dataset.check(1)
        dataset.splits("mine", 0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    more = 300 * 64 * 64 * 3
    assert peaks[1] - peaks[0] < more / 10
