"""What a record holds, what it is written from, and what is refused."""

import gzip
import importlib
import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from repository import ROOT
from tailbench.exceptions import InputError
from tailbench.io.row_digests import rows_digest
from tailbench.metrics.group_scores import QUALITY
from tailbench.pipeline import cli
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.recording import writing
from tailbench.pipeline.recording.facts import Facts, check_alike, metric_versions
from tailbench.pipeline.recording.record import Record
from tailbench.pipeline.results.reader import read_metrics
from tailbench.pipeline.runtime.workflow_files import records


@pytest.fixture
def copied(record_folder, tmp_path):
    """A record to be changed."""
    return shutil.copytree(record_folder, tmp_path / "copied")


def change(folder, **keys):
    path = folder / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def test_it_holds_the_table_the_configuration_and_digests_of_the_rows(finished_run, record_folder):
    record = Record(record_folder)
    about = record.about
    assert (about.name, about.commit) == ("tiny", "abc")
    assert parse(about.config).raw() == about.config
    assert about.metrics == {"sliced_wasserstein": 1, "msle": 1, "angular": 1}
    assert {"system", "processor", "cores"} <= set(about.machine) and "numpy" in about.versions
    written = (record_folder / "metrics.csv").read_bytes()
    assert written == (finished_run / "metrics.csv").read_bytes()
    assert set(about.data) == {"stable", "gmm", "losses"}
    for dataset, digests in about.data.items():
        folder = finished_run / "data" / dataset / "0-4"
        parts = [f"{p}{end}.npy" for end in ("", "_labels") for p in ("train", "test", "floor")]
        arrays = [np.load(folder / name) for name in parts]
        assert digests == {e: rows_digest(a[e] for a in arrays) for e in range(5)}
        assert len(set(digests.values())) == 5


def test_the_table_of_contents_counts_what_is_there(finished_run, record_folder):
    metrics = read_metrics(finished_run / "metrics.csv")
    found = pd.read_csv(record_folder / "contents.csv", keep_default_na=False)
    assert list(found["dataset"]) == ["stable", "gmm", "losses"]
    assert list(found["methods"]) == [5, 4, 5]
    assert found["values"].sum() == len(metrics)
    sizes = found[["columns", "train_rows", "held_out_rows", "seeds"]].to_numpy()
    assert (sizes == [2, 300, 300, 5]).all()
    assert (found["missing"] == "").all()


def test_a_large_table_is_compressed_to_the_same_bytes_each_time(finished_run, copied, monkeypatch):
    monkeypatch.setattr(writing, "LARGE", 1000)
    writing.write_record_of(finished_run, copied)
    packed = (copied / "metrics.csv.gz").read_bytes()
    assert gzip.decompress(packed) == (finished_run / "metrics.csv").read_bytes()
    assert not (copied / "metrics.csv").exists()
    pd.testing.assert_frame_equal(
        Record(copied).metrics, read_metrics(finished_run / "metrics.csv")
    )
    writing.write_record_of(finished_run, copied)
    assert (copied / "metrics.csv.gz").read_bytes() == packed
    monkeypatch.undo()
    writing.write_record_of(finished_run, copied)
    assert not (copied / "metrics.csv.gz").exists() and (copied / "metrics.csv").exists()


def test_figures_times_and_gaps_are_recorded(finished_run, tmp_path):
    results = shutil.copytree(finished_run, tmp_path / "tiny")
    for figure, names in {"ranking": ["all"], "survival": ["gmm", "losses"]}.items():
        (results / "figures" / figure).mkdir(parents=True)
        for name in names:
            (results / "figures" / figure / f"{name}.png").write_bytes(name.encode())
    for stage, row in {"train/gmm/kde/0-4": "40\t30.0", "train/gmm/mvt/0-4": "6\tNA"}.items():
        path = results / "benchmarks" / f"{stage}.tsv"
        path.parent.mkdir(parents=True)
        path.write_text(f"s\tcpu_time\n{row}\n")
    folder = tmp_path / "record"
    command = ["record", str(results), str(folder), "--figures", "ranking, survival/losses"]
    printed = CliRunner().invoke(cli.app, command, catch_exceptions=False).stdout
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("metrics.csv", "record.json", "contents.csv", "ranking.png", "survival-losses.png")
    }
    assert (folder / "survival-losses.png").read_bytes() == b"losses"
    assert len(printed.splitlines()) == len(names) and all(name in printed for name in names)
    assert Record(folder).about.cpu_minutes == {"train": 0.6}
    for wrong in ("rankin", "survival/gm"):
        with pytest.raises(InputError, match=f"has no figure '{wrong}' .did you mean"):
            writing.write_record_of(results, tmp_path / "other", [wrong])
    assert not (tmp_path / "other").exists()


def test_a_run_that_was_not_collected_is_refused(tmp_path, finished_run):
    with pytest.raises(InputError, match="do not exist"):
        writing.write_record_of(tmp_path, tmp_path / "record")
    shutil.copy(finished_run / "metrics.csv", tmp_path)
    with pytest.raises(InputError, match="has no plan of a benchmark"):
        writing.write_record_of(tmp_path, tmp_path / "record")


def test_a_folder_that_is_no_record_is_named(copied, tmp_path):
    with pytest.raises(InputError, match=r"holds no record: it has no record\.json"):
        Record(tmp_path)
    change(copied, format=2)
    with pytest.raises(InputError, match=r"record\.json is no record: format: "):
        Record(copied)
    (copied / "record.json").write_text("[]")
    with pytest.raises(InputError, match="holds no mapping"):
        Record(copied)
    with pytest.raises(InputError, match="there is no record 'nothing'"):
        Record.find("nothing")


def test_records_that_come_with_the_package_are_whole():
    for name, folder in records().items():
        record = Record.find(name)
        assert record.folder == folder and parse(record.about.config)
        assert set(record.metrics["dataset"]) <= set(record.about.data)


def test_versions_are_those_of_the_classes(monkeypatch):
    from tailbench.metrics.msle import MSLE

    config = {"metrics": {"mine": {"type": "msle"}, "angular": {"type": "angular"}}}
    assert metric_versions(config) == {"mine": 1, "angular": 1}
    monkeypatch.setattr(MSLE, "version", 3, raising=False)
    assert metric_versions(config) == {"mine": 3, "angular": 1}


def test_runs_on_other_rows_or_by_other_metrics_are_refused():
    one = Facts({"d": {0: "aa", 1: "bb"}}, {"msle": ({"level": 0.9}, 1)})
    check_alike({"x": one, "y": Facts({"d": {1: "bb", 2: "cc"}, "e": {1: "dd"}}), "z": Facts()})
    check_alike({"x": one, "y": Facts(metrics={"msle": ({"level": 0.9, "new": 1}, 1)})})
    with pytest.raises(
        InputError, match=r"data of d, seed 1, are not the same in x and in y: .*bb and cc"
    ):
        check_alike({"x": one, "y": Facts({"d": {1: "cc"}})})
    with pytest.raises(InputError, match="metric msle has version 1 in x and 2 in y"):
        check_alike({"x": one, "y": Facts(metrics={"msle": ({"level": 0.9}, 2)})})
    with pytest.raises(InputError, match="metric msle has other settings in x than in y"):
        check_alike({"x": one, "y": Facts(metrics={"msle": ({"level": 0.5}, 1)})})


def test_merge_reads_what_lies_beside_the_tables(finished_run, copied, tmp_path):
    other = read_metrics(copied / "metrics.csv")
    other["method"] = "other_" + other["method"]
    other.to_csv(copied / "metrics.csv", index=False)
    files = [str(finished_run / "metrics.csv"), str(copied / "metrics.csv")]
    output = tmp_path / "merged.csv"

    def merge():
        CliRunner().invoke(cli.app, ["merge", *files, "-o", str(output)], catch_exceptions=False)

    merge()
    assert len(read_metrics(output)) == 2 * len(other)
    digests = json.loads((copied / "record.json").read_text())["data"]
    digests["gmm"]["3"] = "0123456789abcdef"
    change(copied, data=digests)
    with pytest.raises(InputError, match="the data of gmm, seed 3, are not the same in"):
        merge()


def test_the_part_for_lite_is_written_into_the_record(copied, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    script = importlib.import_module("lite")
    before = Record(copied).about
    for level in ("0.3", "1.0"):
        command = ["lite", str(copied), "--write", "--correlation", level, "--least-seeds", "2"]
        monkeypatch.setattr(sys, "argv", command)
        script.main()
        about = Record(copied).about
        assert about.model_copy(update={"lite": None}) == before and about.lite is not None
        assert set(about.lite.datasets) <= set(about.data)
        (block,) = about.lite.seeds
        assert len(parse_block(block)) >= 2 and set(about.lite.agreement) == {*QUALITY}
        assert all(of["held_out"] >= float(level) - 1e-9 for of in about.lite.agreement.values())
    assert "| seeds | data sets | share | bulk | margins | joint |" in capsys.readouterr().out
