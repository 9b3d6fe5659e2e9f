"""A full disk: an error that names the file, nothing half written, and what was there is kept."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from tailbench.exceptions import DiskFull
from tailbench.io.arrays import write_array
from tailbench.io.atomic import atomic_write, replacing
from tailbench.io.checksums import write_record, write_sums, write_text
from tailbench.models.flow import Flow
from tailbench.pipeline.results.layout import DATA_FILES
from tailbench.pipeline.stages import data
from tailbench.training.checkpoint import Checkpoint

LARGE = np.random.default_rng(0).standard_normal((2, 50_000, 2))  # 800 kB in single precision
SPEC = json.dumps({"type": "alpha_stable", "n_train": 60_000, "n_test": 50})


@pytest.fixture
def disk(small_disk, fill, tmp_path):
    """A disk with 200 kB free, and the file that has to be deleted for more."""
    folder = small_disk(tmp_path / "disk", 4_000_000)
    (folder / "old").write_bytes(b"old")
    return folder, fill(folder, 200_000)


def _csv(path):
    with replacing(path) as temporary:
        pd.DataFrame(LARGE[0]).to_csv(temporary)


def _figure(path):
    from matplotlib.figure import Figure

    drawn = Figure((30, 30), dpi=200)
    drawn.subplots().imshow(LARGE[0].reshape(250, 400), interpolation="nearest")
    with replacing(path) as temporary:
        drawn.savefig(temporary, format="png")


def _folder(path):
    with replacing(path) as temporary:
        temporary.mkdir()
        for name in "abc":
            (temporary / name).write_bytes(bytes(100_000))


def _model(path):
    x = np.random.default_rng(0).standard_normal((60, 2))
    model = Flow(train_steps=1, batch_size=16, layers=1, width=300, device="cpu").fit(
        x, verbose=False
    )
    model.save(path.parent)


WRITERS = {
    "bytes": ("old", lambda path: atomic_write(path, bytes(400_000))),
    "text": ("old", lambda path: atomic_write(path, "x" * 400_000)),
    "array": ("old", lambda path: write_array(path, list(LARGE))),
    "record": ("old", lambda path: write_record(path, {"x": list(range(100_000))})),
    "table": ("old", lambda path: write_text(path, "a,b\n" * 100_000)),
    "sums": (
        "SHA256SUMS",
        lambda path: write_sums(path.parent, {f"{i}.npy": "0" * 64 for i in range(5000)}),
    ),
    "pandas": ("old", _csv),
    "matplotlib": ("old", _figure),
    "folder": ("old", _folder),
    "model": ("model.safetensors", _model),
    "state": (
        "flow.safetensors",
        lambda path: Checkpoint(path.parent, "k").save("flow", {"x": torch.zeros(200_000)}, {}),
    ),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_writer(kind, disk):
    folder, filler = disk
    name, write = WRITERS[kind]
    before = sorted(folder.iterdir())
    with pytest.raises(DiskFull) as caught:
        write(folder / name)
    assert str(caught.value) == (
        f"there is no space left to write {folder / name}: free some and run again; what is "
        "finished is kept"
    )
    assert sorted(folder.iterdir()) == before  # nothing half written, nothing lost
    assert (folder / "old").read_bytes() == b"old"
    filler.unlink()
    write(folder / name)
    assert (folder / name).exists()


def test_other_errors_are_as_they_were(tmp_path):
    with pytest.raises(PermissionError), replacing(tmp_path / "x"):
        raise PermissionError(13, "Permission denied")
    with pytest.raises(OSError, match="unusual") as caught, replacing(tmp_path / "x"):
        raise OSError("unusual")
    assert not isinstance(caught.value, DiskFull)


def test_a_job_ends_with_one_sentence_and_goes_on_later(disk):
    folder, filler = disk
    command = [
        sys.executable,
        "-m",
        "tailbench",
        "job",
        "data",
        "--dataset",
        "stable",
        "--seeds",
        "0-1",
    ]
    command += ["--spec", SPEC, "--folder", "data"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("tailbench: there is no space left to write data/train")
    assert done.stderr.count("\n") == 1
    assert not list(folder.glob("data/*"))
    filler.unlink()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    assert {path.name for path in folder.glob("data/*")} == set(DATA_FILES)


def test_checksums_are_not_written_without_the_arrays(disk):
    """The checksums come last: a folder with them is whole."""
    folder, _ = disk
    with pytest.raises(DiskFull):
        data.run("stable", "0-1", SPEC, folder / "data")
    assert not (folder / "data" / "SHA256SUMS").exists()
