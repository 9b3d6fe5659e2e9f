"""States of a training run on disk."""

import pytest
import torch

from tailbench.training.checkpoint import Checkpoint

TENSORS = {"a": torch.arange(6.0).view(2, 3).T, "b": torch.tensor([1, 2], dtype=torch.uint8)}
STATE = {"step": 7, "history": [{"loss": 0.1, "val_loss": float("nan")}], "done": False}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "state"


def test_round_trip(folder):
    Checkpoint(folder, "key").save("seeds-0-0", TENSORS, STATE)
    tensors, state = Checkpoint(folder, "key").load("seeds-0-0")
    assert set(tensors) == set(TENSORS)
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor) and tensors[name].dtype == tensor.dtype
    assert state["step"] == 7 and state["done"] is False
    assert [path.name for path in folder.iterdir()] == ["seeds-0-0.safetensors"]


def test_parts_are_apart(folder):
    checkpoint = Checkpoint(folder, "key")
    checkpoint.save("one", TENSORS, {"step": 1})
    checkpoint.save("two", TENSORS, {"step": 2})
    checkpoint.save("one", TENSORS, {"step": 3})
    assert checkpoint.load("one")[1] == {"step": 3}
    assert checkpoint.load("two")[1] == {"step": 2}


def test_nothing_there(folder):
    assert Checkpoint(folder, "key").load("seeds-0-0") is None


def test_another_key(folder):
    Checkpoint(folder, "key").save("part", TENSORS, STATE)
    assert Checkpoint(folder, "other").load("part") is None


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_truncated_state_is_not_used(folder, share):
    checkpoint = Checkpoint(folder, "key")
    checkpoint.save("part", TENSORS, STATE)
    path = folder / "part.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert checkpoint.load("part") is None


@pytest.mark.parametrize("place", [-1, -20, -50])
def test_a_state_with_a_flipped_bit_is_not_used(folder, place, capsys):
    checkpoint = Checkpoint(folder, "key")
    checkpoint.save("part", TENSORS, STATE)
    path = folder / "part.safetensors"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert checkpoint.load("part") is None
    assert "ignoring corrupt checkpoint" in capsys.readouterr().out


def test_a_foreign_file_is_not_used(folder):
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    save_file(TENSORS | {"a": torch.zeros(1)}, folder / "bare.safetensors")
    save_file({"a": torch.zeros(1)}, folder / "odd.safetensors", {"key": "key", "state": "{"})
    checkpoint = Checkpoint(folder, "key")
    assert checkpoint.load("bare") is None
    assert checkpoint.load("odd") is None


def test_due_by_the_clock(folder, monkeypatch):
    checkpoint = Checkpoint(folder, "key", seconds=20.0)
    start, passed = checkpoint._last, [0.0]
    monkeypatch.setattr("tailbench.training.checkpoint.time.monotonic", lambda: start + passed[0])
    found = []
    for passed[0] in (0.0, 19.9, 20.1):
        found.append(checkpoint.due())
    checkpoint.save("part", TENSORS, STATE)
    for passed[0] in (20.2, 40.0, 40.2):
        found.append(checkpoint.due())
    assert found == [False, False, True, False, False, True]


def test_clear(folder):
    checkpoint = Checkpoint(folder, "key")
    checkpoint.save("part", TENSORS, STATE)
    checkpoint.clear()
    assert not folder.exists()
    checkpoint.clear()
