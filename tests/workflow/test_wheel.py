"""The wheel, installed away from the checkout, runs a benchmark."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from repository import ROOT

pytestmark = pytest.mark.slow

SOURCES = ("Snakefile", "config.yaml", "envs", "presets", "profiles", "workflow", "src")
SOURCES = (*SOURCES, "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
RECORD = {"record.json": b"{}", "metrics.csv.gz": b"any", "ranking.png": b"none"}


def call(command, folder, **environment):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")} | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment with the wheel, and all else from the present one: the folder of its commands.

    It is built and installed without the network.
    """
    base = tmp_path_factory.mktemp("wheel")
    source, dist, target = base / "source", base / "dist", base / "venv"
    source.mkdir()
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=skip)
        else:
            shutil.copy2(ROOT / name, source / name)
    recorded = source / "docs" / "reproduction" / "any"
    recorded.mkdir(parents=True)
    for name, content in RECORD.items():
        (recorded / name).write_bytes(content)
    pip = [sys.executable, "-m", "pip"]
    build = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", dist, source]
    call([*pip, "wheel", *build], base)
    (wheel,) = dist.glob("*.whl")
    venv.create(target, with_pip=False)
    # Paths in a .pth file are not searched for .pth files: the editable installation stays out.
    (packages,) = target.glob("lib/python*/site-packages")
    (packages / "present.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = target / "bin" / "python"
    call([*pip, "--python", python, "install", "--no-deps", "--no-index", wheel], base)
    return target / "bin"


def test_the_wheel_brings_its_workflow(installed, tmp_path):
    where = "import tailbench, tailbench.pipeline.runtime.workflow_files as files; "
    where += "print(tailbench.__file__, files.workflow_folder(), *files.presets())"
    package, workflow, *names = call([installed / "python", "-c", where], tmp_path).split()
    assert Path(package).is_relative_to(installed.parent)
    assert Path(workflow).is_relative_to(installed.parent)
    assert {"default", *(path.stem for path in (ROOT / "presets").glob("*.yaml"))} == set(names)
    for name in ("Snakefile", "config.yaml", "profiles", "envs", "presets", "workflow"):
        for source in [ROOT / name, *(ROOT / name).rglob("*")]:
            copied = Path(workflow) / source.relative_to(ROOT)
            assert source.is_dir() or copied.read_bytes() == source.read_bytes(), copied


def test_the_wheel_brings_the_tables_of_records(installed, tmp_path):
    where = "from tailbench.pipeline.runtime.workflow_files import records; "
    where += "print(*records().values())"
    (folder,) = call([installed / "python", "-c", where], tmp_path).split()
    found = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    assert found == {name: RECORD[name] for name in ("record.json", "metrics.csv.gz")}


def test_a_preset_runs_in_any_folder(installed, tmp_path):
    command = [installed / "tailbench", "run", "smoke", "--cores", "1"]
    printed = call([*command, "--dry-run"], tmp_path)
    assert "data: alpha_stable, seeds 0-1" in printed and "would run" in printed
    assert not (tmp_path / "results").exists()
    target = "results/smoke/metrics/alpha_stable/floor/0-1/metrics.csv"
    printed = call([*command, target], tmp_path)
    assert "[2/2] floor alpha_stable 0-1" in printed
    assert (tmp_path / target).stat().st_size > 100


def test_a_configuration_for_a_table_runs_to_its_end(installed, tmp_path):
    """As ``tailbench init`` has written it, but for the figures: losses, rain, and an offset."""
    rng = np.random.default_rng(0)
    losses = pd.DataFrame(
        {
            "fire": 1000 * rng.pareto(1.5, 160),
            "rain": np.where(rng.random(160) < 0.4, 0.0, rng.pareto(2.5, 160)),
            "level": 1e6 + 10 * rng.standard_t(3, 160),
        }
    )
    losses.to_csv(tmp_path / "losses.csv", index=False)
    tailbench = installed / "tailbench"
    call([tailbench, "init", "losses.csv", "-o", "losses.yaml"], tmp_path)
    with (tmp_path / "losses.yaml").open("a") as file:
        file.write("figures: [survival]\n")
    printed = call([tailbench, "run", "losses.yaml", "--cores", "2"], tmp_path)
    assert "The report is" in printed and (tmp_path / "results/losses/report.html").is_file()
    scores = pd.read_csv(tmp_path / "results/losses/metrics.csv")
    simple = {"bootstrap", "gaussian", "mvt", "copula_gpd", "mvt_mixture", "kde"}
    assert simple == set(scores["method"].dropna())
    drawn = np.load(tmp_path / "results/losses/samples/losses/gaussian/0-2/samples.npy")
    assert drawn[..., 0].min() >= 0 and drawn[..., 1].min() == 0 and drawn.shape[-1] == 3
    draw = ["generate", "results/losses", "--method", "mvt", "-n", "50", "-o", "bad.csv"]
    call([tailbench, *draw, "--given", "fire > q90"], tmp_path)
    far = pd.read_csv(tmp_path / "bad.csv")
    assert list(far) == list(losses) and (far["fire"] > losses["fire"].quantile(0.7)).all()


def test_without_the_extra_a_sentence_says_what_is_missing(installed, tmp_path):
    blocked = tmp_path / "typer.py"
    blocked.write_text("raise ModuleNotFoundError(\"No module named 'typer'\", name='typer')")
    done = subprocess.run(
        [installed / "tailbench", "list"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path)},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "tailbench: the command needs the package typer: pip install 'tailbench[pipeline,data]'\n"
    )
