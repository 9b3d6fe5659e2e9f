"""Long-tailed CIFAR-10, on an archive of the same format."""

import hashlib
import io
import tarfile

import numpy as np
import pytest

from tailbench.datasets.cifar10_lt import CIFAR10LT, FOLDER, TEST, TRAIN, reference_counts
from tailbench.exceptions import InputError

COUNTS = (12, 9, 8, 7, 6, 5, 4, 3, 2, 1)


def batch(seed, per_class):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(10), per_class))
    data = rng.integers(0, 256, (len(labels), 3072))
    return np.hstack([labels[:, None], data]).astype(np.uint8)


def batches():
    """Five batches of 3 images of each class, and a test batch of 4 of each."""
    return {name: batch(i, 3) for i, name in enumerate(TRAIN)} | {TEST: batch(9, 4)}


def write(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.tobytes()
            member = tarfile.TarInfo(name if "/" in name else f"{FOLDER}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cifar")
    files = {"batches.meta.txt": b"airplane\n", **batches()}
    return write(folder / "cifar-10-binary.tar.gz", files)


def made(archive, **options):
    digest = f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
    return CIFAR10LT(**{"path": str(archive), "checksum": digest, "counts": COUNTS} | options)


@pytest.fixture(scope="module")
def known():
    """Class of every image, by its bytes."""
    return {
        name: {row[1:].tobytes(): row[0] for part in parts for row in part}
        for name, parts in (
            ("train", [batches()[name] for name in TRAIN]),
            ("test", [batches()[TEST]]),
        )
    }


def test_counts_follow_the_setting(archive, known):
    dataset = made(archive)
    assert dataset.files() == (archive,)
    dataset.check(sum(COUNTS))
    splits = dataset.splits("mine", 0)
    assert splits.images.shape == (3, 32, 32) and splits.images.classes[9] == "truck"
    assert np.bincount(splits.labels["train"]).tolist() == list(COUNTS)
    assert np.bincount(splits.labels["test"]).tolist() == [4, 3, 3, 2, 2, 2, 1, 1, 1, 1]
    for part, origin in (("train", "train"), ("test", "test"), ("floor", "train")):
        rows = [row.tobytes() for row in getattr(splits, part)]
        assert len(set(rows)) == len(rows)
        assert [known[origin][row] for row in rows] == splits.labels[part].tolist()
    balanced = made(archive, test="balanced").splits("mine", 0)
    assert np.bincount(balanced.labels["test"]).tolist() == [4] * 10
    assert np.array_equal(balanced.train, splits.train)


def test_fewer_images_are_a_subset_of_more(archive):
    more = made(archive, counts=(15,) * 10).splits("mine", 0)
    fewer = made(archive).splits("mine", 0)
    assert {row.tobytes() for row in fewer.train} < {row.tobytes() for row in more.train}
    assert len(more.train) == 150


def test_reference_counts():
    official = CIFAR10LT(path="x").settings.counts
    expected = [1000, 599, 359, 215, 129, 77, 46, 28, 17, 10]
    assert official == tuple(int(5000 * 100 ** (-c / 9)) for c in range(10))
    assert reference_counts(official, [1000] * 10) == expected and sum(expected) == 2480
    assert reference_counts([1, 1000], [10, 10]) == [1, 10]
    assert reference_counts([2, 4], [8, 10]) == [5, 10]


def test_settings():
    for wrong in (
        {"counts": (1,) * 9},
        {"counts": (0,) + (1,) * 9},
        {"checksum": "md5:00"},
        {"checksum": "c32a1d4ab5d03f1284b67883e8d87530"},
        {"test": "whole"},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            CIFAR10LT(path="x", **wrong)


def test_the_official_archive_is_expected(archive, tmp_path):
    with pytest.raises(
        InputError, match=r"tar\.gz is damaged .* not c32a1d4ab5d03f1284b67883e8d87"
    ):
        CIFAR10LT(path=str(archive), counts=COUNTS).check(1)
    with pytest.raises(InputError, match="none does not exist"):
        CIFAR10LT(path=str(tmp_path / "none")).check(1)
    with pytest.raises(InputError, match="none does not exist"):
        CIFAR10LT(path=str(tmp_path / "none"), checksum=None).check(1)


def test_too_few_of_a_class(archive):
    counts = (*COUNTS[:6], 16, *COUNTS[7:])
    with pytest.raises(InputError, match=r"tar\.gz has 15 train images of the class 'frog', fewer"):
        made(archive, counts=counts).check(1)


def test_truncated_archive(archive, tmp_path):
    path = tmp_path / "cut.tar.gz"
    whole = archive.read_bytes()
    for size in (0, 50, len(whole) // 3, len(whole) - 100):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"cut\.tar\.gz (cannot be read|has no file)"):
            made(path).check(1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data_batch_2.bin", None, "has no file cifar-10-batches-bin/data_batch_2.bin"),
        (
            "data_batch_3.bin",
            b"",
            "data_batch_3.bin in .* is not a batch of CIFAR-10: its 0 ",
        ),
        ("data_batch_3.bin", bytes(3072), "its 3072 bytes are not rows of 3073"),
        ("test_batch.bin", bytes(2 * 3073 + 1), "test_batch.bin in .* are not rows of 3073"),
        ("test_batch.bin", b"\x0a" + bytes(3072), "test_batch.bin in .* has the label 10"),
    ],
)
def test_a_batch_that_is_not_one(tmp_path, name, content, message):
    files = batches() | {name: content}
    path = write(tmp_path / "made.tar.gz", {k: v for k, v in files.items() if v is not None})
    with pytest.raises(InputError, match=message):
        made(path).check(1)


def test_nothing_is_unpacked(tmp_path, monkeypatch):
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    files = {"../escaped": b"x", f"{tmp_path}/absolute": b"x", **batches()}
    path = write(inside / "made.tar.gz", files)
    made(path).check(1)
    assert [p.name for p in tmp_path.iterdir()] == ["inside"] and list(inside.iterdir()) == [path]


@pytest.fixture
def served(archive, serve):
    """The address of the archive on a server of this machine."""
    with serve(archive.parent) as address:
        yield address


def test_an_address_is_fetched(archive, served, tmp_path):
    dataset = made(archive, path=f"{served}/{archive.name}")
    assert dataset.remote == "cifar-10-binary.tar.gz" and dataset.files() == ()
    dataset.check(10**9)  # there is nothing to look at yet
    dataset.fetch(tmp_path / "copy.tar.gz")
    assert (tmp_path / "copy.tar.gz").read_bytes() == archive.read_bytes()


@pytest.mark.parametrize(
    ("name", "checksum", "message"),
    [
        ("missing.tar.gz", None, "cannot be fetched: 404"),
        ("cifar-10-binary.tar.gz", "md5:" + 32 * "0", "has another checksum than md5:000"),
    ],
)
def test_a_fetch_that_fails_leaves_what_was_there(served, tmp_path, name, checksum, message):
    dataset = CIFAR10LT(path=f"{served}/{name}", checksum=checksum)
    output = tmp_path / "archive"
    output.write_bytes(b"old")
    with pytest.raises(InputError, match=message):
        dataset.fetch(output)
    assert output.read_bytes() == b"old" and list(tmp_path.iterdir()) == [output]
