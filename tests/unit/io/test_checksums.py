"""What was truncated or changed is refused by its name, whichever byte it is."""

import json
import shutil
import subprocess
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tailbench.data import Variant
from tailbench.exceptions import InputError
from tailbench.io.arrays import read_array, write_array
from tailbench.io.checksums import (
    SUMS,
    checksum,
    read_plain,
    read_record,
    read_sums,
    read_text,
    seal,
    verified,
    write_record,
    write_sums,
    write_text,
)
from tailbench.pipeline.cli import app
from tailbench.pipeline.results.layout import DATA_FILES
from tailbench.pipeline.results.reader import ResultsReader
from tailbench.pipeline.results.verify import damaged
from tailbench.pipeline.stages import claims, collect, data, evaluate, theory

TABLE = "dataset,seed,value\ngmm,0,0.25\ngmm,1,nan\n"
RECORD = {"alpha": 1.7, "seeds": [0, 1], "seconds": 1e-3, "images": None, "name": "é"}
ANEW = "delete it and rerun; the workflow will regenerate it"


def flip(path, place, bit=0):
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)


@pytest.fixture
def folder(tmp_path):
    """A folder with an array, a record and a table."""
    sums = {
        "samples.npy": write_array(tmp_path / "samples.npy", [np.arange(60.0).reshape(2, 10, 3)]),
        "record.json": write_record(tmp_path / "record.json", RECORD),
        "metrics.csv": write_text(tmp_path / "metrics.csv", TABLE),
    }
    write_sums(tmp_path, sums)
    return tmp_path


READ = {"samples.npy": read_array, "record.json": read_record, "metrics.csv": read_text}


def test_what_was_written_is_read(folder):
    assert read_array(folder / "samples.npy")[0, 1, 9, 2] == 59.0
    assert read_record(folder / "record.json") == RECORD
    assert read_text(folder / "metrics.csv") == TABLE == (folder / "metrics.csv").read_text()
    assert json.loads((folder / "record.json").read_text()) == RECORD
    assert verified(folder / "samples.npy") == folder / "samples.npy"


def test_coreutils_reads_the_checksums(folder):
    command = ["sha256sum", "--check", "--strict", SUMS]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "metrics.csv: OK\nrecord.json: OK\nsamples.npy: OK\n"
    flip(folder / "metrics.csv", 3)
    assert subprocess.run(command, cwd=folder, capture_output=True).returncode == 1


def test_the_checksums_of_coreutils_are_read(folder):
    done = subprocess.run(
        ["sha256sum", "-b", *READ], cwd=folder, capture_output=True, text=True, check=True
    )
    expected = read_sums(folder)
    (folder / SUMS).write_text(done.stdout)
    assert read_sums(folder) == expected


def test_equal_input_gives_equal_files(folder, tmp_path):
    names = [*READ, SUMS]
    before = [(folder / name).read_bytes() for name in names]
    for name in names:
        (folder / name).unlink()
    write_array(folder / "samples.npy", [np.arange(60.0).reshape(2, 10, 3)])
    write_record(folder / "record.json", RECORD)
    write_text(folder / "metrics.csv", TABLE)
    seal(folder, reversed(READ))
    assert [(folder / name).read_bytes() for name in names] == before


@pytest.mark.parametrize("name", READ)
def test_every_flipped_byte_is_noticed(folder, name):
    path, read = folder / name, READ[name]
    whole = path.read_bytes()
    for place in range(len(whole)):
        flip(path, place, place % 8)
        with pytest.raises(InputError) as caught:
            read(path)
        assert str(caught.value) == (
            f"{path} is corrupt, its checksum is not that in SHA256SUMS; {ANEW}"
        )
        path.write_bytes(whole)
    read(path)


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("kept", [0, 1, 7, 20, -1])
def test_what_was_truncated_is_noticed(folder, name, kept):
    path = folder / name
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=f"{name} is corrupt"):
        READ[name](path)


@pytest.mark.parametrize("name", READ)
def test_a_checksum_is_required(folder, name):
    path = folder / name
    write_sums(folder, {other: "0" * 64 for other in READ if other != name})
    with pytest.raises(InputError, match=f"SHA256SUMS has no checksum of {name}; {ANEW}"):
        READ[name](path)
    (folder / SUMS).unlink()
    with pytest.raises(InputError, match=f"{folder} has no SHA256SUMS; delete the folder and re"):
        READ[name](path)
    path.unlink()
    with pytest.raises(InputError, match=f"{name} does not exist"):
        READ[name](path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_of_the_checksums_changes_nothing_that_is_read(folder, place, bit):
    whole = (folder / SUMS).read_bytes()
    flip(folder / SUMS, place, bit)
    for name, read in READ.items():
        try:
            read(folder / name)
        except InputError as error:
            assert str(folder) in str(error) and ANEW in str(error)
    (folder / SUMS).write_bytes(whole)
    assert read_record(folder / "record.json") == RECORD


@pytest.mark.parametrize(
    "line", ["", "abc  a", "0" * 64, "0" * 64 + "  a/b", "A" * 64 + "  a", "\ud800"]
)
def test_a_line_that_is_no_checksum(folder, line):
    content = (folder / SUMS).read_bytes() + f"{line}\n".encode("utf-8", "surrogatepass")
    (folder / SUMS).write_bytes(content)
    with pytest.raises(InputError, match=f"SHA256SUMS is corrupt.*{ANEW}"):
        read_text(folder / "metrics.csv")


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "\x00", "[" * 100_000, "\ud800"])
def test_what_is_no_record(tmp_path, text):
    path = tmp_path / "meta.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    seal(tmp_path, [path.name])
    for read in (read_record, read_plain):
        with pytest.raises(InputError, match=r"meta\.json is corrupt.*" + ANEW):
            read(path)


def test_hashing_takes_no_memory(tmp_path):
    path = tmp_path / "samples.npy"
    path.write_bytes(bytes(20_000_000))
    tracemalloc.start()
    checksum(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


# the stages


@pytest.fixture
def job(tmp_path):
    """The data of a small dataset, and the command that computes its floor."""
    spec = json.dumps({"type": "gmm", "n_train": 40, "n_test": 30})
    folder = tmp_path / "data" / "gmm" / "0-1"
    data.run("gmm", "0-1", spec, folder)

    def run():
        output = tmp_path / "metrics" / "gmm" / "floor" / "0-1" / "metrics.csv"
        metrics = json.dumps({"msle": {"type": "msle"}})
        evaluate.run("gmm", "floor", "0-1", metrics, folder, output)
        return output

    return run, folder


def test_metrics_of_damaged_data_are_refused(job, tmp_path):
    run, folder = job
    assert read_text(run()).startswith("dataset,method,variant,seed,metric,value,seconds\n")
    shutil.rmtree(tmp_path / "metrics")
    for name in ("test.npy", "floor.npy", "meta.json"):
        whole = (folder / name).read_bytes()
        flip(folder / name, -1, 2)
        with pytest.raises(InputError, match=name):
            run()
        (folder / name).write_bytes(whole)
    assert not (tmp_path / "metrics").exists()
    run()


def test_data_that_are_made_again_are_the_same_bytes(job):
    _, folder = job
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "test.npy").unlink()
    data.run("gmm", "0-1", json.dumps({"type": "gmm", "n_train": 40, "n_test": 30}), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_damaged_table_of_a_cell_is_not_collected(fabricated, tmp_path):
    results = tmp_path / "results"
    path = results / "metrics" / "gmm" / "floor" / "0" / "metrics.csv"
    write_text(path, TABLE)
    seal(path.parent, [path.name])
    config = {
        "seeds": ["0"],
        "datasets": ["gmm"],
        "models": ["sgm"],
        "methods": ["sgm"],
        "metrics": ["msle"],
    }
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"floor/0/metrics\.csv is corrupt"):
        collect.run(results, json.dumps(config))
    assert not (results / "metrics.csv").exists()


def test_a_damaged_cell_of_an_experiment_is_not_fitted(tmp_path):
    spec = {"type": "w2_rate", "target": "gaussian", "horizon": 4.0, "steps": [4, 8]}
    folder = tmp_path / "theory" / "rate"
    cell = folder / "cells" / "gaussian" / "points.csv"
    theory.run("rate", "gaussian", json.dumps(spec), cell)
    assert damaged(tmp_path) == (1, {})
    flip(cell, 100)
    assert list(damaged(tmp_path)[1]) == [cell]
    with pytest.raises(InputError, match=r"cells/gaussian/points\.csv is corrupt.*" + ANEW):
        claims.run("rate", "w2_rate", [cell], folder)
    assert [path.name for path in folder.iterdir()] == ["cells"]


@pytest.fixture
def results(fabricated, tmp_path):
    return shutil.copytree(fabricated, tmp_path / "results")


READERS = {
    "metrics.csv": lambda inputs: inputs.metrics,
    "config.json": lambda inputs: inputs.config,
    "plan.json": lambda inputs: inputs.plan,
    "data/stable/0-1/train.npy": lambda inputs: inputs.train("stable"),
    "data/stable/2/floor.npy": lambda inputs: inputs.floor("stable"),
    "data/stable/0-1/meta.json": lambda inputs: inputs.meta("stable"),
    "samples/stable/sgm/2/samples.npy": lambda inputs: inputs.samples("stable")[Variant("sgm")],
    "samples/stable/sgm/2/record.json": lambda inputs: inputs.samples("stable")[Variant("sgm")],
}


@pytest.mark.parametrize("name", READERS)
def test_figures_are_not_drawn_of_damaged_files(results, name):
    path = results / name
    READERS[name](ResultsReader(results))
    flip(path, path.stat().st_size // 2, 1)
    with pytest.raises(InputError, match=name.rpartition("/")[2]):
        READERS[name](ResultsReader(results))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"seed,step\n0,1\n",
        b"seed,step,loss,val_loss\n0,1,x,2\n",
        b'"\n1,2,3',
        b"\xff\xfe,",
    ],
)
def test_a_history_that_is_no_table_of_losses(results, content):
    path = results / "models" / "stable" / "flow" / "2" / "history.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"flow/2/history\.csv is corrupt.*" + ANEW):
        ResultsReader(results).history("stable")


def test_verify_names_and_removes_what_is_damaged(job, tmp_path):
    run, folder = job
    run()
    count, found = damaged(tmp_path)
    assert (count, found) == (len(DATA_FILES) - 1 + 1, {})
    flip(folder / "train.npy", 200)
    flip(tmp_path / "metrics" / "gmm" / "floor" / "0-1" / "metrics.csv", 50)
    call = CliRunner().invoke(app, ["verify-results", "--results", str(tmp_path)])
    lines = call.stdout.splitlines()
    assert call.exit_code == 1 and len(lines) == 3
    assert f"{folder}/train.npy is corrupt" in lines[0]
    assert "floor/0-1/metrics.csv is corrupt" in lines[1]
    assert lines[2] == f"8 files of {tmp_path} read, 2 of them corrupt"
    call = CliRunner().invoke(app, ["verify-results", "--results", str(tmp_path), "--remove"])
    assert call.exit_code == 0
    assert {path.name for path in folder.iterdir()} == {*DATA_FILES} - {"train.npy"}
    call = CliRunner().invoke(app, ["verify-results", "--results", str(tmp_path)])
    assert (call.exit_code, call.stdout) == (0, f"6 files of {tmp_path} read, 0 of them corrupt\n")


def test_files_without_checksums_have_to_go(job, tmp_path):
    _, folder = job
    (folder / "extra.npy").write_bytes(b"")
    assert list(damaged(tmp_path)[1]) == [folder / "extra.npy"]
    (folder / "extra.npy").unlink()
    (folder / SUMS).write_text("{")
    assert set(damaged(tmp_path)[1]) == {folder / name for name in DATA_FILES}
    (folder / SUMS).unlink()
    assert set(damaged(tmp_path)[1]) == {folder / name for name in DATA_FILES if name != SUMS}


def test_verify_reads_every_folder(results):
    listed = [name for path in results.rglob(SUMS) for name in read_sums(path.parent)]
    assert damaged(results) == (len(listed), {})


def test_verify_needs_a_folder(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        damaged(tmp_path / "nowhere")
