"""tailbench score, from files to a table, a page and an exit status."""

import base64
import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import tailbench
from fabricate import seal
from tailbench.exceptions import InputError
from tailbench.io.arrays import write_array
from tailbench.metrics.scoring import chosen_outputs
from tailbench.pipeline import cli
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.stages import data, evaluate

QUICK = "--metrics=msle,tail_ks,extremal_dependence,portfolio_var999"


def run(*arguments):
    return CliRunner().invoke(
        cli.app, ["score", *map(str, arguments)], catch_exceptions=False, env={"COLUMNS": "80"}
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same tables in every format, and a bad one."""
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    for name, rows in (("samples", 600), ("reference", 800), ("train", 900)):
        frame = pd.DataFrame(1e6 + rng.standard_t(2.5, (rows, 3)), columns=["a", "b", "c"])
        np.save(folder / f"{name}.npy", frame.to_numpy())
        frame.to_csv(folder / f"{name}.csv", index=False)
        frame[["c", "a", "b"]].to_parquet(folder / f"{name}.parquet")
    narrow = pd.DataFrame(1e6 + rng.standard_normal((600, 3)), columns=["a", "b", "c"])
    narrow.to_csv(folder / "narrow.csv", index=False)
    return folder


def scores(*arguments):
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_formats_agree_with_each_other_and_with_the_function(files):
    found = [
        scores(files / f"samples.{one}", "--reference", files / f"reference.{other}", QUICK)
        for one, other in (("csv", "npy"), ("parquet", "csv"), ("npy", "parquet"))[:2]
    ]
    own = tailbench.score(
        np.load(files / "samples.npy"),
        np.load(files / "reference.npy"),
        metrics=QUICK.partition("=")[2].split(","),
    )
    for content in found:
        assert (content["samples"], content["reference"], content["train"]) == (600, 800, None)
        assert content["columns"] == ["a", "b", "c"]
        table = pd.DataFrame(content["scores"])
        assert list(table["metric"]) == list(own["metric"])
        for column in ("value", "low", "high", "floor", "half_value", "ratio"):
            numbers = table[column].astype(float)
            np.testing.assert_allclose(numbers, own[column].astype(float), rtol=1e-6)


def test_values_are_those_of_the_pipeline(tmp_path):
    """Of every metric, on the files of a benchmark, with its name and the number of the seed."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "rows.npy", rng.standard_t(2.5, (1000, 2)))
    names = sorted({name for name, _ in chosen_outputs(None, True).values()})
    plan = Plan(
        parse(
            {
                "datasets": {"real": {"type": "file", "path": str(tmp_path / "rows.npy")}},
                "models": ["sgm"],
                "methods": ["sgm"],
                "metrics": {name: {} for name in names},
            }
        )
    )
    data.run("real", "0-1", plan.specs.data("real"), tmp_path / "data")
    path = tmp_path / "drawn" / "samples.npy"
    path.parent.mkdir()
    drawn = rng.standard_t(2.5, (2, 250, 2))
    write_array(path, [drawn])
    seal(path.with_name("record.json"), [path], {"variants": [{"variant": ""}]})
    output = tmp_path / "metrics.csv"
    evaluate.run("real", "m", "0-1", plan.specs.evaluate("real"), tmp_path / "data", output, path)
    piped = pd.read_csv(output).set_index(["seed", "metric"])["value"]
    for e in range(2):
        parts = {name: np.load(tmp_path / "data" / f"{name}.npy")[e] for name in ("test", "train")}
        for name, rows in (parts | {"samples": drawn[e]}).items():
            pd.DataFrame(rows, columns=["x", "y"]).to_parquet(tmp_path / f"{name}.parquet")
        content = scores(
            tmp_path / "samples.parquet", "--reference", tmp_path / "test.parquet",
            "--train", tmp_path / "train.parquet", "--dataset", "real", "--seed", e, "--splits", 2,
        )  # fmt: skip
        own = pd.DataFrame(content["scores"]).set_index("metric")["value"].astype(float)
        assert set(own.index) == set(piped[e].index) and own.notna().sum() > 30
        pd.testing.assert_series_equal(
            own.sort_index(), piped[e].sort_index(), check_exact=True, check_names=False
        )


def test_the_table_fits_a_terminal(files):
    done = run(
        files / "narrow.csv", "--reference", files / "reference.csv",
        "--metrics", "msle,tail_index,extremal_dependence,portfolio,coverage_error_upper",
    )  # fmt: skip
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "600 samples, 800 held-out rows, 3 columns"
    heads = [line.split("  ")[0] for line in lines if "95 % interval" in line]
    assert heads == ["tails of columns", "joint tails"]
    (msle,) = (line for line in lines if line.startswith("  msle "))
    assert msle.endswith(" worse")
    assert re.search(r"portfolio_es99, portfolio_es999: not\s+defined", done.stdout)


def test_a_check_fails_above_its_limit(files, tmp_path):
    arguments = [files / "narrow.csv", "--reference", files / "reference.csv", QUICK]
    good = run(*arguments, "--fail-above", "msle=1000", "--fail-above", "tail_ks=1000")
    assert good.exit_code == 0 and good.stderr == ""
    bad = run(
        *arguments, "-o", tmp_path / "o.csv", "--fail-above", "msle=1.5", "--fail-above",
        "portfolio_var999=9", "--fail-above", "tail_ks=1e3",
    )  # fmt: skip
    assert bad.exit_code == 1
    first, second = sorted(bad.stderr.splitlines())
    row = pd.read_csv(tmp_path / "o.csv").set_index("metric").loc["msle"]
    assert first == (
        f"tailbench: msle is {row['value']:.4g}, with a ratio to the floor of {row['ratio']:.3g}, "
        "above the limit of 1.5"
    )
    assert second.startswith("tailbench: portfolio_var999 has no ratio to compare with 9: not def")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metrics", "mslee"], r"no metric 'mslee' \(did you mean 'msle'\?\)"),
        (["--fail-above", "tail_kss=2"], r"no metric 'tail_kss' \(did you mean 'tail_ks'\?\)"),
        (["--fail-above", "msle"], "'msle' is not METRIC=RATIO"),
        (["--fail-above", "msle=-1"], "is not METRIC=RATIO with a positive number"),
        ([QUICK, "--fail-above", "energy=2"], "energy is not computed"),
        (["--fail-above", "dcr_ratio=2"], "dcr_ratio is not computed; see --metrics and --train"),
        (["--columns", "aa"], r"reference.csv has no column 'aa'|samples.csv has no column 'aa'"),
        (["-o", "FOLDER"], "is a folder, not a file"),
        (["-o", "FOLDER/reference.csv"], "is read, and would be overwritten"),
        (["-o", "FOLDER/x", "--html", "FOLDER/x"], "would be written twice"),
        (["--train", "FOLDER/none.csv"], "none.csv does not exist"),
    ],
)
def test_mistakes_are_one_sentence(files, options, message):
    options = [option.replace("FOLDER", str(files)) for option in options]
    with pytest.raises(InputError, match=message):
        run(files / "samples.csv", "--reference", files / "reference.csv", *options)


def test_nothing_is_overwritten_when_something_fails(files, tmp_path):
    bad = pd.read_csv(files / "samples.csv")
    bad.loc[4, "b"] = np.nan
    bad.to_csv(tmp_path / "bad.csv", index=False)
    for name in ("o.csv", "o.html"):
        (tmp_path / name).write_text("before")
    with pytest.raises(
        InputError, match=r"column 'b' of .*bad.csv has a missing value .* in row 5"
    ):
        run(
            tmp_path / "bad.csv", "--reference", files / "reference.csv", QUICK,
            "-o", tmp_path / "o.csv", "--html", tmp_path / "o.html",
        )  # fmt: skip
    assert {p.name: p.read_text() for p in tmp_path.glob("o.*")} == {
        "o.csv": "before",
        "o.html": "before",
    }


def test_the_page_stands_alone(files, tmp_path):
    page = tmp_path / "new" / "page.html"
    done = run(
        files / "narrow.csv", "--reference", files / "reference.csv", QUICK, "--html", page,
        "-o", tmp_path / "o.csv",
    )  # fmt: skip
    assert done.exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!data:)", text) and "<script" not in text
    pictures = re.findall(r'src="data:image/webp;base64,([^"]+)"', text)
    assert len(pictures) == 3
    assert all(base64.b64decode(p)[8:12] == b"WEBP" for p in pictures)
    table = pd.read_csv(tmp_path / "o.csv")
    for metric in table["metric"]:
        assert f"<code>{metric}</code>" in text
    assert "error of <i>χ(0.95)</i>" in text and "<code>narrow.csv</code>" in text
    assert [path.name for path in page.parent.iterdir()] == ["page.html"]


def test_one_column(files, tmp_path):
    page = tmp_path / "page.html"
    done = run(
        files / "samples.npy", "--reference", files / "reference.npy", "--columns", "2",
        "--metrics", "msle,chi95_error", "--html", page,
    )  # fmt: skip
    assert done.exit_code == 0 and "1 column\n" in done.stdout
    assert "chi95_error: not defined" in done.stdout
    assert page.read_text(encoding="utf-8").count("<figure>") == 2  # no pairs of columns


def test_the_command_starts_fast():
    code = (
        "import sys, tailbench.pipeline.cli, tailbench; print({'numpy', 'pandas'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
