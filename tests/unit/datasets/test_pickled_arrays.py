"""A pickle that is not trusted: arrays are read from it, and nothing is called."""

import io
import os
import pickle

import numpy as np
import pytest

from tailbench.datasets.pickled_arrays import unpickle
from tailbench.exceptions import InputError


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
