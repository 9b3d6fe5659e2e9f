"""tailbench init: a configuration that validates, from a table."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tailbench.exceptions import InputError
from tailbench.pipeline import cli
from tailbench.pipeline.config.parse import load
from tailbench.pipeline.config.preflight import check_data


def run(*arguments, command="init"):
    return CliRunner().invoke(cli.app, [command, *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def losses(n=600):
    rng = np.random.default_rng(0)
    fire = 1e6 * rng.pareto(1.5, n)
    days = pd.date_range("2015-01-01", periods=n).strftime("%d.%m.%Y")
    storm = np.where(rng.random(n) < 0.3, 0, rng.pareto(0.9, n))
    return pd.DataFrame(
        {"day": days, "claim_id": range(n), "fire": fire, "storm": storm, "fire eur": 1.1 * fire}
    )


def test_a_table_of_losses(folder):
    losses().to_csv("losses.csv", index=False, sep=";", decimal=",")
    done = run("losses.csv")
    assert done.exit_code == 0 and max(map(len, done.output.splitlines())) <= 80
    config = load("config.yaml")
    check_data(config, "config.yaml")
    (name,) = config.datasets
    settings = config.datasets[name].settings
    assert settings.columns == ("fire", "storm") and settings.split == "chronological"
    assert {"bootstrap", "gaussian", "mvt", "copula_gpd", "kde", "fm", "sgm"} <= set(config.methods)
    assert config.models["sgm"].settings.margins == "tail" and config.seeds == ("0-2",)
    assert config.models["fm"].settings.train_steps == 500
    assert config.datasets[name].support == {"fire": (0.0, None), "storm": (0.0, None)}
    assert config.datasets[name].atoms == "auto"
    for text in (done.output, (folder / "config.yaml").read_text()):
        flat = " ".join(text.replace("#", " ").split())
        assert "day rises, 2015-01-01 to 2016-08-22: the last 25 % are held out" in flat
        assert "storm is never below 0, and is equal to 0 in 3" in flat
        assert "fire eur is 1.1 times 'fire'" in flat
        assert "fields parted by semicolons and decimal commas" in flat
        assert "day holds dates" in flat and "claim_id numbers or names the rows" in flat
    row = next(line for line in done.output.splitlines() if line.startswith("storm"))
    assert row.endswith("*") and float(row.split()[1]) == 0
    done = run("config.yaml", command="validate")
    assert done.exit_code == 0 and "jobs:" in done.output


@pytest.mark.parametrize(
    ("kind", "shape"), [("npy", (90, 1)), ("npy", (400, 12)), ("parquet", (2000, 2))]
)
def test_tables_of_other_kinds_and_sizes(folder, kind, shape):
    x = np.random.default_rng(0).standard_t(0.7, shape) * 1e6
    (folder / "in").mkdir()
    if kind == "npy":
        np.save("in/2 data.npy", x)
    else:
        pd.DataFrame(x, columns=['a: "b"', "#c"]).to_parquet("in/2 data.parquet")
    assert run(f"in/2 data.{kind}", "-o", "mine.yml").exit_code == 0
    config = load("mine.yml")
    check_data(config, "mine.yml")
    entry = config.datasets["data_2_data"]
    assert entry.settings.split == "random" and len(entry.settings.columns) == shape[1]
    assert ("fm" in config.methods) == (shape[0] >= 400)
    assert ("extremal_dependence" in config.metrics) == (shape[1] > 1)


def test_the_path_starts_at_the_configuration(folder):
    (folder / "a").mkdir()
    np.save("x.npy", np.random.default_rng(0).standard_normal((200, 2)))
    assert run("x.npy", "-o", "a/c.yaml").exit_code == 0
    assert 'path: "../x.npy"' in (folder / "a" / "c.yaml").read_text()
    check_data(load("a/c.yaml"), "c")


def test_what_is_printed_can_be_pasted(folder):
    np.save("x y.npy", np.random.default_rng(0).standard_normal((200, 2)))
    done = run("x y.npy", "-o", "my folder/config.yaml")
    assert "tailbench run 'my folder/config.yaml'" in done.output
    assert "docs/" not in (folder / "my folder" / "config.yaml").read_text()  # a wheel has none
    check_data(load("my folder/config.yaml"), "c")


def test_the_name_is_one_that_results_can_have(folder):
    np.save("x.npy", np.random.default_rng(0).standard_normal((200, 2)))
    with pytest.raises(InputError, match=r"my config.yaml: 'my config' cannot be the name"):
        run("x.npy", "-o", "my config.yaml")
    assert not (folder / "my config.yaml").exists()


def test_nothing_is_overwritten(folder):
    np.save("x.npy", np.random.default_rng(0).standard_normal((200, 2)))
    (folder / "config.yaml").write_text("mine")
    with pytest.raises(InputError, match=r"config.yaml is there; --force overwrites it"):
        run("x.npy")
    assert (folder / "config.yaml").read_text() == "mine"
    assert run("x.npy", "--force").exit_code == 0
    assert load("config.yaml").name == "config"
    for bad in ("x.npy", ".", "results"):
        with pytest.raises(InputError, match="is not a file to write that ends in"):
            run("x.npy", "-o", bad, "--force")


def test_newest_first(folder):
    losses()[::-1].to_csv("x.csv", index=False)
    done = run("x.csv")
    assert "day does not rise" in " ".join(done.output.split())
    assert next(iter(load("config.yaml").datasets.values())).settings.split == "random"


def test_what_cannot_be_used(folder):
    frame = losses(100).astype({"fire": object})
    frame.loc[3, "fire"], frame.loc[7, "storm"] = "n/k", np.nan
    frame.to_csv("x.csv", index=False)
    with pytest.raises(
        InputError,
        match=r"'fire' of x.csv is not numeric, with 'n/k' in row 4.*; column 'storm' has a miss",
    ):
        run("x.csv")
    assert not (folder / "config.yaml").exists()
    assert run("x.csv", "--columns", "fire eur").exit_code == 0
    losses(30).to_csv("y.csv", index=False)
    with pytest.raises(InputError, match=r"y.csv has 30 rows, fewer than the 80"):
        run("y.csv", "-o", "y.yaml")
