"""tailbench choose: from a file to a folder with a model, which tailbench generate samples."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import tailbench
from tailbench.choosing import choice as choosing
from tailbench.choosing import judge
from tailbench.choosing.candidates import Method
from tailbench.exceptions import InputError
from tailbench.pipeline import cli
from tailbench.pipeline.choose_command import as_text, seconds_of
from tailbench.pipeline.generate_command import WRITERS, Columns


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
    monkeypatch.setattr(choosing, "candidates", lambda *_: (few, {"flow": "too few rows"}))
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
    assert table["reason"].tolist()[-1] == "too few rows"


def test_quantiles_of_the_data_are_known_to_a_choice(folder):
    """Rows beyond the 90 % quantile, which is one of the column and not of the samples."""
    assert run("choose", "losses.csv", "-o", "m").exit_code == 0
    done = run("generate", "m", "-n", 50, "-o", "bad.csv", "--given", "storm > q90")
    assert "draws satisfied storm > q90" in done.stdout
    known = pd.read_csv("losses.csv")["storm"]
    assert (pd.read_csv("bad.csv")["storm"] > known.quantile(0.9)).all()
    (folder / "m" / "columns.npy").write_bytes(b"half")
    with pytest.raises(InputError, match=r"columns.npy is corrupt: .*; choose again"):
        run("generate", "m", "-n", 5, "-o", "bad.csv")
    (folder / "m" / "columns.npy").unlink()  # as earlier versions have left it
    with pytest.raises(InputError, match="quantiles need a choice or a run"):
        run("generate", "m", "-n", 5, "-o", "bad.csv", "--given", "storm > q90")


def test_whole_numbers_stay_whole(folder):
    """Counts of a heavy tail, in all kinds of files; the other column is as it is drawn."""
    rng = np.random.default_rng(1)
    counts = np.floor(30 * rng.pareto(1.2, 200)).astype(int)
    frame = pd.DataFrame({"claims": counts, "wind": rng.standard_t(3, 200)})
    frame.to_csv("own.csv", index=False)
    assert run("choose", "own.csv", "-o", "m").exit_code == 0
    drawn = {}
    for kind, read in {"csv": pd.read_csv, "parquet": pd.read_parquet}.items():
        assert run("generate", "m", "-n", 300, "-o", f"s.{kind}").exit_code == 0
        drawn[kind] = read(f"s.{kind}")
        assert drawn[kind].dtypes.tolist() == frame.dtypes.tolist()
        assert (drawn[kind]["claims"] >= 0).all() and drawn[kind]["claims"].nunique() > 30
    pd.testing.assert_frame_equal(drawn["csv"], drawn["parquet"])
    run("generate", "m", "-n", 300, "-o", "s.npy")
    np.testing.assert_allclose(np.load("s.npy"), drawn["csv"].to_numpy())
    plain = np.asarray(tailbench.load("m").sample(300, seed=0))
    np.testing.assert_array_equal(np.rint(plain[:, 0]), drawn["csv"]["claims"])
    np.testing.assert_allclose(plain[:, 1], drawn["csv"]["wind"])


def test_whole_numbers_beyond_64_bits_are_refused_or_written_as_digits(tmp_path):
    columns = Columns(("bytes",), np.array([True]))
    rows = [np.array([[3.0], [2.0**70]])]
    with (tmp_path / "s.csv").open("wb") as file:
        WRITERS[".csv"](file, columns, 2, iter(rows))
    assert (tmp_path / "s.csv").read_text() == f"bytes\n3\n{2**70}\n"
    with (tmp_path / "s.parquet").open("wb") as file, pytest.raises(InputError, match="64 bits"):
        WRITERS[".parquet"](file, columns, 2, iter(rows))


def test_columns_of_a_saved_model_keep_their_names(folder):
    frame = pd.DataFrame(np.random.default_rng(0).standard_t(3, (200, 2)), columns=["a", "b"])
    tailbench.MVT(verbose=False).fit(frame).save(folder / "named")
    assert run("generate", "named", "-n", 5, "-o", "s.csv", "--given", "b > 0").exit_code == 0
    assert list(pd.read_csv("s.csv")) == ["a", "b"]


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
