"""What the report says besides tables and figures, taken from the files of a run."""

from __future__ import annotations

import itertools
import math
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailbench.pipeline.results.layout import Layout

if TYPE_CHECKING:
    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["commit", "machine", "sharing", "tails", "timings", "trained_with", "versions"]

KINDS = {"train": "training", "sample": "sampling", "evaluate": "metrics"}
PACKAGES = [
    "tailbench",
    "torch",
    "zuko",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "POT",
    "tailestim",
    "arch",
    "safetensors",
    "snakemake",
    "matplotlib",
]


def tails(inputs: ResultsReader, dataset: str) -> list[dict[str, Any]]:
    """List the tails that models chose for the columns of a dataset, averaged over seeds.

    Returns:
        One mapping per model that has a choice: ``model``, ``mode``, ``seeds`` and ``rows``
        (``column``, ``xi``, ``xi_se``, ``index`` (``1 / xi``), ``used`` (the index
        that the model was given), ``heavy``: seeds that found it so).
    """
    names = inputs.meta(dataset).get("columns") or []
    found = []
    for model, specs in inputs.specs(dataset).items():
        chosen = [spec["tails"] for spec in specs if isinstance(spec.get("tails"), Mapping)]
        seeds = [seed for tail in chosen for seed in tail.get("per_seed") or []]
        if not seeds:
            continue
        rows = []
        for j, columns in enumerate(zip(*seeds, strict=False)):
            xi = _mean([column.get("xi") for column in columns])
            rows.append(
                {
                    "column": names[j] if j < len(names) else j + 1,
                    "xi": xi,
                    "xi_se": _mean([column.get("xi_se") for column in columns]),
                    "index": 1 / xi if xi > 0 else math.inf,
                    "used": _mean([column.get("lambda") for column in columns]),
                    "heavy": sum(column.get("tail") == "heavy" for column in columns),
                }
            )
        found.append(
            {
                "model": model,
                "mode": chosen[0].get("mode", ""),
                "seeds": len(seeds),
                "rows": rows,
            }
        )
    return found


def timings(results: Path) -> dict[str, Any]:
    """Add up the benchmark files of Snakemake.

    Returns:
        ``jobs`` (``rule``, ``cell``, ``seconds``, ``memory`` in MB), ``rules`` (``rule``,
        ``jobs``, ``seconds``, ``longest``, ``memory``), ``shares`` (``kind``, ``seconds``,
        ``share``) and ``total`` seconds.
    """
    import pandas as pd

    folder = Path(Layout(str(results)).benchmarks)
    jobs = []
    for path in sorted(folder.rglob("*.tsv")):
        table = pd.read_csv(path, sep="\t")
        parts = path.relative_to(folder).with_suffix("").parts
        seconds, memory = (
            pd.to_numeric(table.get(name, pd.Series(dtype=float)), errors="coerce").max()
            for name in ("s", "max_rss")
        )
        if math.isfinite(seconds):
            cell = " / ".join(parts[1:])
            jobs.append({"rule": parts[0], "cell": cell, "seconds": seconds, "memory": memory})
    frame = pd.DataFrame(jobs, columns=["rule", "cell", "seconds", "memory"])
    rules = frame.groupby("rule", sort=False).agg(
        jobs=("seconds", "size"),
        seconds=("seconds", "sum"),
        longest=("seconds", "max"),
        memory=("memory", "max"),
    )
    total = float(frame["seconds"].sum())
    kinds = frame["rule"].map(lambda rule: KINDS.get(rule, "other"))
    sums = frame.groupby(kinds)["seconds"].sum()
    shares = [
        {"kind": kind, "seconds": float(sums[kind]), "share": float(sums[kind]) / total}
        for kind in (*KINDS.values(), "other")
        if sums.get(kind, 0) > 0
    ]
    return {
        "jobs": jobs,
        "rules": rules.sort_values("seconds", ascending=False).reset_index().to_dict("records"),
        "shares": shares,
        "total": total,
    }


def sharing(inputs: ResultsReader) -> dict[str, list[str]]:
    """Return the methods that sample from each model."""
    found: dict[str, list[str]] = {}
    for name, entry in (inputs.plan.get("methods") or {}).items():
        for model in entry.get("models") or []:
            found.setdefault(model, []).append(name)
    return found


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def trained_with(inputs: ResultsReader) -> dict[str, list[str]]:
    """List the versions that the models were trained with, where they are known."""
    found: dict[str, set[str]] = {}
    for dataset in inputs.datasets:
        for spec in itertools.chain.from_iterable(inputs.specs(dataset).values()):
            for name, version in (spec.get("versions") or {}).items():
                found.setdefault(name, set()).add(str(version))
    return {name: sorted(versions) for name, versions in found.items()}


def machine() -> dict[str, str]:
    """Describe the machine that this process runs on, without its name."""
    found = {"system": f"{platform.system()} on {platform.machine()}", "processor": _processor()}
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found["cores"] = f"{usable} usable of {os.cpu_count()}"
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return found
    return {**found, "memory": f"{memory / 2**30:.0f} GiB"}


def commit() -> str:
    """Return the commit of the checkout that this package lies in, and whether it was changed.

    Empty for an installed package, also one inside the checkout of something else.
    """
    package = Path(__file__).resolve().parents[2]
    try:
        top = Path(_git(package, "rev-parse", "--show-toplevel"))
        if top / "src" / "tailbench" != package:
            return ""
        found = _git(package, "rev-parse", "--short=12", "HEAD")
        changed = _git(package, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{found}, with changes" if changed else found


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"


def _mean(values: list[Any]) -> float:
    good = [float(value) for value in values if value is not None]
    return sum(good) / len(good) if good else math.nan
