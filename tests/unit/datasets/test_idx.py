"""IDX files, digests and labels."""

import gzip
import hashlib

import numpy as np
import pytest

from tailbench.datasets.idx_files import check_digest, labels_of, read_idx
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
