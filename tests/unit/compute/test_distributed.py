"""Several processes on one job, started by torchrun as a cluster would: real ones, on CPUs."""

import csv
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from fabricate import seal
from tailbench.compute.distributed import Processes
from tailbench.data import ImageLayout
from tailbench.io.arrays import write_array
from tailbench.models.sgm import SGM
from tailbench.pipeline.results.failures import read_failure

SETTINGS = {
    "train_steps": 60,
    "batch_size": 33,
    "validate_every": 20,
    "validation_fraction": 0.13,
    "width": 16,
}
UNET = {"network": "unet", "multipliers": [1, 2], "num_blocks": 1}
MODELS = {
    "sgm": {"type": "sgm", **UNET},
    "dlpm": {"type": "dlpm", **UNET},
}
LONG = {"train_steps": 80, "validate_every": 5}
IMAGES = ImageLayout((1, 4, 4))


@given(n=st.integers(0, 1000), count=st.integers(1, 50))
def test_shares_are_all_things_once_and_even(n, count):
    shares = [range(n)[Processes(rank, count).share(n)] for rank in range(count)]
    assert [thing for share in shares for thing in share] == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two seeds of 300 images of 4 by 4 pixels."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    x = [rng.integers(0, 256, (300, 16)).astype(np.uint8) for _ in range(2)]
    write_array(folder / "train.npy", x)
    write_array(folder / "test.npy", x)
    images = {"shape": [1, 4, 4], "classes": [], "pixels": True}
    meta = {"images": images, "rows": {"train": 300, "test": 300}}
    seal(folder / "meta.json", folder.glob("*.npy"), meta)
    return folder


def command(count, *arguments):
    every = [*arguments, f"--processes={count}"]
    return [sys.executable, "-m", "tailbench", "job", *map(str, every)]


def training(data, folder, model, count=1, **changes):
    settings = SETTINGS | MODELS[model] | changes
    return command(
        count, "train", "--dataset=toy", f"--model={model}", "--seeds=0-1", "--code=1",
        f"--spec={json.dumps(settings)}", f"--data={data / 'train.npy'}",
        f"--folder={folder / model / '0-1'}", f"--state={folder / 'state'}", "--device=cpu",
    )  # fmt: skip


def run(arguments, succeeds=True):
    done = subprocess.run(arguments, env=environment(), text=True, capture_output=True, timeout=300)
    assert (done.returncode == 0) == succeeds, done.stdout + done.stderr
    return done.stdout + done.stderr


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("COV")} | {
        "TAILBENCH_CHECKPOINT_SECONDS": "0"
    }


def curve(folder, model="sgm"):
    with (folder / model / "0-1" / "history.csv").open(newline="") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    return np.array([[row[k] for k in ("seed", "step", "loss", "val_loss")] for row in rows])


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """Give a model trained by one process and by two, and what the two said."""

    @functools.cache
    def get(model):
        folders = [tmp_path_factory.mktemp(f"by-{count}") for count in (1, 2)]
        run(training(data, folders[0], model))
        return *folders, run(training(data, folders[1], model, 2))

    return get


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_two_processes_learn_what_one_learns_from_the_whole_batch(trained, model):
    alone, together, _ = trained(model)
    assert len(curve(alone, model)) == 2 * 4  # seeds and validations
    # sums in another order, over 60 steps in single precision
    np.testing.assert_allclose(curve(together, model), curve(alone, model), rtol=2e-4)


@pytest.mark.slow
def test_one_of_the_processes_speaks(trained):
    said = trained("sgm")[2]
    assert said.count("toy/sgm, seed 0") >= 1
    assert said.count("60/60") <= 2  # one for each seed


@pytest.mark.slow
def test_two_processes_draw_what_one_draws(trained, data, tmp_path):
    spec = {"type": "sgm", "model": "sgm", "parts": {"model": ["sgm"]}, "sampling_steps": 3}

    def drawn(count):
        output = tmp_path / f"{count}" / "samples.npy"
        arguments = [
            "sample", "--dataset=toy", "--method=sgm", "--seeds=0-1", "--device=cpu",
            f"--spec={json.dumps(spec)}", f"--models={trained('sgm')[0]}", f"--data={data}",
            f"--output={output}",
        ]  # fmt: skip
        run(command(count, *arguments))
        meta = json.loads(output.with_name("record.json").read_text())
        return np.load(output)[0], meta["variants"][0]["nfe"]

    (one, cost), (two, same_cost) = drawn(1), drawn(2)
    assert one.shape == two.shape == (2, 300, 16) and cost == same_cost
    assert (np.abs(one).max(axis=2) > 0).all()
    np.testing.assert_allclose(one, two, atol=1e-4)


def begun(data, folder, **streams):
    """Start a training by two processes, and give it when it has its first states."""
    process = subprocess.Popen(
        training(data, folder, "sgm", 2, **LONG), env=environment(), **streams
    )
    while not (folder / "state" / "seeds-0-0-cpu.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.02)
    return process


@pytest.fixture(scope="module")
def killed(data, tmp_path_factory):
    """A training by two processes, killed after its first states."""
    folder = tmp_path_factory.mktemp("killed")
    process = begun(data, folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # the workers are in sessions of their own, and would outlive the one that started them
    for each in [*psutil.Process(process.pid).children(recursive=True), process]:
        each.kill()
    process.wait()
    assert not (folder / "sgm").exists()
    return folder


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The same, not killed."""
    folder = tmp_path_factory.mktemp("whole")
    run(training(data, folder, "sgm", 2, **LONG))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 1])
def test_goes_on_after_a_kill_also_with_another_number(data, killed, whole, tmp_path, count):
    folder = shutil.copytree(killed, tmp_path / "results")
    said = run(training(data, folder, "sgm", count, **LONG))
    assert said.count("resuming at step") == 1
    assert not (folder / "state").exists()
    if count == 1:  # to rounding
        np.testing.assert_allclose(curve(folder), curve(whole), rtol=1e-2)
        return
    np.testing.assert_array_equal(curve(folder), curve(whole))
    first, second = (load_file(f / "sgm" / "0-1" / "model.safetensors") for f in (folder, whole))
    assert first.keys() == second.keys()
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_a_signal_reaches_them_through_the_one_that_started_them(data, whole, tmp_path, name):
    process = begun(data, tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    process.send_signal(getattr(signal, name))
    said = process.communicate(timeout=120)[0]
    assert process.returncode != 0
    assert said.count(f"interrupted by {name}; checkpoint saved in {tmp_path / 'state'}") == 1
    assert "resuming at step" in run(training(data, tmp_path, "sgm", 2, **LONG))
    np.testing.assert_array_equal(curve(tmp_path), curve(whole))


def test_dropout_depends_on_the_seed_and_the_step_alone():
    x = np.random.default_rng(0).integers(0, 256, (300, 16)).astype(np.uint8)
    options = SETTINGS | UNET | {"dropout": 0.3, "train_steps": 20, "validate_every": 10}
    torch.manual_seed(1)
    first = SGM(device="cpu", **options).fit(x, images=IMAGES, verbose=False)
    state = torch.get_rng_state()
    torch.manual_seed(2)
    again = SGM(device="cpu", **options).fit(x, images=IMAGES, verbose=False)
    assert [row["loss"] for row in first.history] == [row["loss"] for row in again.history]
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)  # nor is the user's generator moved


def test_a_batch_is_not_cut_into_nothing(data, tmp_path):
    said = run(training(data, tmp_path, "sgm", 2, batch_size=1))
    assert "batch_size: 2 processes cannot share a batch of 1" in said
    failure = read_failure(tmp_path / "sgm" / "0-1")
    assert failure is not None and "cannot share a batch of 1" in failure.reason
