"""IDX files, digests, and pickles that are not trusted."""

import gzip
import hashlib
import io
import os
import pickle

import numpy as np
import pytest

from tailbench.datasets.idx_files import check_digest, labels_of, read_idx, unpickle
from tailbench.exceptions import InputError


def idx(array):
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_reads_what_the_header_tells_of(tmp_path, suffix):
    path = tmp_path / f"some{suffix}"
    path.write_bytes(gzip.compress(idx(ARRAY)) if suffix else idx(ARRAY))
    assert np.array_equal(read_idx(path, 3), ARRAY)


@pytest.mark.parametrize(
    ("content", "axes", "message"),
    [
        (idx(ARRAY)[:-1], 3, "holds 23 values, not the 24"),
        (idx(ARRAY) + b"\0", 3, "holds 25 values, not the 24"),
        (idx(ARRAY)[:7], 3, "is not an IDX file of bytes with 3 axes"),
        (idx(ARRAY), 1, "is not an IDX file of bytes with 1 axes"),
        (b"\0\0\x0d\x01" + bytes(8), 1, "is not an IDX file of bytes with 1 axes"),
        (b"", 1, "is not an IDX file"),
    ],
)
def test_refuses_what_is_not_whole(tmp_path, content, axes, message):
    path = tmp_path / "some"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"some {message}"):
        read_idx(path, axes)


def test_refuses_broken_gzip(tmp_path):
    whole = gzip.compress(idx(ARRAY))
    path = tmp_path / "some.gz"
    for content in (
        whole[:-9],
        whole[:-1] + b"\xff",
        idx(ARRAY),
        whole[:15] + b"\xff" + whole[16:],
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"some\.gz (cannot be read|holds|is not an IDX)"):
            read_idx(path, 3)
    with pytest.raises(InputError, match="none does not exist"):
        read_idx(tmp_path / "none", 3)
    with pytest.raises(InputError, match="cannot be read"):
        read_idx(tmp_path, 3)


def test_labels():
    assert labels_of([0, 2], 2, 3, "x").dtype == np.int64
    for found, message in (
        ([0], "x has 1 labels, not one for each of 2 images"),
        ([0, 3], "x has the label 3, which is not in 0 to 2"),
        ([-1, 3], "x has the label -1"),
    ):
        with pytest.raises(InputError, match=message):
            labels_of(found, 2, 3, "x")


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_digest(tmp_path, algorithm):
    path = tmp_path / "some"
    path.write_bytes(b"content")
    right = hashlib.new(algorithm, b"content").hexdigest()
    check_digest(path, f"{algorithm}:{right}")
    with pytest.raises(InputError, match=f"some is damaged .* {algorithm} is {right}, not 00"):
        check_digest(path, f"{algorithm}:00")
    with pytest.raises(InputError, match="none does not exist"):
        check_digest(tmp_path / "none", f"{algorithm}:{right}")
    with pytest.raises(InputError, match="cannot be read"):
        check_digest(tmp_path, f"{algorithm}:{right}")


@pytest.mark.parametrize("dtype", ["u1", "<f4", ">f8", "<i8"])
@pytest.mark.parametrize("protocol", [3, 4])
def test_unpickles_arrays(dtype, protocol):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    content = {b"a": array, "b": [np.asfortranarray(array), 1, "text"]}
    found = unpickle(io.BytesIO(pickle.dumps(content, protocol)), "x")
    assert found["b"][1:] == [1, "text"]
    for got in (found[b"a"].array(), found["b"][0].array()):
        assert np.array_equal(got, array) and got.dtype == array.dtype


class Runs:
    def __init__(self, call, *arguments):
        self.reduced = call, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize(
    "content",
    [
        Runs(os.system, "touch ran"),
        Runs(eval, "1"),
        Runs(np.load, "file", None, True),
        Runs(np.frombuffer, b"1234"),
        {"data": [Runs(getattr, "x", "upper")]},
    ],
)
def test_runs_nothing(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^x cannot be read as a pickle of arrays: it asks for "):
        unpickle(io.BytesIO(pickle.dumps(content)), "x")
    assert not list(tmp_path.iterdir())


def test_refuses_what_is_not_a_pickle():
    whole = pickle.dumps([np.zeros(3)], 4)
    for content in (b"", b"text", whole[:-1], whole[: len(whole) // 2]):
        with pytest.raises(InputError, match=r"^x cannot be read as a pickle"):
            unpickle(io.BytesIO(content), "x")


def test_arrays_hold_numbers():
    """An array of objects could name any address in memory."""
    for array in (np.array(["text"]), np.zeros(2, "i4,i4"), np.zeros(2, "M8[s]")):
        with pytest.raises(ValueError, match="not numbers"):
            unpickle(io.BytesIO(pickle.dumps(array, 4)), "x").array()
    found = unpickle(io.BytesIO(pickle.dumps(np.zeros(3), 4)), "x")
    found.__setstate__((1, (4,), found._dtype, False, bytes(24)))
    with pytest.raises(ValueError, match="reshape"):
        found.array()
