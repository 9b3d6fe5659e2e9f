"""Pin everything that pyproject.toml asks for; ``make lock`` runs it.

A fresh environment outside the checkout gets the package with all its extras but ``docs``,
``kubernetes`` and ``vine``, at the newest versions that their ranges allow. What landed in it
becomes requirements.lock, and the conda environments in envs/ take over those versions. Takes
minutes, most of them torch's.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path

__all__ = ["CONDA_NAMES", "canonical", "pin", "read_lock", "resolve"]

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
HEADER = """\
# Every package of the environment, development tools included, at one exact version.
# Made by `make lock` from the ranges in pyproject.toml; edit those, not this file.
# torch has no build tag, so that a machine gets the build its package index offers.
"""
EXTRAS = "pipeline,images,data,cluster,dev"
HELD = ("torch==2.13.0",)
"""Raised by hand: one release of torch for all machines, since timings are compared."""

DRIVERS = ("cuda-", "nvidia-", "triton")
"""What torch brings with it on machines for GPUs only, at versions that it names itself."""

CONDA_NAMES = {
    "arch-py": "arch",
    "matplotlib-base": "matplotlib",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "seaborn-base": "seaborn",
}
"""Packages whose name on conda-forge is not the one that pip knows."""


def canonical(name: str) -> str:
    """Return the one spelling of a package's name (PEP 503): ``Py_YAML`` -> ``py-yaml``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(path: Path = LOCK) -> dict[str, str]:
    """Return the version of each package in a lock file, by canonical name."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    pairs = (line.split("==") for line in lines if line)
    return {canonical(name): version for name, version in pairs}


def resolve() -> list[str]:
    """Install the package in a fresh environment and give one ``name==version`` per package."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [str(Path(folder) / "bin" / "python"), "-m", "pip"]
        wanted = ["--editable", f"{ROOT}[{EXTRAS}]", "setuptools", *HELD]
        subprocess.run([*pip, "install", "--upgrade", *wanted], check=True)
        subprocess.run([*pip, "check"], check=True)
        # --all: setuptools too, which builds the package and which torch needs.
        frozen = subprocess.check_output(
            [*pip, "freeze", "--all", "--exclude", "pip", "--exclude", "tailbench"], text=True
        )
    lines = (line.partition("+")[0] for line in frozen.splitlines())
    return [line for line in lines if not line.startswith(DRIVERS)]


def pin(text: str, lock: dict[str, str]) -> str:
    """Return a conda environment file with each ``- name=version`` at the version of the lock."""

    def locked(match: re.Match[str]) -> str:
        name = match["name"]
        version = lock.get(canonical(CONDA_NAMES.get(name, name)), match["version"])
        return f"- {name}={version}"

    return re.sub(r"- (?P<name>[\w.-]+)=(?P<version>[\w.]+)", locked, text)


def write(pins: Iterable[str]) -> None:
    """Write the lock and bring the conda environments in line with it."""
    LOCK.write_text(HEADER + "".join(f"{line}\n" for line in pins))
    for path in sorted((ROOT / "envs").glob("*.yaml")):
        path.write_text(pin(path.read_text(), read_lock()))


if __name__ == "__main__":
    write(resolve())
