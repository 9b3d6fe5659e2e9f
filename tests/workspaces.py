"""A copy of the repository beside a working directory, in which Snakemake is run for real."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

REPOSITORY = Path(__file__).resolve().parents[1]
NAME = "default"
"""The name of every configuration, which is that of its folder below results."""
PARTS = ("Snakefile", "config.yaml", "workflow", "envs", "profiles", "presets", "src")


@dataclass(frozen=True)
class Workspace:
    """A copy of the repository in ``repo``, and the working directory ``run``."""

    folder: Path

    @property
    def repo(self) -> Path:
        return self.folder / "repo"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def results(self) -> Path:
        return self.run / "results" / NAME

    def copy(self, folder: Path) -> Workspace:
        """Copy all of it, times included."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Workspace(folder)

    def preset(self, name: str) -> None:
        """Write the configuration: one of the presets."""
        text = (self.repo / "presets" / f"{name}.yaml").read_text()
        self.configure(yaml.safe_load(text))

    def config(self) -> dict[str, Any]:
        return yaml.safe_load((self.run / "config.yaml").read_text())

    def configure(self, change: dict[str, Any] | Callable[[dict[str, Any]], None]) -> None:
        """Write the configuration: a new one, or what a function makes of the present one."""
        config = change
        if callable(change):
            config = self.config()
            change(config)
        config = {**config, "name": NAME}
        (self.run / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE", "COV"))}
        kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        kept["PYTHONPATH"] = str(self.repo / "src")
        return kept | extra

    def command(self, *arguments: str) -> list[str]:
        options = ["-s", f"{self.repo}/Snakefile", "--configfile", "config.yaml", "--cores", "2"]
        return [sys.executable, "-m", "snakemake", *options, *arguments]

    def snakemake(
        self, *arguments: str, succeeds: bool = True, timeout: float = 900, **environment: str
    ) -> str:
        """Run Snakemake to its end and give all that it prints."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.run,
            env=self.environment(**environment),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
        )
        assert (done.returncode == 0) == succeeds, done.stdout
        return done.stdout

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start Snakemake in a process group of its own."""
        with (self.run / "started.txt").open("w") as output:
            return subprocess.Popen(
                self.command(*arguments),
                cwd=self.run,
                env=self.environment(**environment),
                text=True,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def outputs(self, *targets: str) -> dict[str, tuple[str, bool]]:
        """Map each output of the workflow to its job and to whether it would be made again."""
        done = subprocess.run(
            self.command("--summary", *targets),
            cwd=self.run,
            env=self.environment(),
            text=True,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        header, *lines = done.stdout.splitlines()
        columns = header.split("\t")
        rows = [dict(zip(columns, line.split("\t"), strict=True)) for line in lines]
        assert {row["plan"] for row in rows} <= {"no update", "update pending"}
        return {
            row["output_file"]: (
                job(row["rule"], row["output_file"]),
                row["plan"] == "update pending",
            )
            for row in rows
        }

    def pending(self, *targets: str) -> set[str]:
        """Give the jobs that Snakemake would run."""
        return {job for job, again in self.outputs(*targets).values() if again}

    def files(self) -> dict[str, tuple[int, str]]:
        """Map the files of the results to their times and digests."""
        return {
            str(path.relative_to(self.run)): (
                path.stat().st_mtime_ns,
                hashlib.sha256(path.read_bytes()).hexdigest(),
            )
            for path in sorted(self.results.rglob("*"))
            if path.is_file()
        }


def job(rule: str, output: str) -> str:
    """Name the job that makes an output, such as ``train/returns/flow/0-1``."""
    parts = Path(output).parts[3:]
    if rule in ("data", "train", "sample", "evaluate", "floor"):
        parts = parts[:-1]
    elif rule != "figure":
        parts = ()
    return "/".join([rule, *(part for part in parts if part != rule)])


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the repository, and an empty working directory."""
    made = Workspace(tmp_path_factory.mktemp("checkout"))
    for part in PARTS:
        source, copied = REPOSITORY / part, made.repo / part
        copied.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copied, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copied)
    made.run.mkdir()
    return made


@pytest.fixture
def fresh(checkout: Workspace, tmp_path: Path) -> Workspace:
    """A working directory without results."""
    return checkout.copy(tmp_path)


@pytest.fixture(scope="session")
def finished(
    checkout: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, str]:
    """The smoke preset, run to its end, and what Snakemake printed; only to be read.

    The processes of pytest-xdist share one run.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made, printed = Workspace(shared / "finished"), shared / "finished.txt"
    with FileLock(shared / "finished.lock"):
        if not printed.exists():
            checkout.copy(made.folder)
            made.preset("smoke")
            text = made.snakemake()
            printed.write_text(text)
    return made, printed.read_text()


@pytest.fixture
def work(finished: tuple[Workspace, str], tmp_path: Path) -> Workspace:
    """A copy of the finished run, to be changed."""
    return finished[0].copy(tmp_path)
