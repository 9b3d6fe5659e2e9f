"""What every set of images promises; one that is added has to be given files to read here."""

import gzip
import io
import tarfile

import numpy as np
import pytest

from tailbench import registry
from tailbench.datasets.image_base import ImageDataset
from tailbench.exceptions import InputError

SETS = [
    name
    for name in registry.names("datasets")
    if issubclass(registry.load("datasets", name), ImageDataset)
]
RNG = np.random.default_rng(0)


def pixels(*shape):
    return RNG.integers(0, 256, shape).astype(np.uint8)


def write_idx(folder):
    for part, n in (("train", 30), ("t10k", 12)):
        for what, array in (
            ("images-idx3", pixels(n, 28, 28)),
            ("labels-idx1", (np.arange(n) % 10).astype(np.uint8)),
        ):
            header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
            path = folder / f"{part}-{what}-ubyte.gz"
            path.write_bytes(gzip.compress(header + array.tobytes()))
    return {"path": str(folder)}


def write_cifar(folder):
    path = folder / "cifar.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
            rows = pixels(30, 3073)
            rows[:, 0] = np.arange(30) % 10
            data = rows.tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return {"path": str(path), "checksum": None, "counts": (15, 12, 10, 8, 6, 5, 4, 3, 2, 1)}


def write_folder(folder):
    from PIL import Image

    for i in range(24):
        path = folder / "abc"[i % 3] / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels(6, 6, 3)).save(path)
    return {"path": str(folder), "size": 6}


def write_latents(folder):
    from safetensors.numpy import save_file

    for i in range(2):
        latents = RNG.standard_normal((12, 4, 3, 3)).astype(np.float32)
        arrays = {"latents": latents, "labels": np.arange(12) % 5}
        save_file(arrays, folder / f"{i}.safetensors")
    return {"path": str(folder)}


WRITERS = {
    "mnist": write_idx,
    "fashion_mnist": write_idx,
    "cifar10_lt": write_cifar,
    "image_folder": write_folder,
    "latents": write_latents,
}


@pytest.fixture(scope="module", params=SETS)
def source(request, tmp_path_factory):
    cls = registry.load("datasets", request.param)
    if request.param not in WRITERS:
        return cls()
    return cls(**WRITERS[request.param](tmp_path_factory.mktemp(request.param)))


def rows(part):
    return [row.tobytes() for row in np.asarray(part)]


def test_reads_images(source):
    assert source.target() is None
    assert all(path.exists() for path in source.files())
    for part in source.read():
        n, *shape = part.values.shape
        assert len(part) == n and len(shape) == 3
        assert part.values.dtype in (np.uint8, np.float32)
        assert part.labels is None or part.labels.shape == (n,)
        assert np.array_equal(part.take(np.array([1, 0])).values[:], part.values[:2][::-1])


def test_splits(source):
    splits = source.splits("toy", 3)
    images = splits.images
    assert images.pixels == (splits.train.dtype == np.uint8)
    assert len(splits.columns) == len(set(splits.columns)) == np.prod(images.shape)
    assert splits.floor.shape == splits.test.shape and len(splits.floor) < len(splits.train)
    for part in (splits.train, splits.test, splits.floor):
        assert part.shape == (len(part), np.prod(images.shape))
        assert part.dtype == splits.train.dtype and np.asarray(part).dtype == part.dtype
        assert np.array_equal(part[1:3], np.asarray(part)[1:3])
        assert np.array_equal(part[np.array([2, 0])], np.asarray(part)[[2, 0]])
    for labels in splits.labels.values():
        assert labels.dtype == np.int64 and np.isin(labels, range(len(images.classes))).all()


def test_labels_follow_their_rows(source):
    known = {}
    for part in source.read():
        values = np.asarray(part.values).reshape(len(part), -1)
        known |= dict(zip(rows(values), part.labels, strict=True))
    splits = source.splits("toy", 3)
    for part in ("train", "test", "floor"):
        found = [known[row] for row in rows(getattr(splits, part))]
        assert found == splits.labels[part].tolist()


def test_seeds_share_all_but_the_floor(source):
    first, again, other = (source.splits("toy", seed) for seed in (3, 3, 4))
    fresh = type(source)(source.settings).splits("toy", 3)
    for part in ("train", "test", "floor"):
        for same in (again, fresh):
            assert np.array_equal(getattr(first, part), getattr(same, part))
            assert np.array_equal(first.labels[part], same.labels[part])
    for part in ("train", "test"):
        assert np.array_equal(getattr(first, part), getattr(other, part))
        assert np.array_equal(first.labels[part], other.labels[part])
    assert not np.array_equal(first.floor, other.floor)


def test_nothing_is_held_out_and_trained_on(source):
    splits = source.splits("toy", 0)
    train, test, floor = map(rows, (splits.train, splits.test, splits.floor))
    assert len(set(train)) == len(train) and not set(train) & set(test)
    assert len(set(floor)) == len(floor) and set(floor) <= set(train)


def test_too_few_images(source):
    n = len(source.splits("toy", 0).train)
    source.check(n)
    with pytest.raises(InputError, match=f"fewer than the {n + 1} that are needed"):
        source.check(n + 1)


def test_messages_name_the_path(source):
    if "path" not in type(source.settings).model_fields:
        pytest.skip(f"{source.name} is part of a package")
    missing = source.settings.model_copy(update={"path": "no/such/place"})
    with pytest.raises(InputError, match="no/such/place"):
        type(source)(missing).check(1)
