"""The presets of large images from data to report, on a handful of made images.

Networks have their full size; trainings two steps, samplings one step or two. What comes out says
that every rule ends, and what its jobs take, and nothing of the models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.gpu.job import Job
from benchmarks.gpu.made import made_inception, made_latents, made_pictures
from benchmarks.gpu.networks import shrunk
from benchmarks.gpu.workflow import costs_by_rule, preset, results_of, run_workflow

from tailbench.data import ImageLayout
from tailbench.io.checksums import read_record

__all__ = ["RUNS", "configuration", "run"]

METRICS = ("fid_inception", "max_sw1")
ENOUGH = 60.0  # seconds that are left, to begin a run
FEW = {"train_steps": 2, "batch_size": 2, "validate_every": 1}
LAYER: dict[str, Any] = {
    "models": {"sgm": FEW, "tarflow": FEW},
    "methods": {
        "sgm": {"sampling_steps": [1, 2]},
        "flow_sgm": {"sigma_T": [4.0], "sampling_steps": [1]},
    },
}
"""What the presets are changed by, beside their files."""
FACES, LATENTS, WEIGHTS = "made/faces", "made/latents", "made/inception.pth"
FFHQ = {"datasets": {"ffhq": {"path": FACES}}, "metrics": {"inception": {"weights": WEIGHTS}}}
SHARD = {"path": LATENTS, "test_fraction": 0.02}  # a method draws as many as are held out
IMAGENET = {"datasets": {"dogs": SHARD}}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "ffhq64": ("presets/images-ffhq64.yaml", FFHQ),
    "imagenet512": ("presets/images-imagenet512.yaml", IMAGENET),
    "frozen": ("presets/images-ffhq64.yaml", FFHQ),
}
"""The preset of each run, and its files; ``frozen`` takes the denoiser of the first."""
TOY = {"ffhq": {"size": 8}, "dogs": {"side": 8}}
"""Sizes of the data at toy size."""
FIGURES = ("images", "nfe")
DRAWN = ["samples/ffhq/sgm/0/samples.npy", "samples/ffhq/flow_sgm/0/samples.npy"]
"""What the run with a frozen denoiser makes: it trains the flow alone."""
LABELS = [*range(151, 269), 7, 999]
"""A dog of every kind, and others, which the preset leaves out."""


def run(job: Job) -> bool:
    """Run the presets one after the other, one job at a time."""
    make_files(job)
    for name in RUNS:
        if job.has(run=name, done=True):
            continue
        if job.left() < ENOUGH:
            return False
        targets = DRAWN if name == "frozen" else []
        run_workflow(job, configuration(job, name), METRICS, targets, name, most_jobs=1)
        results = results_of(job, name)
        for rule, cost in costs_by_rule(results).items():
            job.add(run=name, rule=rule, **cost)
        for row in trainings(results):
            job.add(run=name, **row)
        job.add(run=name, done=True, **found(job, name))
    return True


def configuration(job: Job, name: str) -> dict[str, Any]:
    """Return the configuration of a run: its preset, with files that are made, and few steps."""
    path, files = RUNS[name]
    config = merged(merged(preset(path), LAYER), files)
    config["datasets"].pop("birds", None)  # as the dogs in all that matters here
    if job.toy:
        config["models"] = {key: {**shrunk(m), **FEW} for key, m in config["models"].items()}
        config["datasets"] = {k: {**data, **TOY[k]} for k, data in config["datasets"].items()}
        config["figures"] = [figure for figure in config["figures"] if figure in FIGURES]
        del config["methods"]["flow"]  # flow_sgm draws from it
    if job.options.inception and "inception" in config["metrics"]:
        config["metrics"]["inception"] = {"weights": str(job.options.inception)}
    if name == "frozen":
        folder = results_of(job, "ffhq64") / "models" / "ffhq" / "sgm" / "0"
        config["models"]["sgm"] = {"frozen": str(folder.relative_to(job.folder))}
    return config


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings with some of them changed."""
    return {**base} | {
        key: merged(base.get(key) or {}, value) if isinstance(value, Mapping) else value
        for key, value in changes.items()
    }


def make_files(job: Job) -> None:
    """Make the files that the workspace does not have."""
    side = 8 if job.toy else 64
    faces, latents = ImageLayout((3, side, side)), ImageLayout((4, side, side), pixels=False)
    makers: dict[str, Callable[[Path], None]] = {
        FACES: lambda path: made_pictures(path, faces, 28),
        LATENTS: lambda path: made_latents(path, latents, LABELS),
        WEIGHTS: made_inception,
    }
    for path, make in makers.items():
        if not (job.folder / path).exists():
            make(job.folder / path)


def trainings(results: Path) -> list[dict[str, Any]]:
    """Return what every training took, as its model says; of the GPU, where it had one."""
    rows = []
    for path in sorted((results / "models").glob("*/*/*/spec.json")):
        spec, (dataset, model, _) = read_record(path), path.parts[-4:-1]
        rows.append(
            {
                "dataset": dataset,
                "model": model,
                "parameters": spec["parameters"],
                "seconds": sum(spec["seconds"]),
                "memory_mb": spec["peak_memory_mb"],
            }
        )
    return rows


def found(job: Job, name: str) -> dict[str, Any]:
    """Return what there is at the end of a run: its report, or the samples of the frozen model.

    Raises:
        RuntimeError: If a run that was to write a report has none.
    """
    results = results_of(job, name)
    if name == "frozen":
        own, taken = (np.load(where / DRAWN[0]) for where in (results_of(job, "ffhq64"), results))
        return {"same_samples": bool(np.array_equal(own, taken))}
    report = results / "report.html"
    if not report.exists():
        raise RuntimeError(f"{report} was not written")
    pictures = sorted(path.parent.name for path in results.glob("figures/*/*.png"))
    return {"report_kb": round(report.stat().st_size / 1000), "pictures": ", ".join(pictures)}
