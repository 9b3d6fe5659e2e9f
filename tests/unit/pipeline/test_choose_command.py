"""tailbench choose: from a file to a folder with a model, which tailbench generate samples."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tailbench.choosing import choice as choosing
from tailbench.choosing import judge
from tailbench.choosing.candidates import Method
from tailbench.exceptions import InputError
from tailbench.pipeline import cli
from tailbench.pipeline.choose_command import as_text, seconds_of


def run(*arguments):
    return CliRunner().invoke(cli.app, [*map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with losses of 200 days; only closed forms are tried."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"day": pd.date_range("2020", periods=200), "fire": rng.pareto(1.5, 200)})
    frame.assign(storm=rng.pareto(3, 200)).to_csv(tmp_path / "losses.csv", index=False)
    monkeypatch.chdir(tmp_path)
    few = [Method("bootstrap"), Method("gaussian"), Method("copula_gpd")]
    monkeypatch.setattr(judge, "METRICS", ("energy", "msle", "tail_ks", "tail_direction"))
    monkeypatch.setattr(choosing, "candidates", lambda *_: (few, {"flow": "has no bounds"}))
    return tmp_path


def test_from_a_file_to_samples(folder):
    done = run("choose", "losses.csv", "--budget", "5m")
    assert done.exit_code == 0
    assert "copula_gpd is chosen of 2 methods on 3 folds" in done.stdout
    assert "tailbench generate chosen/losses -n 1000" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert run("generate", "chosen/losses", "-n", 500, "-o", "s.csv").exit_code == 0
    drawn = pd.read_csv("s.csv")
    assert list(drawn) == ["fire", "storm"] and drawn.shape == (500, 2) and (drawn >= 0).all(None)
    table = pd.read_csv("chosen/losses/choice.csv")
    assert table["method"].tolist() == ["bootstrap", "gaussian", "copula_gpd", "flow"]
    assert table["reason"].tolist()[-1] == "has no bounds"


def test_an_earlier_choice_is_replaced_by_force_alone(folder):
    arguments = ("choose", "losses.csv", "-o", "m", "--columns", "storm")
    assert run(*arguments).exit_code == 0
    with pytest.raises(InputError, match="m holds an earlier choice; --force replaces it"):
        run(*arguments)
    assert run(*arguments, "--force", "--ordered", "--seed", 3).exit_code == 0
    with pytest.raises(InputError, match="holds no earlier choice"):
        run("choose", "losses.csv", "-o", ".", "--force")


def test_a_place_that_cannot_be_written_is_refused_before_the_work(folder, monkeypatch):
    monkeypatch.setattr(Method, "build", lambda *_: pytest.fail("a method was fitted"))
    with pytest.raises(InputError, match=r"cannot be made: .*losses.csv is no folder"):
        run("choose", "losses.csv", "-o", "losses.csv/model")


def test_an_interruption_leaves_nothing(folder, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Method, "build", interrupted)
    assert run("choose", "losses.csv").exit_code != 0
    assert [p.name for p in folder.iterdir()] == ["losses.csv"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10m", 600), ("90s", 90), ("1.5h", 5400), ("45", 45), ("2 min", 120), ("10", 10)],
)
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [("soon", "is not a time such as"), ("-3m", "is not a time"), ("5s", "less than 10 seconds"),
     ("", "is not a time"), ("0m", "less than"), ("infm", "is not a time")],
)  # fmt: skip
def test_bad_durations(text, message):
    with pytest.raises(InputError, match=message):
        seconds_of(text)


def test_long_reasons_fit_into_the_width(folder):
    done = choosing.choose("losses.csv", verbose=False)
    done.table.loc[done.table["method"] == "flow", "reason"] = "a very long reason " * 20
    assert max(map(len, as_text(done).splitlines())) <= 80
