"""A Slurm for the session, and working directories whose Snakemake sends its jobs there."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from simulated import Slurm, lacking  # noqa: E402

from workspaces import Workspace  # noqa: E402

FAULTS = 10  # that there are at least, so that a part of the tests writes no figures
PARTITIONS = {
    "cpu": {"max_runtime": 120, "max_mem_mb": 32000, "max_threads": 16},
    "gpu": {"max_runtime": 120, "max_mem_mb": 32000, "max_threads": 16, "max_gpu": 2},
}


@dataclass(frozen=True)
class OnSlurm(Workspace):
    """A working directory on a login node."""

    options: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        return [
            sys.executable,
            str(HERE / "quick.py"),
            *self.options,
            *("-s", f"{self.repo}/Snakefile", "--configfile", "config.yaml"),
            *("--profile", f"{self.repo}/profiles/slurm"),
            *("--slurm-partition-config", str(self.folder / "partitions.yaml")),
            *("--slurm-init-seconds-before-status-checks", "2"),
            *arguments,
        ]

    def printed(self) -> str:
        """Give what a Snakemake that was started has printed."""
        return (self.run / "started.txt").read_text()

    def attempts(self, rule: str) -> dict[str, str]:
        """Map the jobs that a rule had to what Slurm and Snakemake said in them."""
        folder = self.run / ".snakemake" / "slurm_logs" / f"rule_{rule}"
        return {path.stem: path.read_text() for path in folder.rglob("*.log")}


def on_slurm(workspace: Workspace, *options: str) -> OnSlurm:
    """Let the jobs of a working directory go to Slurm."""
    text = yaml.safe_dump({"partitions": PARTITIONS})
    (workspace.folder / "partitions.yaml").write_text(text)
    account = workspace.repo / "profiles" / "slurm" / "config.yaml"
    profile = account.read_text().replace("my-account", "tests")
    account.write_text(profile.replace("gpu: 16", "gpu: 4", 1))
    return OnSlurm(workspace.folder, options)


TRIED: dict[str, list[bool]] = {}
"""Whether each fault that was tried was survived."""
EXPECTED: set[str] = set()
RELIABILITY = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- written by tests/cluster -->\n", "<!-- until here -->\n"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note which faults are to be tried."""
    EXPECTED.update(mark.args[0] for item in items for mark in item.iter_markers("fault"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a fault as survived if its test passes, and as lost if it or its setup fails."""
    report = yield
    mark = item.get_closest_marker("fault")
    if mark is not None and (report.when == "call" or report.failed) and not report.skipped:
        TRIED.setdefault(mark.args[0], []).append(report.passed)
    return report


def pytest_sessionfinish() -> None:
    """Write the figures where they are read, if every fault was tried."""
    if not TRIED or set(TRIED) != EXPECTED or len(EXPECTED) < FAULTS:
        return
    rows = [
        f"| {fault} | {len(passed)} | {sum(passed)} | {len(passed) - sum(passed)} |\n"
        for fault, passed in TRIED.items()
    ]
    passed = [each for several in TRIED.values() for each in several]
    total = f"| all | {len(passed)} | {sum(passed)} | {len(passed) - sum(passed)} |\n"
    header = "| Fault | Tried | Survived | Lost |\n| --- | --- | --- | --- |\n"
    text = RELIABILITY.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    written = text[:begin] + header + "".join(rows) + total + text[end:]
    if written != text:
        RELIABILITY.write_text(written)


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A Slurm of two nodes with two GPUs each; where it cannot be, tests of it are skipped."""
    reason = lacking()
    if reason is None and importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        reason = "snakemake-executor-plugin-slurm is not installed: `make test-cluster`"
    if reason is not None:
        pytest.skip(f"Slurm: {reason}")
    # not in pytest's folder: munge wants one that every user can enter, and sockets a short path
    with (
        tempfile.TemporaryDirectory(prefix="tailbench-slurm-") as folder,
        Slurm(Path(folder)) as it,
    ):
        yield it


@pytest.fixture
def cluster(slurm: Slurm, fresh: Workspace) -> OnSlurm:
    """A working directory without results, on the login node."""
    return on_slurm(fresh)
