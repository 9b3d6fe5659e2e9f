"""A small results folder made up from thin air, as the workflow would leave it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tailbench.io.arrays import write_array
from tailbench.io.checksums import checksum, write_record, write_sums
from tailbench.stats.positive_stable import kanter

FLOORS = {
    "sw1": 0.02,
    "sw2": 0.05,
    "max_sw1": 0.13,
    "max_sw2": 0.31,
    "msle": 0.005,
    "msle_official": 0.07,
    "msle_norm": 0.006,
    "tail_index_error_hill": 0.08,
    "tail_index_error_moment": 0.12,
    "tail_index_error_norm": 0.05,
    "es99_error": 0.04,
    "tail_ks": 0.03,
    "tail_mass_error": 0.02,
    "f1_pr": 0.99,
    "precision_f18": 0.99,
    "recall_f8": 0.99,
    "mode_weight_tv": 0.01,
    "off_mode_share": 0.0,
}
HIGHER = {"f1_pr", "precision_f18", "recall_f8"}
SIGMAS = (0.5, 1, 2, 4)
STEPS = (10, 25, 50, 100)
# name for readers: (method, how far from the data, how wrong the tail, nfe, sigma_T)
METHODS: dict[str, tuple[str, float, float, int, Any]] = {
    "sgm": ("sgm", 0.60, 0.55, 79, None),
    "flow": ("flow", 0.35, 0.10, 1, None),
    **{
        f"flow_sgm, sigma_T = {s:g}": ("flow_sgm", 0.4 / (1 + s), 0.1 + 0.08 * s, 63, s)
        for s in SIGMAS
    },
    "flow_sgm, sigma_T = auto": ("flow_sgm", 0.12, 0.28, 63, "auto"),
    **{f"dlpm, sampling_steps = {n}": ("dlpm", 0.12 + 2 / n, 0.15 + 1 / n, n, None) for n in STEPS},
    "dlim": ("dlim", 0.25, 0.20, 25, None),
    "lim": ("lim", 0.45, 0.45, 100, None),
    "lim_ode": ("lim_ode", 0.75, 0.80, 25, None),
}
SWEPT: dict[str, dict[str, Any]] = {
    **{f"flow_sgm, sigma_T = {s:g}": {"sigma_T": s} for s in SIGMAS},
    "flow_sgm, sigma_T = auto": {"sigma_T": "auto"},
    **{f"dlpm, sampling_steps = {n}": {"sampling_steps": n} for n in STEPS},
}
"""The swept settings of each variant that has some."""


def label(name: str) -> str:
    """Return the label of a variant."""
    return ",".join(
        f"{k}={v:g}" if k != "sigma_T" or v != "auto" else f"{k}={v}"
        for k, v in SWEPT.get(name, {}).items()
    )


METHOD_MODELS = {
    "sgm": ["sgm"],
    "flow": ["flow"],
    "flow_sgm": ["flow", "sgm"],
    "dlpm": ["dlpm"],
    "dlim": ["dlpm"],
    "lim": ["lim"],
    "lim_ode": ["lim"],
}
DATASETS: dict[str, dict[str, Any]] = {
    "stable": {"type": "alpha_stable", "settings": {"dim": 2, "alpha": 1.7, "scale": 0.05}},
    "student": {"type": "student_mixture", "settings": {"dim": 20, "nu": 2.5}},
    "returns": {"type": "returns", "settings": {"series": ["sp500", "nasdaq", "wti", "vix"]}},
}
MODELS: dict[str, dict[str, Any]] = {
    "sgm": {"type": "sgm", "settings": {"train_steps": 400}},
    "flow": {"type": "flow", "settings": {"train_steps": 400, "tails": "auto"}},
    "dlpm": {"type": "dlpm", "settings": {"alpha": 1.7, "train_steps": 400}},
    "lim": {"type": "lim", "settings": {"alpha": 1.8, "train_steps": 400}},
}
BLOCKS = ("0-1", "2")
MISSING = ("returns", "lim_ode")


def fabricate(root: Path, n: int = 2000) -> Path:
    """Write a results folder under ``root`` and give its path."""
    results = root / "results" / "default"
    for name in DATASETS:
        for block in BLOCKS:
            _data(results, name, block, n)
            _models(results, name, block)
            _samples(results, name, block, n)
    _metrics(results)
    _plan(results)
    _benchmarks(results)
    return results


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def seal(record: Path, files: Iterable[Path], content: dict[str, Any] | None = None) -> None:
    """Write the record of files beside them, and the checksums of all."""
    sums = {path.name: checksum(path) for path in files}
    write_sums(record.parent, {**sums, record.name: write_record(record, content or {})})


def seeds(block: str) -> list[int]:
    first, _, last = block.partition("-")
    return list(range(int(first), int(last or first) + 1))


def draw(name: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw rows of something like the dataset."""
    if name == "stable":
        a = kanter(rng.uniform(0, np.pi, (n, 1)), rng.exponential(size=(n, 1)), 1.7, np)
        return 0.05 * np.sqrt(a) * rng.normal(size=(n, 2))
    if name == "student":
        centres = np.random.default_rng(0).normal(scale=6, size=(4, 20))
        x = rng.normal(size=(n, 20)) / np.sqrt(rng.chisquare(2.5, size=(n, 1)) / 2.5)
        return x + centres[rng.integers(4, size=n)]
    scale = np.array([1.0, 1.2, 2.0, 6.0])
    return 1e-2 * scale * rng.standard_t([3.0, 3.5, 4.0, 9.0], size=(n, 4))


def generate(name: str, method: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw rows of something like what a method makes of the dataset: blurred, tails bent."""
    _, blur, bend, *_ = METHODS[method]
    x = draw(name, n, rng)
    scale = np.quantile(np.abs(x), 0.9)
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    sign = 1 if method.startswith(("dlpm", "lim")) else -1
    stretched = x * (1 + norm / scale / 10) ** (sign * bend)
    return stretched + 0.2 * blur * scale * rng.normal(size=x.shape)


def _data(results: Path, name: str, block: str, n: int) -> None:
    folder = results / "data" / name / block
    splits = {
        split: np.stack([draw(name, n, np.random.default_rng([m, k])) for m in seeds(block)])
        for k, split in enumerate(("train", "test", "floor"))
    }
    for split, rows in splits.items():
        write_array(folder / f"{split}.npy", list(rows))
        write_array(folder / f"{split}_labels.npy", [np.empty(0, np.int64)] * len(rows))
    d = splits["test"].shape[-1]
    columns = DATASETS[name]["settings"].get("series", [f"x{j + 1}" for j in range(d)])
    tail = {"stable": 1.7, "student": 2.5}.get(name)
    meta = {
        **DATASETS[name],
        "columns": columns,
        "synthetic": name != "returns",
        "tail_index": None if tail is None else [tail] * d,
    }
    seal(folder / "meta.json", sorted(folder.glob("*.npy")), meta)


def _models(results: Path, name: str, block: str) -> None:
    for number, model in enumerate(MODELS):
        rng = np.random.default_rng([number, len(block)])
        step = np.arange(10, 401, 10)
        rows = []
        for m in seeds(block):
            loss = 0.4 + 2.0 * np.exp(-step / 60) + 0.05 * rng.normal(size=step.size)
            val = np.where(step % 50 == 0, 0.45 + 2.0 * np.exp(-step / 60), np.nan)
            shift = -2.0 if model == "flow" else 0.0
            rows.append(
                pd.DataFrame(
                    {
                        "seed": m,
                        "step": step,
                        "loss": loss + shift,
                        "val_loss": val + shift if model != "lim" else np.nan,
                        "lr": 1e-3,
                        "seconds": step * 0.01,
                    }
                )
            )
        folder = results / "models" / name / model / block
        folder.mkdir(parents=True, exist_ok=True)
        pd.concat(rows).to_csv(folder / "history.csv", index=False)
        spec: dict[str, Any] = {
            **MODELS[model],
            "seconds": [4.0] * len(seeds(block)),
            "parameters": 12345,
            "versions": {"python": "3.12.0", "torch": "2.11.0"},
        }
        if model == "flow":
            columns = {"stable": 2, "student": 20, "returns": 4}[name]
            table = [
                {
                    "column": j,
                    "xi": round(0.4 - 0.02 * j, 3),
                    "xi_se": 0.05,
                    "tail": "heavy" if j < 12 else "light",
                    "lambda": 0.4,
                }
                for j in range(columns)
            ]
            spec["tails"] = {"mode": "auto", "per_seed": [table] * len(seeds(block))}
        seal(folder / "spec.json", [folder / "history.csv"], spec)


def _samples(results: Path, name: str, block: str, n: int) -> None:
    for method in METHOD_MODELS:
        if (name, method) == MISSING:
            continue
        folder = results / "samples" / name / method / block
        variants = [v for v, row in METHODS.items() if row[0] == method]
        drawn = [
            np.stack([generate(name, v, n, np.random.default_rng([m, 9, i])) for m in seeds(block)])
            for i, v in enumerate(variants)
        ]
        write_array(folder / "samples.npy", drawn)
        meta: dict[str, Any] = {
            "method": method,
            "variants": [
                {
                    "variant": label(v),
                    "settings": SWEPT.get(v, {}),
                    "nfe": METHODS[v][3],
                    "sample_seconds": 0.01 * METHODS[v][3],
                    "sigma_T": None
                    if METHODS[v][4] in ("auto", None)
                    else [METHODS[v][4]] * len(seeds(block)),
                    "sampler": "heun",
                    "sampling_steps": 32,
                }
                for v in variants
            ],
            "peak_memory_mb": 250.0,
        }
        if method == "flow_sgm":
            meta["curve"] = [
                {"seed": m, "sigma_T": s, "max_sw1": 0.14 + 0.4 / (1 + s) + 0.01 * m}
                for m in seeds(block)
                for s in (0.25, 0.5, 1, 2, 4, 8)
            ]
        seal(folder / "record.json", [folder / "samples.npy"], meta)


def _flat(entries: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {"type": e["type"], **e["settings"]} for name, e in entries.items()}


def _metrics(results: Path) -> None:
    rng = np.random.default_rng(5)
    rows = []
    for name in DATASETS:
        for variant, (method, blur, bend, nfe, sigma) in METHODS.items():
            if (name, method) == MISSING:
                continue
            for seed in (m for block in BLOCKS for m in seeds(block)):
                for metric, floor in FLOORS.items():
                    if metric in ("mode_weight_tv", "off_mode_share") and name == "returns":
                        continue
                    value = _value(metric, floor, blur, bend) * np.exp(0.05 * rng.normal())
                    value = min(value, 1.0) if metric in HIGHER else value
                    if (name, variant, metric, seed) == ("student", "lim_ode", "msle", 1):
                        value = float("nan")
                    shared = floor * (1 + 0.03 * seed)
                    shared = min(shared, 1.0) if metric in HIGHER else shared
                    rows.append(
                        {
                            "dataset": name,
                            "method": method,
                            "variant": label(variant),
                            "seed": seed,
                            "metric": metric,
                            "value": value,
                            "floor": shared,
                            "ratio": value / shared if shared else float("nan"),
                            "nfe": nfe,
                            "settings": json.dumps(SWEPT.get(variant, {})),
                            "model": "+".join(METHOD_MODELS[method]),
                            "sigma_T": (1.0, 2.0, 2.0)[seed] if sigma == "auto" else sigma,
                            "train_seconds": 4.0 * len(METHOD_MODELS[method]) + 0.1 * seed,
                            "sample_seconds": 0.01 * nfe,
                            "peak_memory_mb": 250.0,
                        }
                    )
    path = results / "metrics.csv"
    pd.DataFrame(rows).to_csv(path, index=False)


def _value(metric: str, floor: float, blur: float, bend: float) -> float:
    if metric in HIGHER:
        return floor * (1 - 0.5 * blur)
    if metric == "off_mode_share":
        return 0.2 * blur
    tail = metric.startswith(("msle", "tail", "es99"))
    return floor * (1 + (40 * bend**2 if tail else 4 * blur))


def _plan(results: Path) -> None:
    cells = [[d, f, b] for d in DATASETS for f in METHOD_MODELS for b in BLOCKS]
    config = {
        "seeds": list(BLOCKS),
        "device": "cpu",
        "threads": 1,
        "datasets": _flat(DATASETS),
        "models": _flat(MODELS),
        "methods": {
            method: {
                "type": method,
                **{MODELS[m]["type"]: m for m in models},
                **({"sigma_T": [*SIGMAS, "auto"]} if method == "flow_sgm" else {}),
                **({"sampling_steps": list(STEPS)} if method == "dlpm" else {}),
            }
            for method, models in METHOD_MODELS.items()
        },
        "metrics": {"sliced": {"type": "sliced", "directions": 1000}},
    }
    _write(results / "config.json", config)
    jobs = {
        "data": 6,
        "train": 24,
        "sample": len(cells),
        "evaluate": len(cells) + 6,
        "collect": 1,
        "tables": 1,
        "figure": 8,
        "report": 1,
    }
    plan = {
        "stages": [{"name": name, "jobs": count} for name, count in jobs.items()],
        "models": {name: {"type": e["type"], "base": name} for name, e in MODELS.items()},
        "methods": {name: {"type": name, "models": m} for name, m in METHOD_MODELS.items()},
        "cells": cells,
    }
    seal(results / "plan.json", [results / "metrics.csv", results / "config.json"], plan)


def _benchmarks(results: Path) -> None:
    header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    seconds = {"data": 2.0, "train": 31.5, "sample": 6.25, "evaluate": 9.0}
    for rule, s in seconds.items():
        for name in DATASETS:
            for part in {"train": MODELS, "data": [""]}.get(rule, METHOD_MODELS):
                for block in BLOCKS:
                    path = results / "benchmarks" / rule / name / part / f"{block}.tsv"
                    _write(
                        path, f"{header}{s}\t0:00:0{int(s) % 10}\t512.5\t-\t-\t-\t0\t0\t95\t{s}\n"
                    )
    _write(
        results / "benchmarks" / "collect.tsv", f"{header}0.5\t0:00:00\t-\t-\t-\t-\t0\t0\t0\tNA\n"
    )
