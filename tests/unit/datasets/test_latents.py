"""Latents in NPY and safetensors files."""

import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import save_file

from tailbench.datasets.latents import Latents
from tailbench.exceptions import InputError

SHAPE = (2, 3, 4)


def values(n, seed=0, shape=SHAPE, dtype=np.float32):
    return np.random.default_rng(seed).standard_t(2.0, (n, *shape)).astype(dtype)


def pairs(folder, **options):
    """Read everything: rows as bytes with their labels."""
    splits = Latents(path=str(folder), **options).splits("mine", 0)
    found = {}
    for part in ("train", "test"):
        rows = np.asarray(getattr(splits, part))
        labels = splits.labels.get(part, np.full(len(rows), -1))
        found |= {row.tobytes(): label for row, label in zip(rows, labels, strict=True)}
    return splits, found


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_npy(tmp_path, dtype):
    first, second = values(5, 1, dtype=dtype), values(7, 2, dtype=dtype)
    np.save(tmp_path / "a.npy", first)
    np.save(tmp_path / "b.npy", np.asfortranarray(second))
    (tmp_path / "notes.txt").write_text("no shard")
    dataset = Latents(path=str(tmp_path))
    assert dataset.files() == (tmp_path / "a.npy", tmp_path / "b.npy")
    dataset.check(9)
    splits, found = pairs(tmp_path)
    assert splits.train.shape == (9, 24) and splits.train.dtype == np.float32
    assert splits.images.shape == SHAPE and not splits.images.pixels
    assert splits.images.classes == () and splits.labels == {}
    every = np.concatenate([first, second]).astype(np.float32)
    assert set(found) == {row.tobytes() for row in every}


@pytest.mark.parametrize("kind", [np.int64, np.uint8])
def test_labels_follow_their_latents(tmp_path, kind):
    known = {}
    for i, n in enumerate((6, 1, 5)):
        x, labels = values(n, i), np.random.default_rng(i).integers(0, 4, n)
        labels[0] = 3
        save_file({"z": x, "labels": labels.astype(kind)}, tmp_path / f"{i}.safetensors")
        known |= {row.tobytes(): label for row, label in zip(x, labels, strict=True)}
    Latents(path=str(tmp_path), key="z").check(9)
    splits, found = pairs(tmp_path, key="z")
    assert found == known
    assert splits.images.classes == ("0", "1", "2", "3")
    assert splits.labels["train"].dtype == np.int64


def test_kinds_of_files_mix(tmp_path):
    np.save(tmp_path / "a.npy", values(4, 0))
    save_file({"latents": values(4, 1, dtype=np.float16)}, tmp_path / "b.safetensors")
    splits, found = pairs(tmp_path, test_fraction=0.5)
    assert len(found) == 8 and len(splits.train) == 4


def test_rows_in_any_order(tmp_path):
    for i in range(3):
        np.save(tmp_path / f"{i}.npy", values(4, i))
    every = np.concatenate([values(4, i) for i in range(3)])
    rows = np.array([11, 0, 5, 5, 3, 4])
    assert np.array_equal(Latents(path=str(tmp_path))._rows(rows), every[rows])


def test_no_shards(tmp_path):
    with pytest.raises(InputError, match="none does not exist"):
        Latents(path=str(tmp_path / "none")).check(1)
    with pytest.raises(InputError, match=f"{tmp_path} has no .npy or .safetensors files"):
        Latents(path=str(tmp_path)).check(1)
    assert Latents(path=str(tmp_path)).files() == (tmp_path,)
    np.save(tmp_path / "a.npy", values(8))
    with pytest.raises(InputError, match=r"a\.npy is not a folder"):
        Latents(path=str(tmp_path / "a.npy")).check(1)
    with pytest.raises(InputError, match=f"{tmp_path} has 6 images for training"):
        Latents(path=str(tmp_path)).check(7)


def npy(array):
    return lambda path: np.save(path.with_suffix(".npy"), array, allow_pickle=True)


def tensors(**arrays):
    return lambda path: save_file(arrays, path.with_suffix(".safetensors"))


def cut(write, keep):
    def damaged(path):
        write(path)
        (written,) = path.parent.glob(f"{path.name}.*")
        written.write_bytes(written.read_bytes()[:keep])

    return damaged


def bad_row(bad):
    x = values(4, dtype=np.float64)
    x[2, 1, 1, 1] = bad
    return x


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (npy(values(4, shape=(2, 3, 5))), r"b.npy holds latents of shape .2, 3, 5., not .2, 3, 4."),
        (npy(values(4, shape=(24,))), r"b.npy holds latents of shape .4, 24., not some rows"),
        (npy(np.zeros((4, 0, 3, 4))), "b.npy "),
        (npy(np.zeros((4, *SHAPE), int)), "b.npy holds int64, not floating point numbers"),
        (npy(np.array([{}])), "b.npy cannot be read as .npy"),
        (cut(npy(values(4)), -4), "b.npy cannot be read as .npy"),
        (cut(npy(values(4)), 20), "b.npy cannot be read as .npy"),
        (cut(npy(values(4)), 0), "b.npy cannot be read as .npy"),
        (npy(bad_row(np.nan)), "row 3 of .*b.npy holds what is not a finite number"),
        (npy(bad_row(-np.inf)), "row 3 of .*b.npy holds what is not a finite number"),
        (npy(bad_row(1e300)), "row 3 of .*b.npy holds what is not a finite number of single prec"),
        (tensors(latents=bad_row(np.nan)), "row 3 of .*b.safetensors holds what is not a finite"),
        (tensors(latent=values(4)), "b.safetensors has no tensor 'latents' .did you mean 'latent'"),
        (tensors(latents=np.zeros((4, *SHAPE), np.int8)), "b.safetensors holds I8 as 'latents'"),
        (cut(tensors(latents=values(4)), -4), "b.safetensors cannot be read as .safetensors"),
        (cut(tensors(latents=values(4)), 5), "b.safetensors cannot be read as .safetensors"),
        (
            tensors(latents=values(4), labels=np.zeros(4, int)),
            "a.npy has no labels, but .*b.safetensors has",
        ),
        (
            tensors(latents=values(4), labels=np.zeros(3, int)),
            "b.safetensors has 3 labels, not one for each of 4 images",
        ),
        (tensors(latents=values(4), labels=np.zeros(4)), "b.safetensors holds float64 as 'labels'"),
        (
            tensors(latents=values(4), labels=np.full(4, -1)),
            "b.safetensors has the label -1",
        ),
    ],
)
def test_failures_name_the_file(tmp_path, write, message):
    np.save(tmp_path / "a.npy", values(4, 1))
    write(tmp_path / "b")
    with pytest.raises(InputError, match=message):
        Latents(path=str(tmp_path)).check(1)


def test_pickled_objects_are_not_run(tmp_path):
    class Runs:
        def __reduce__(self):
            return (tmp_path / "ran").touch, ()

    np.save(tmp_path / "a.npy", np.array([Runs()]), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy cannot be read"):
        Latents(path=str(tmp_path)).check(1)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("suffix", ["npy", "safetensors"])
def test_memory_does_not_grow_with_the_set(tmp_path, suffix):
    peaks = []
    for n in (1, 4):
        for i in range(n):
            write = npy if suffix == "npy" else lambda x: tensors(latents=x)
            write(values(200, i, (4, 16, 16)))(tmp_path / str(i))
        dataset = Latents(path=str(tmp_path))
        tracemalloc.start()
        dataset.check(1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 3 * 200 * 4 * 16 * 16 * 4 / 10


def test_some_classes(tmp_path):
    """Rows of the labels that are named, numbered by their place among these."""
    x, labels = values(12), np.array([5, 2, 9, 5, 0, 2, 5, 9, 2, 0, 5, 9])
    save_file({"latents": x, "labels": labels}, tmp_path / "a.safetensors")
    splits, found = pairs(tmp_path, classes=(9, 2))
    known = {
        row.tobytes(): (9, 2).index(k) for row, k in zip(x, labels, strict=True) if k in (9, 2)
    }
    assert found == known and splits.images.classes == ("9", "2")
    assert Latents(path=str(tmp_path), side=64).settings.shape().dim == 4 * 64 * 64
    with pytest.raises(InputError, match=r"has no latents of the class 7 \(classes\)"):
        pairs(tmp_path, classes=(9, 7))
    with pytest.raises(ValueError, match="a label is named twice"):
        Latents(path=str(tmp_path), classes=(9, 9))
    np.save(tmp_path / "b.npy", x)
    (tmp_path / "a.safetensors").unlink()
    with pytest.raises(InputError, match="has no labels, of which classes names some"):
        pairs(tmp_path, classes=(9,))
