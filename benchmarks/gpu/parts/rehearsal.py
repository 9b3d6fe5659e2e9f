"""presets/images-ffhq64.yaml and presets/images-imagenet512.yaml from made files to the report.

The networks have the levels, attention and precision of the presets, and are narrower, so that a
few steps of them take minutes on a CPU; what their own size takes is in the projections. Images,
latents and the weights of Inception are drawn: the distances say that they are computed, no more.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.gpu.job import Job
from benchmarks.gpu.networks import TINY
from benchmarks.gpu.workflow import jobs_by_rule, preset, results_of, run_workflow

from tailbench.io.atomic import replacing

__all__ = ["narrowed", "run"]

FFHQ, LATENTS = "presets/images-ffhq64.yaml", "presets/images-imagenet512.yaml"
IMAGES = 48  # of FFHQ, in two folders, which become classes
LABELS = (7, 137, 151, 268, 999)  # of latents: birds, dogs, and neither
EACH = 20  # latents of a label
FEW = {"train_steps": 4, "validate_every": 2, "batch_size": 8}
NARROW = {"sgm": {"width": 32}, "tarflow": {"width": 64, "heads": 4, "depth": 1}}
STEPS = {"sgm": [2, 4], "flow_sgm": [2]}
METRICS = ("fid_classifier", "fid_inception", "kid_inception", "sw1", "max_sw1")


def run(job: Job) -> bool:
    """Make the files, run both presets, and record distances, seconds and memory."""
    for path, make in {FFHQ: faces, LATENTS: latents}.items():
        under = Path(path).stem
        if job.has(preset=path, file="report.html"):
            continue
        source = job.folder / under / "source"
        if not source.exists():
            with replacing(source) as temporary:
                make(temporary, 8 if job.toy else 64)
        config = narrowed(path, source, job.toy)
        if path == FFHQ and not job.toy:
            config["metrics"]["inception"] = {"weights": str(inception(job.folder / "drawn.pth"))}
        run_workflow(job, config, METRICS, under=under, preset=path)
        results = results_of(job, under)
        for model, seconds in steps_of(results).items():
            job.add(preset=path, model=model, **seconds)
        for rule, spent in jobs_by_rule(results).items():
            job.add(preset=path, rule=rule, **spent)
        report = results / "report.html"
        job.add(preset=path, file=report.name, megabytes=report.stat().st_size / 1e6)
    return True


def narrowed(path: str, source: Path, toy: bool) -> dict[str, Any]:
    """Return a preset with narrow networks, few steps and few images, read from a folder."""
    config = preset(path)
    for data in config["datasets"].values():
        data |= {"path": str(source), "test_fraction": 0.3}
        data |= {key: 8 for key in ("size", "side") if toy and key in data}
        if "classes" in data:
            data["classes"] = [label for label in data["classes"] if label in LABELS]
    for name, model in config["models"].items():
        model |= FEW | NARROW[name]
        if toy:
            model |= TINY["unet" if name == "sgm" else "tarflow"] | {"train_steps": 2}
    for name, steps in STEPS.items():
        config["methods"][name]["sampling_steps"] = steps
    config["methods"]["flow_sgm"]["sigma_T"] = [1.0]
    if path == FFHQ:
        config |= {"metrics": {"classifier": {}}, "figures": ["images", "nfe"]}
    else:
        few = {"directions": 10, "steps": 5, "starts": 1}
        config |= {"metrics": {"sliced_wasserstein": few}, "figures": ["nfe"]}
    return config


def faces(folder: Path, side: int) -> None:
    """Write images of two kinds, dark and bright smooth noise, into a folder for each."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for kind, level in (("dark", 90.0), ("bright", 160.0)):
        (folder / kind).mkdir(parents=True)
        for i in range(IMAGES // 2):
            x = rng.standard_normal((side, side, 3))
            x = level + 25.0 * (x + np.roll(x, 1, axis=0) + np.roll(x, 1, axis=1))
            pixels = np.clip(x, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{i}.png")


def latents(folder: Path, side: int) -> None:
    """Write Gaussian latents in two shards, with labels."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(LABELS, EACH))
    for name, part in zip("ab", np.array_split(labels, 2), strict=True):
        x = rng.standard_normal((len(part), 4, side, side)).astype(np.float32)
        save_file({"latents": x, "labels": part}, folder / f"{name}.safetensors")


def inception(path: Path) -> Path:
    """Write drawn weights of Inception, since the trained ones are not here; return the file."""
    import io

    import torch

    from tailbench.metrics.feature_networks import torch_fidelity

    if path.exists():
        return path
    torch_fidelity()
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Drawn(FeatureExtractorInceptionV3):  # type: ignore[misc]
        def load_state_dict(self, state: Any) -> None:
            pass

    empty = io.BytesIO()
    torch.save({}, empty)
    empty.seek(0)
    torch.manual_seed(0)
    made = Drawn("inception-v3-compat", ["2048"], feature_extractor_weights_path=empty)
    with replacing(path) as temporary:
        torch.save(made.state_dict(), temporary)
    return path


def steps_of(results: Path) -> dict[str, dict[str, float]]:
    """Return the seconds of a step of each model, by the history of its training."""
    found = {}
    for path in sorted((results / "models").rglob("history.csv")):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        first, last = rows[0], rows[-1]
        taken = float(last["step"]) - float(first["step"])
        seconds = float(last["seconds"]) - float(first["seconds"])
        name = "/".join(path.relative_to(results / "models").parts[:-2])
        found[name] = {"step_seconds": seconds / taken, "loss": float(last["loss"])}
    return found
