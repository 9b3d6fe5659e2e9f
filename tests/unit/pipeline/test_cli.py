"""The command line: what it prints, and how it ends."""

import functools
import os
import re
import subprocess
import sys

import pandas as pd
import pytest
import typer
import yaml
from typer.testing import CliRunner

import tailbench
from repository import ROOT
from tailbench import registry
from tailbench.pipeline import cli
from tailbench.pipeline.config.parse import load
from tailbench.pipeline.job_commands import STAGES
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.summary import stages
from tailbench.pipeline.results.reader import read_metrics
from tailbench.pipeline.stages import collect

SMOKE = ROOT / "presets" / "smoke.yaml"


def run(*arguments):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments], catch_exceptions=False)


@pytest.fixture
def ends(monkeypatch):
    """Call the program, and give what it says when it ends with an error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tailbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return caught.value.code

    return call


@pytest.fixture
def write(tmp_path):
    """Write the small configuration with some keys changed."""

    def make(**changes):
        path = tmp_path / "c.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(SMOKE.read_text()) | changes))
        return path

    return make


def test_list_names_everything():
    lines = run("list").stdout.splitlines()
    sections, current = {}, ""
    for line in lines:
        if line.startswith("  "):
            name, _, text = line.strip().partition("  ")
            sections[current][name] = text.strip()
        else:
            current = line.removesuffix(":")
            sections[current] = {}
    assert list(sections["models"]) == registry.trainable_types()
    assert list(sections["methods"]) == sorted(registry.method_types())
    for kind in ("targets", "datasets", "metrics", "figures"):
        assert tuple(sections[kind]) == registry.names(kind)
    for rows in sections.values():
        assert all(rows.values())


@pytest.mark.parametrize("kind", ["models", "methods", "targets", "theory", "presets"])
def test_list_of_one_kind(kind):
    lines = run("list", kind).stdout.splitlines()
    every = run("list").stdout
    assert lines and not [line for line in lines if line.startswith(" ")]
    for line in lines:
        assert f"\n  {line}\n" in f"{every}\n"
    assert ("smoke" in {line.split()[0] for line in lines}) == (kind == "presets")


def test_list_of_no_kind():
    found = run("list", "modells")  # codespell:ignore modells
    assert found.exit_code == 2 and "presets" in found.output


def test_version():
    assert run("--version").stdout == f"tailbench {tailbench.__version__}\n"


def test_completion_knows_commands_kinds_and_presets():
    """The program itself, as a shell asks it."""

    def complete(*words):
        asked = {"_TAILBENCH_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words)}
        found = subprocess.run(
            [sys.executable, "-m", "tailbench"],
            env=os.environ | asked | {"COMP_CWORD": str(len(words) - 1)},
            capture_output=True,
            text=True,
        )
        return found.stdout.split()

    assert complete("tailbench", "ver") == ["verify-results"]
    assert complete("tailbench", "list", "me") == ["methods", "metrics"]
    assert complete("tailbench", "run", "smo") == ["smoke"]


def test_help_fits_80_columns():
    commands = [[], *([name] for name in typer.main.get_command(cli.app).commands)]
    for command in commands:
        lines = run(*command, "--help").stdout.splitlines()
        assert lines and max(map(len, lines)) <= 80, command


def test_check_prints_cells_and_jobs():
    plan = Plan(load(SMOKE))
    text = run("validate", SMOKE).stdout
    cells = re.search(r"(\d+) cells", text)
    jobs = re.search(r"(\d+) jobs: (.+)", text)
    assert int(cells[1]) == len(plan.cells())
    counts = {name: int(n) for n, name in re.findall(r"(\d+) (\w+)", jobs[2])}
    assert counts == stages(plan)
    assert int(jobs[1]) == sum(counts.values())
    for dataset in plan.config.datasets:
        assert re.search(rf"^{dataset} \(", text, re.MULTILINE)
    for method in plan.config.methods:
        models = ", ".join(plan.models_of(method))
        assert f"  {method}: samples from {models}\n" in text


def test_check_can_be_silent():
    found = run("validate", SMOKE, "--no-jobs")
    assert (found.exit_code, found.stdout) == (0, "")


def test_check_can_leave_the_data_alone(write):
    config = write(datasets={"gmm": {"n_train": 100}})  # fewer than a batch
    found = run("validate", config, "--no-jobs", "--no-data")
    assert (found.exit_code, found.stdout) == (0, "")


def test_check_reads_the_data(write, tmp_path, ends):
    path = tmp_path / "mine.csv"
    config = write(datasets={"mine": {"type": "file", "path": str(path)}})
    assert ends("validate", config) == (
        f"tailbench: {config}: datasets.mine.path: the file {path} does not exist"
    )
    path.write_text("a,b\n" + "1,2\n" * 500)
    assert "datasets.mine: column 'a'" in ends("validate", config)
    path.write_text("a,b\n" + "".join(f"{i * i % 97 / 4},{-i * i % 89}\n" for i in range(100)))
    assert "fewer than the 128 that are needed" in ends("validate", config)


def test_check_compares_rows_with_batches(write, ends):
    config = write(datasets={"gmm": {"n_train": 100}})
    message = ends("validate", config)
    assert "datasets.gmm: n_train" in message and "fewer than the 128 points" in message


@pytest.mark.parametrize("key", [{"seeds": ["a"]}, {"models": {"sgm": {"stepz": 1}}}, {"x": 1}])
def test_a_bad_configuration_is_one_line(write, ends, key):
    message = ends("validate", write(**key))
    assert message.startswith("tailbench: ") and message.count("\n") == 0


def test_without_traceback(write):
    """The program itself: exit code 1, one line on stderr, nothing on stdout."""
    found = subprocess.run(
        [sys.executable, "-m", "tailbench", "validate", str(write(models={"sgn": {}}))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1 and found.stdout == ""
    assert "Traceback" not in found.stderr
    (line,) = found.stderr.splitlines()
    assert line.startswith("tailbench: ")
    assert line.endswith("models.sgn: there is no model 'sgn' (did you mean 'sgm'?)")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FloatingPointError("toy: a sample is not finite"), "toy: a sample is not finite"),
        (None, "toy, seed 3: the loss is nan at step 7"),
    ],
)
def test_failures_of_models_are_one_line(ends, monkeypatch, error, message):
    from tailbench.exceptions import TrainingDiverged

    @functools.wraps(collect.run)
    def fail(*_, **__):
        raise error or TrainingDiverged(message)

    monkeypatch.setattr("tailbench.pipeline.stages.collect.run", fail)
    assert ends("job", "collect", "--results", "r", "--config", "{}") == f"tailbench: {message}"


def test_failures_of_the_program_are_not_hidden(monkeypatch):
    @functools.wraps(collect.run)
    def fail(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr("tailbench.pipeline.stages.collect.run", fail)
    monkeypatch.setattr(
        sys, "argv", ["tailbench", "job", "collect", "--results", "r", "--config", "{}"]
    )
    with pytest.raises(RuntimeError, match="a bug"):
        cli.main()


def test_settings_that_are_wrong_are_one_line(ends, tmp_path):
    spec = '{"type": "gmm", "dim": 0, "n_train": "x"}'
    options = ("--dataset", "d", "--seeds", "0", "--spec", spec, "--folder", tmp_path)
    message = ends("job", "data", *options)
    assert message.startswith("tailbench: ") and message.count("\n") == 0
    assert "dim: " in message and "n_train: " in message


def test_summary_of_nothing(ends, tmp_path):
    message = ends("show", "--results", tmp_path)
    assert (
        message == f"tailbench: {tmp_path / 'metrics.csv'} does not exist; run the benchmark first"
    )


def test_summary(fabricated):
    text = run("show", "--results", fabricated).stdout
    assert str((fabricated / "report.html").resolve()) in text.replace("\n", "")
    assert len(text.splitlines()) > 5


def test_merged_metrics_are_a_table_to_show(fabricated, tmp_path, ends):
    lines = (fabricated / "metrics.csv").read_text().splitlines(keepends=True)
    parts = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path, half in zip(parts, (lines[:500], [lines[0], *lines[400:]]), strict=True):
        path.write_text("".join(half))
    merged = tmp_path / "metrics.csv"
    text = run("merge", *parts, "-o", merged).stdout
    assert f"{len(lines) - 1} values" in text and "from 2 files" in text
    whole, found = (read_metrics(path) for path in (fabricated / "metrics.csv", merged))
    pd.testing.assert_frame_equal(whole, found)
    assert "not enough seeds to rank" in run("show", "--results", tmp_path).stdout
    whole.head(450).assign(floor=7.0).to_csv(parts[1], index=False)
    assert "not of the same data" in ends("merge", *parts, "-o", merged)
    assert "do not exist" in ends("merge", tmp_path / "no.csv", "-o", merged)


def test_a_folder_is_never_replaced_by_a_file(fabricated, tmp_path):
    (tmp_path / "kept.csv").mkdir()
    (tmp_path / "kept.csv" / "mine").touch()
    metrics = fabricated / "metrics.csv"
    for command in (
        ("merge", metrics, metrics, "-o", tmp_path / "kept.csv"),
        ("generate", fabricated, "-n", 5, "-o", tmp_path / "kept.csv"),
        ("schema", "--output", tmp_path / "kept.csv"),
        ("config-reference", "--output", tmp_path / "kept.csv"),
    ):
        done = run(*command)
        assert done.exit_code == 2 and "directory." in done.output
        assert (tmp_path / "kept.csv" / "mine").is_file()


def test_a_path_below_a_file_is_one_sentence_with_the_name_that_was_given(tmp_path, ends):
    (tmp_path / "file").touch()
    said = ends("schema", "--output", tmp_path / "file" / "schema.json")
    assert said.startswith("tailbench: ") and "file" in said and "cannot be used" in said
    assert "\n" not in said


def test_a_missing_package_is_named_with_its_extra(write, ends, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "arch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "arch", None)
    file = write(datasets={"market": {"type": "returns"}})
    assert ends("validate", file).endswith(
        f"{file}: datasets.market: the package arch is missing: pip install 'tailbench[data]'"
    )
    monkeypatch.setattr(cli, "app", lambda **_: __import__("arch.data.sp500"))
    said = "tailbench: the package arch is missing: pip install 'tailbench[data]'"
    assert ends("list") == said


def test_a_package_of_no_extra_is_not_explained(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tailbench"])
    monkeypatch.setattr(cli, "app", lambda **_: __import__("no_such_package"))
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        cli.main()


@pytest.mark.parametrize(
    "arguments", [["no-such-command"], ["validate"], ["validate", "--no-such-option"]]
)
def test_wrong_usage(arguments):
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("check", "validate"),
        ("verify", "verify-results"),
        ("summary", "show"),
        ("docs", "config-reference"),
    ],
)
def test_an_old_name_is_answered_by_the_new_one(ends, old, new):
    """One line for whoever has the old name in a script."""
    assert ends(old, "config.yaml") == f"tailbench: the command '{old}' is now '{new}'"
    assert run(new, "--help").exit_code == 0


def test_help_of_stages_is_plain_text():
    texts = [run("job", "--help").stdout, *(run("job", s, "--help").stdout for s in STAGES)]
    assert not [text for text in texts if "`" in text or "Raises" in text]


def test_help_names_the_stages():
    assert not re.search(r"^. (train|sample) ", run("--help").stdout, re.M)
    text = run("job", "--help").stdout
    for stage in ("data", "train", "sample", "evaluate", "collect", "tables", "figure", "report"):
        assert re.search(rf"\b{stage}\b", text)
