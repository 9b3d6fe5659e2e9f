"""Rows from memory and from the disk: the same to a model, whatever holds them."""

import numpy as np
import pytest
import torch

from fabricate import seal
from tailbench.data import ImageLayout, as_values
from tailbench.exceptions import InputError
from tailbench.io.arrays import read_array, read_rows, write_array
from tailbench.models.dlpm import DLPM
from tailbench.models.sgm import SGM
from tailbench.models.sigma_selection import reference_rows
from tailbench.training import rows as module
from tailbench.training.context import FitContext
from tailbench.training.rows import InMemoryRows, OnDiskRows, stored

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
PIXELS = [RNG.integers(0, 256, (90, 16)).astype(np.uint8) for _ in range(3)]
LATENTS = [RNG.standard_t(3, (90, 16)).astype(np.float32) for _ in range(3)]
TINY = {"train_steps": 6, "batch_size": 16, "width": 8, "num_blocks": 1}


@pytest.fixture
def file(tmp_path):
    """Function of a name that gives the path of its array."""
    for name, rows in {"pixels": PIXELS, "latents": LATENTS, "labels": [np.arange(90)] * 3}.items():
        write_array(tmp_path / f"{name}.npy", rows)
    seal(tmp_path / "meta.json", sorted(tmp_path.glob("*.npy")))
    return lambda name: tmp_path / f"{name}.npy"


def as_they_are(rows, positions):
    return rows + torch.tensor([float(e) for e in positions]).view(-1, 1, 1)


@pytest.mark.parametrize("name", ["pixels", "latents"])
def test_the_disk_holds_what_memory_holds(file, name):
    read = read_rows(file(name))
    assert [rows.shape for rows in read] == [(90, 16)] * 3
    for rows, expected in zip(read, {"pixels": PIXELS, "latents": LATENTS}[name], strict=True):
        assert rows.dtype == expected.dtype
        np.testing.assert_array_equal(np.asarray(rows), expected)
        np.testing.assert_array_equal(rows[5:3:-1], expected[5:3:-1])
        chosen = np.array([89, 3, 4, 5, 0, 0, 88])
        np.testing.assert_array_equal(rows[chosen], expected[chosen])
        assert rows[np.array([], dtype=int)].shape == (0, 16)


def test_both_give_the_same_rows_of_some_seeds(file):
    held = InMemoryRows(torch.from_numpy(np.stack(PIXELS)), as_they_are)
    lazy = OnDiskRows(read_rows(file("pixels")), as_they_are)
    assert held.shape == lazy.shape == (3, 90, 16)
    index = torch.randint(90, (2, 20))
    first, second = (rows.of([2, 0], CPU).take(index) for rows in (held, lazy))
    assert first.shape == (2, 20, 16) and torch.equal(first, second)
    assert torch.equal(first[0], torch.from_numpy(PIXELS[2])[index[0]] + 2.0)
    again = lazy.of([1, 2], CPU).of([1], CPU)  # seeds keep their numbers
    assert torch.equal(again.take(index[:1])[0], torch.from_numpy(PIXELS[2])[index[0]] + 2.0)


def test_few_rows_are_held_and_many_are_not(file, monkeypatch):
    assert isinstance(stored(read_rows(file("pixels")), as_they_are), InMemoryRows)
    monkeypatch.setattr(module, "HELD", 3 * 90 * 16 - 1)
    assert isinstance(stored(read_rows(file("pixels")), as_they_are), OnDiskRows)


@pytest.mark.parametrize("model", [SGM, DLPM])
@pytest.mark.parametrize("name", ["pixels", "latents"])
def test_a_model_learns_the_same_from_both(file, monkeypatch, model, name):
    images = ImageLayout((1, 4, 4), pixels=name == "pixels")
    read = read_rows(file(name))
    context = FitContext([1, 2, 3], [1, 2, 3], [0, 1, 2], verbose=False)

    def fit(x):
        made = model(device="cpu", **TINY).fit_block(x, context, images)
        return made.module.state_dict()

    states = [fit(read), fit(read_array(file(name)))]
    monkeypatch.setattr(module, "HELD", 0)
    states.append(fit(read))
    for state in states[1:]:
        assert all(torch.equal(state[key], states[0][key]) for key in states[0])


def test_the_choice_of_the_noise_level_reads_stored_rows(file):
    rows = read_rows(file("pixels"))
    pixels = list(read_array(file("pixels")))
    for ours, theirs in zip(reference_rows(rows, [4, 5, 6]), pixels, strict=True):
        np.testing.assert_array_equal(ours, as_values(theirs))
    with pytest.raises(InputError, match="images of shape"):
        SGM(device="cpu", **TINY).fit(rows, images=ImageLayout((1, 5, 5)), verbose=False)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), r"pixels\.npy does not exist"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), r"pixels\.npy is corrupt"),
        (lambda path: path.write_bytes(b"\xff" * 100), r"pixels\.npy is corrupt"),
        (lambda path: seal(path.with_name("meta.json"), []), r"has no checksum of pixels\.npy"),
        (lambda path: path.with_name("SHA256SUMS").unlink(), "has no SHA256SUMS"),
    ],
)
def test_damaged_files(file, damage, message):
    damage(file("pixels"))
    with pytest.raises(InputError, match=message) as caught:
        read_rows(file("pixels"))
    assert str(file("pixels").parent) in str(caught.value)


def test_rows_have_three_axes(file):
    with pytest.raises(InputError, match=r"labels\.npy is corrupt, it has 2 axes"):
        read_rows(file("labels"))


def test_a_file_cut_while_it_is_read(file):
    rows = read_rows(file("latents"))[2]
    file("latents").write_bytes(file("latents").read_bytes()[:-100])
    with pytest.raises(InputError, match=r"latents\.npy is corrupt .*mmap length"):
        rows[np.array([0, 89])]
