"""What was truncated or changed is refused by its name, whichever byte it is."""

import hashlib
import json
import shutil
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tailbench.exceptions import InputError
from tailbench.io.arrays import read_arrays, write_arrays, write_rows
from tailbench.io.checksums import (
    checksum,
    read_record,
    read_table,
    record_of,
    verified,
    write_record,
    write_table,
)
from tailbench.pipeline.cli import app
from tailbench.pipeline.results.reader import ResultsReader
from tailbench.pipeline.results.verify import damaged
from tailbench.pipeline.stages import claims, collect, data, evaluate, theory

TABLE = "dataset,seed,value\ngmm,0,0.25\ngmm,1,nan\n"
RECORD = {"alpha": 1.7, "members": [0, 1], "seconds": 1e-3, "images": None, "name": "é"}
ANEW = "delete it and run again: it is made anew where it is needed"


def flip(path, place, bit=0):
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)


@pytest.fixture
def arrays(tmp_path):
    """A file of samples with its record."""
    path = tmp_path / "0-1.safetensors"
    made = write_arrays(path, {"sgm": np.arange(60.0).reshape(2, 10, 3)})
    write_record(record_of(path), {"sha256": {path.name: made}})
    return path


def test_the_checksum_is_that_of_the_file(tmp_path, arrays):
    rows = tmp_path / "train.safetensors"
    made = write_rows(rows, {"train": [np.ones((4, 2)), np.zeros((4, 2))]})
    assert made == hashlib.sha256(rows.read_bytes()).hexdigest() == checksum(rows)
    assert verified(arrays) == arrays
    assert read_arrays(arrays)["sgm"].shape == (2, 10, 3)


def test_equal_input_gives_equal_files(tmp_path, arrays):
    again = tmp_path / "again" / arrays.name
    made = write_arrays(again, {"sgm": np.arange(60.0).reshape(2, 10, 3)})
    write_record(record_of(again), {"sha256": {again.name: made}})
    assert again.read_bytes() == arrays.read_bytes()
    assert record_of(again).read_bytes() == record_of(arrays).read_bytes()


def test_every_flipped_byte_of_an_array_is_noticed(arrays):
    whole = arrays.read_bytes()
    for place in range(len(whole)):
        flip(arrays, place, place % 8)
        with pytest.raises(InputError, match=r"0-1\.safetensors is damaged.*0-1\.json; " + ANEW):
            read_arrays(arrays)
        arrays.write_bytes(whole)
    assert read_arrays(arrays)["sgm"][1, 9, 2] == 59.0


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 100, -1])
def test_a_truncated_array_is_noticed(arrays, kept):
    arrays.write_bytes(arrays.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"0-1\.safetensors is damaged"):
        read_arrays(arrays)


def test_a_checksum_is_asked_for(arrays):
    record = record_of(arrays)
    write_record(record, {"variants": {}})
    with pytest.raises(InputError, match=r"0-1\.json has no checksum of 0-1\.safetensors; " + ANEW):
        read_arrays(arrays)
    record.unlink()
    with pytest.raises(InputError, match=r"0-1\.json does not exist"):
        read_arrays(arrays)
    arrays.unlink()
    with pytest.raises(InputError, match=r"0-1\.safetensors does not exist"):
        read_arrays(arrays)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_of_a_record_changes_nothing_that_is_read(tmp_path, place, bit):
    path = tmp_path / "meta.json"
    write_record(path, RECORD)
    flip(path, place, bit)
    try:
        assert read_record(path) == RECORD  # white space is not content
    except InputError as error:
        assert "meta.json" in str(error) and str(error).endswith(ANEW)


def test_layout_and_order_of_a_record_do_not_count(tmp_path):
    path = tmp_path / "meta.json"
    write_record(path, RECORD)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(content.items())), indent=4))
    assert read_record(path) == RECORD


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", '{"a": 1}', "\x00", "[" * 100_000, "\ud800"])
def test_what_is_no_record(tmp_path, text):
    path = tmp_path / "meta.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match=r"meta\.json .*" + ANEW):
        read_record(path)


def test_every_flipped_byte_of_a_table_is_noticed(tmp_path):
    path = tmp_path / "0-1.csv"
    write_table(path, TABLE)
    assert read_table(path) == TABLE
    whole = path.read_bytes()
    for place in range(len(whole)):
        flip(path, place, place % 8)
        with pytest.raises(InputError, match=r"0-1\.csv is damaged.*" + ANEW):
            read_table(path)
        path.write_bytes(whole[:place])
        with pytest.raises(InputError, match=r"0-1\.csv is damaged"):
            read_table(path)
        path.write_bytes(whole)


def test_hashing_takes_no_memory(tmp_path):
    path = tmp_path / "0-1.safetensors"
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
        output = tmp_path / "metrics" / "gmm" / "floor" / "0-1.csv"
        metrics = json.dumps({"msle": {"type": "msle"}})
        evaluate.run("gmm", "floor", "0-1", metrics, folder, output)
        return output

    return run, folder


def test_metrics_of_damaged_data_are_refused(job, tmp_path):
    run, folder = job
    assert read_table(run()).startswith("dataset,method,family,seed,metric,value,seconds\n")
    shutil.rmtree(tmp_path / "metrics")
    for name in ("test.safetensors", "meta.json"):
        whole = (folder / name).read_bytes()
        flip(folder / name, -30 if name == "meta.json" else -1, 2)
        with pytest.raises(InputError, match=name):
            run()
        (folder / name).write_bytes(whole)
    assert not (tmp_path / "metrics").exists()
    run()


def test_data_that_are_made_again_are_the_same_bytes(job):
    _, folder = job
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "test.safetensors").unlink()
    data.run("gmm", "0-1", json.dumps({"type": "gmm", "n_train": 40, "n_test": 30}), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_damaged_table_of_a_cell_is_not_collected(fabricated, tmp_path):
    results = tmp_path / "results"
    write_table(results / "metrics" / "gmm" / "floor" / "0.csv", TABLE)
    config = {
        "seeds": ["0"],
        "datasets": ["gmm"],
        "models": ["sgm"],
        "methods": ["sgm"],
        "metrics": ["msle"],
    }
    path = results / "metrics" / "gmm" / "floor" / "0.csv"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"floor/0\.csv is damaged"):
        collect.run(results, json.dumps(config))
    assert not (results / "metrics.csv").exists()


def test_a_damaged_cell_of_an_experiment_is_not_fitted(tmp_path):
    spec = {"type": "w2_rate", "target": "gaussian", "horizon": 4.0, "steps": [4, 8]}
    folder = tmp_path / "theory" / "rate"
    cell = folder / "cells" / "gaussian.csv"
    theory.run("rate", "gaussian", json.dumps(spec), cell)
    assert damaged(tmp_path) == (1, {})
    flip(cell, 100)
    assert list(damaged(tmp_path)[1]) == [cell]
    with pytest.raises(InputError, match=r"cells/gaussian\.csv is damaged.*" + ANEW):
        claims.run("rate", "w2_rate", [cell], folder)
    assert [path.name for path in folder.iterdir()] == ["cells"]


@pytest.fixture
def results(fabricated, tmp_path):
    return shutil.copytree(fabricated, tmp_path / "results")


READERS = {
    "metrics.csv": lambda inputs: inputs.metrics,
    "config.json": lambda inputs: inputs.config,
    "plan.json": lambda inputs: inputs.plan,
    "data/stable/0-1/train.safetensors": lambda inputs: inputs.train("stable"),
    "data/stable/2/test.safetensors": lambda inputs: inputs.floor("stable"),
    "data/stable/0-1/meta.json": lambda inputs: inputs.meta("stable"),
    "samples/stable/sgm/2.safetensors": lambda inputs: inputs.samples("stable")["sgm"],
    "samples/stable/sgm/2.json": lambda inputs: inputs.samples("stable")["sgm"],
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
        b"member,step\n0,1\n",
        b"member,step,loss,val_loss\n0,1,x,2\n",
        b'"\n1,2,3',
        b"\xff\xfe,",
    ],
)
def test_a_history_that_is_no_table_of_losses(results, content):
    path = results / "models" / "stable" / "flow" / "2" / "history.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"flow/2/history\.csv is damaged.*" + ANEW):
        ResultsReader(results).history("stable")


def test_verify_names_and_removes_what_is_damaged(job, tmp_path):
    run, folder = job
    run()
    count, found = damaged(tmp_path)
    assert (count, found) == (4, {})
    flip(folder / "train.safetensors", 200)
    flip(tmp_path / "metrics" / "gmm" / "floor" / "0-1.csv", 50)
    call = CliRunner().invoke(app, ["verify", "--results", str(tmp_path)])
    lines = call.stdout.splitlines()
    assert call.exit_code == 1 and len(lines) == 3
    assert f"{folder}/train.safetensors is damaged" in lines[0]
    assert "floor/0-1.csv is damaged" in lines[1]
    assert lines[2] == f"4 files of {tmp_path} read, 2 of them damaged"
    call = CliRunner().invoke(app, ["verify", "--results", str(tmp_path), "--remove"])
    assert call.exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["meta.json", "test.safetensors"]
    call = CliRunner().invoke(app, ["verify", "--results", str(tmp_path)])
    assert (call.exit_code, call.stdout) == (0, f"2 files of {tmp_path} read, 0 of them damaged\n")


def test_a_damaged_record_takes_the_blame_alone(job, tmp_path):
    _, folder = job
    (folder / "meta.json").write_text("{")
    assert list(damaged(tmp_path)[1]) == [folder / "meta.json"]


def test_verify_needs_a_folder(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        damaged(tmp_path / "nowhere")
