"""`tailbench rank`: new methods on the data of a record, and what is refused."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from in_process import make_targets
from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.metrics.group_scores import scores
from tailbench.metrics.ranking import ranking
from tailbench.pipeline import cli
from tailbench.pipeline.config.model import ConfigError
from tailbench.pipeline.recording import new_methods
from tailbench.pipeline.recording.method_config import merged_config, method_config
from tailbench.pipeline.recording.record import Record
from tailbench.pipeline.results.reader import read_metrics

MINE = {
    "models": {"mine": {"type": "mvt"}},
    "methods": {"mine": {"type": "mvt", "model": "mine"}, "kde_again": {"type": "kde"}},
}
LITE = {
    "datasets": ["gmm", "losses"],
    "seeds": ["0-1"],
    "share": 0.25,
    "agreement": {"bulk": {"held_out": 0.9}, "joint": {"held_out": 0.8}},
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the file of new methods, in an empty folder with the stages in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(new_methods, "run_snakemake", make_targets)

    def make(**keys):
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(MINE | keys, sort_keys=False))
        return path

    yield make
    registry.use_plugins([])


@pytest.fixture
def with_lite(record_folder, tmp_path):
    """A record with a part for --lite."""
    folder = shutil.copytree(record_folder, tmp_path / "with_lite")
    change(folder, lite=LITE)
    return folder


def change(folder, **keys):
    path = folder / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def rank(*arguments):
    command = ["rank", *map(str, arguments)]
    return CliRunner().invoke(cli.app, command, catch_exceptions=False).stdout


def test_new_methods_are_set_among_the_recorded(write, record_folder):
    file = write()
    printed = rank(file, "--record", record_folder, "--no-report")
    results = file.parent / "results" / "rank-mine"
    merged, record = read_metrics(results / "metrics.csv"), Record(record_folder)
    assert set(merged["method"]) == {*record.about.config["methods"], "mine", "kde_again"}
    old = merged[~merged["method"].isin(["mine", "kde_again"])].reset_index(drop=True)
    assert old["value"].to_numpy() == pytest.approx(record.metrics["value"].to_numpy(), nan_ok=True)
    floors = merged.groupby(["dataset", "seed", "metric"])["floor"].nunique(dropna=False)
    assert (floors == 1).all()
    values = merged.set_index(["method", "dataset", "seed", "metric"])["value"]
    again = values["kde_again"]  # from the record's model, by another name
    assert again.to_numpy() == pytest.approx(values["kde"][again.index].to_numpy(), nan_ok=True)
    ranks = ranking(scores(merged)).set_index(["group", "name"])
    lines = printed.splitlines()
    for group in ("bulk", "margins", "joint"):
        place = f"mine: {ranks.loc[(group, 'mine'), 'rank']:.0f} of 6 ("  # mvt lacks a data set
        assert any(row.startswith(place) for row in lines)
        assert ranks.loc[(group, "mine"), "datasets"] == 3
    marked = [row for row in lines if row.startswith(">")]
    assert len(marked) == 2 * 3 and all("mine" in row or "kde_again" in row for row in marked)
    assert "mine, kde_again among 5 methods of the record tiny, on 3 data sets" in printed


@pytest.mark.slow
def test_tables_figures_and_the_report_are_those_of_all_methods(write, record_folder):
    file = write()
    printed = rank(file, "--record", record_folder)
    results = file.parent / "results" / "rank-mine"
    methods = {*Record(record_folder).about.config["methods"], "mine", "kde_again"}
    assert set(pd.read_csv(results / "tables" / "ranking.csv")["method"]) == methods
    for name in ("ranking", "pareto"):
        assert (results / "figures" / name / "all.png").stat().st_size > 1000
    page = (results / "report.html").read_text()
    assert all(name in page for name in methods)
    assert printed.rstrip().endswith(f"The report is {results / 'report.html'}")


PLUGIN = '''
"""A model of somebody's own."""

from tailbench.registry import register
from toy_models import ToyGaussian


@register
class Toy(ToyGaussian):
    """A Gaussian of the mean and the covariance of the data."""
'''


def test_a_model_from_a_file_of_ones_own_is_not_computed_again(write, record_folder, tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "toy_gaussian.py").write_text(PLUGIN)
    file = write(
        plugins=["parts"],
        models={"toy": {"type": "toy_gaussian", "shrinkage": 0.5}},
        methods={"toy": {"type": "toy_gaussian", "model": "toy"}},
    )
    options = ("--record", record_folder, "--datasets", "gmm", "--no-report")
    printed = rank(file, *options)
    first = printed[printed.index("toy among 5 methods of the record tiny, on 1 data set") :]
    results = file.parent / "results" / "rank-mine"
    before = {p: p.stat().st_mtime_ns for p in results.rglob("samples.npy")}
    assert len(before) == 1
    assert rank(file, *options) == first  # the stages print nothing
    assert {p: p.stat().st_mtime_ns for p in results.rglob("samples.npy")} == before
    assert not (results / "report.html").exists()


def test_lite_runs_its_part_and_says_what_it_is_worth(write, with_lite):
    printed = " ".join(rank(write(), "--record", with_lite, "--lite", "--no-report").split())
    merged = read_metrics(write().parent / "results" / "rank-mine" / "metrics.csv")
    assert set(merged["dataset"]) == {"gmm", "losses"} and set(merged["seed"]) == {0, 1}
    assert "--lite is 25% of the whole" in printed and "0.90 (bulk), 0.80 (joint)" in printed
    assert "mine: place" in printed and "2 of the 5 seeds that a rank and a test need" in printed


def test_the_seeds_of_a_part_are_those_of_the_whole(record_folder, with_lite, write):
    whole = method_config(write(), Record(record_folder), ["gmm"])
    part = method_config(write(), Record(with_lite), lite=True)
    assert whole.seeds == ("0-4",) and part.seeds == ("0-1",)
    assert list(part.datasets) == ["gmm", "losses"] and list(whole.datasets) == ["gmm"]
    assert whole.budget == part.budget == {"train_steps": 7}
    assert whole.name == "rank-mine" and whole.figures == ()
    both = method_config(write(), Record(with_lite), ["losses", "stable"], lite=True)
    assert list(both.datasets) == ["losses"]


def test_the_budget_is_that_of_the_record_and_paths_become_absolute(record_folder, write, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "theirs.csv").write_text("x1,x2\n1,2\n")
    file = write(
        models={"net": {"type": "sgm"}, "long": {"type": "sgm", "train_steps": 9}},
        methods={
            "net": {"type": "sgm", "model": "net"},
            "file": {"type": "samples", "path": "mine/theirs.csv"},
        },
    )
    config = method_config(file, Record(record_folder))
    assert config.models["net"].values["train_steps"] == 7
    assert config.models["long"].values["train_steps"] == 9
    assert config.methods["file"].values["path"] == str(tmp_path / "mine" / "theirs.csv")
    merged = merged_config(config, Record(record_folder))
    assert merged.methods_on("gmm") == ("gaussian", "kde", "bootstrap", "copula_gpd", "net", "file")
    assert merged.methods_on("stable")[-2:] == ("net", "file")


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"datasets": {"gmm": {}}}, "mine.yaml: datasets is the record's; a new method has models"),
        ({"modelss": {}}, r"mine.yaml: modelss: unknown key \(did you mean 'models'\?\)"),
        ({"methods": {}}, "mine.yaml: methods: at least one entry is required"),
        ({"methods": 3}, "mine.yaml: methods: must be a mapping of names"),
        ({"methods": ["kde"]}, "mine.yaml: methods.kde: the record tiny has one of this name"),
        ({"models": {"mvt": {}}}, "mine.yaml: models.mvt: the record tiny has one of this name"),
        (
            {"models": {"mine": {"type": "mvt", "nuu": 3}}},
            "mine.yaml: models.mine.nuu: unknown key",
        ),
        (
            {"methods": {"x": {"type": "sgm"}}},
            "mine.yaml: methods.x.model: there is no model 'sgm'",
        ),
    ],
)
def test_mistakes_in_the_file_are_named(record_folder, write, keys, sentence):
    with pytest.raises(ConfigError, match=sentence):
        method_config(write(**keys), Record(record_folder))


def test_what_the_record_lacks_is_named(record_folder, with_lite, write):
    record = Record(record_folder)
    with pytest.raises(ConfigError, match=r"record tiny has no data set 'loses' .did you mean"):
        method_config(write(), record, ["loses"])
    with pytest.raises(ConfigError, match="the record tiny has no part for --lite"):
        method_config(write(), record, lite=True)
    with pytest.raises(ConfigError, match="--lite has none of the data sets stable; it has gmm"):
        method_config(write(), Record(with_lite), ["stable"], lite=True)
    change(with_lite, lite=LITE | {"seeds": ["4-5"]})
    with pytest.raises(ConfigError, match="the record tiny has no digest of gmm, seed 5"):
        method_config(write(), Record(with_lite), lite=True)


def test_a_missing_file_of_samples_is_named_before_anything_runs(record_folder, write):
    file = write(methods={"theirs": {"type": "samples", "path": "none.csv"}})
    with pytest.raises(ConfigError, match=r"methods\.theirs\.path: the file .*none\.csv does not"):
        rank(file, "--record", record_folder)
    assert not (file.parent / "results").exists()


def test_other_data_floors_and_metrics_are_refused_before_a_training(with_lite, write, monkeypatch):
    about = json.loads((with_lite / "record.json").read_text())
    file, options = write(), ("--record", with_lite, "--datasets", "gmm")
    results = file.parent / "results" / "rank-mine"
    change(with_lite, data=about["data"] | {"gmm": about["data"]["gmm"] | {"2": "0" * 16}})
    sentence = "data of gmm, seed 2, are not the same in the record tiny and in the run in results"
    with pytest.raises(InputError, match=sentence):
        rank(file, *options)
    change(with_lite, data=about["data"])
    table = read_metrics(with_lite / "metrics.csv")
    rows = (table["dataset"] == "gmm") & (table["seed"] == 1) & (table["metric"] == "msle")
    table["floor"] = np.where(rows, table["floor"] * (1 + 1e-6), table["floor"])
    table.to_csv(with_lite / "metrics.csv", index=False)
    with pytest.raises(
        InputError, match=r"the floor of gmm, seed 1, metric msle is .* of the same data"
    ):
        rank(file, *options)
    assert not (results / "models").exists() and (results / "metrics/gmm/floor").exists()
    change(with_lite, metrics=about["metrics"] | {"msle": 2})
    shutil.rmtree(results)
    with pytest.raises(
        InputError, match="msle has version 2 in the record tiny and 1 in this package"
    ):
        rank(file, *options)
    assert not results.exists()


def test_last_digits_of_a_floor_do_not_count(with_lite, write):
    table = read_metrics(with_lite / "metrics.csv")
    table["floor"] *= 1 + 1e-12
    table.to_csv(with_lite / "metrics.csv", index=False)
    assert "mine" in rank(write(), "--record", with_lite, "--datasets", "gmm", "--no-report")
    merged = read_metrics(write().parent / "results" / "rank-mine" / "metrics.csv")
    assert merged.groupby(["dataset", "seed", "metric"])["floor"].nunique().max() == 1
