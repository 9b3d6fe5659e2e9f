"""What a training on images costs: seconds of a step and of an evaluation, and memory.

The images are made: what is measured does not depend on what they show.
"""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from benchmarks.gpu.job import Job
from benchmarks.gpu.summary import PROJECTION
from benchmarks.gpu.workflow import preset

from tailbench import registry
from tailbench.compute.devices import resolve_device
from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.training.context import SampleContext

__all__ = ["TINY", "cost_of", "measure_preset"]

STEPS = 24
TINY: dict[str, dict[str, Any]] = {
    "unet": {
        "width": 8, "num_blocks": 1, "multipliers": (1, 2), "attention": (), "batch_size": 4,
    },
    "tarflow": {"width": 8, "heads": 2, "layers": 1, "depth": 1, "patch": 2, "batch_size": 4},
}  # fmt: skip
"""Changes that make a model tiny."""


def shrunk(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a tiny model of the same kind."""
    return {**settings, **TINY["unet" if settings.get("network") == "unet" else "tarflow"]}


def cost_of(job: Job, name: str, settings: Mapping[str, Any], images: ImageLayout) -> dict:
    """Train and sample a model on made images for some steps, and return what that costs.

    A batch that does not fit is halved.

    Args:
        job: The part.
        name: Type of the model.
        settings: Its settings.
        images: What the images are.

    Returns:
        ``batch``, ``step_seconds``, ``images_per_second`` of training, ``memory_gib`` (on a GPU of
        the tensors, else of the process), ``parameters`` and ``evaluation_ms`` of one image.
    """
    import torch

    batch = int(settings["batch_size"])
    while True:
        try:
            return _cost(job, name, {**settings, "batch_size": batch}, images)
        except torch.cuda.OutOfMemoryError:
            if batch == 1:
                raise
        # after the block, for the error holds the tensors of its frames
        batch //= 2
        gc.collect()
        torch.cuda.empty_cache()


def _cost(job: Job, name: str, settings: Mapping[str, Any], images: ImageLayout) -> dict[str, Any]:
    import torch

    place = resolve_device(job.device)
    gpu = place.type == "cuda"
    if gpu:
        torch.cuda.reset_peak_memory_stats(place)
    steps, batch = (4 if job.toy else STEPS), int(settings["batch_size"])
    often = {"train_steps": steps, "validate_every": steps // 2, "validation_fraction": 0.0}
    cls = registry.load("models", name)
    model = cls(device=job.device, **{**settings, **often})
    model.fit(made(images, max(2 * batch, 8)), images=images, verbose=False)
    seconds = {row["step"]: row["seconds"] for row in model.history}
    step = (seconds[steps] - seconds[steps // 2]) / (steps - steps // 2)
    memory = torch.cuda.max_memory_allocated(place) / 2**30 if gpu else _resident()
    return {
        "batch": batch,
        "step_seconds": step,
        "images_per_second": batch / step,
        "memory_gib": memory,
        "parameters": model.info["parameters"],
        "evaluation_ms": 1e3 * evaluation_seconds(model, 2 if job.toy else 256),
    }


def evaluation_seconds(model: Any, n: int) -> float:
    """Return the seconds of one evaluation of one image in sampling; of a flow, of a sample."""
    method = model.methods[model.name]
    walks = "sampling_steps" in method.model_fields
    settings = method(**({"sampling_steps": 4} if walks else {}))
    model.sample_block(min(n, 16), settings, SampleContext([0]))
    begin = time.perf_counter()
    drawn = model.sample_block(n, settings, SampleContext([0]))
    return (time.perf_counter() - begin) / n / (drawn.nfe if walks else 1)


def made(images: ImageLayout, n: int) -> np.ndarray:
    """Draw images: bytes of smooth noise, or Gaussian latents, shape ``(n, d)``."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, *images.shape))
    if not images.pixels:
        return x.reshape(n, -1)
    smooth = x + np.roll(x, 1, axis=2) + np.roll(x, 1, axis=3)
    return np.clip(127.5 + 60.0 * smooth, 0, 255).astype(np.uint8).reshape(n, -1)


def _resident() -> float:
    """Return the peak memory of this process in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure_preset(
    job: Job, path: str, images: ImageLayout, count: int, budgets: Mapping[str, float]
) -> bool:
    """Measure one model of each type of a preset, and record the hours that all of it takes.

    Args:
        job: The part.
        path: The preset.
        images: What its images are.
        count: Images that each method draws.
        budgets: Images that published trainings of the first model have seen, by whose they are.

    Returns:
        Whether the time was enough.
    """
    config = preset(path)
    if job.toy:
        images = ImageLayout((images.shape[0], 8, 8), images.classes, images.pixels)
    costs: dict[str, dict[str, Any]] = {}
    for entry, given in config["models"].items():
        name = given.get("type", entry)
        if name in costs or given.get("frozen"):
            continue
        if not job.has(preset=path, model=name):
            if job.left() < 30:
                return False
            settings = {key: value for key, value in given.items() if key != "type"}
            try:
                found = cost_of(job, name, shrunk(settings) if job.toy else settings, images)
            except InputError as error:
                job.add(preset=path, model=name, refused=str(error))
                continue
            job.add(preset=path, model=name, **found)
        costs[name] = next(
            row for row in job.records.rows if row.get("preset") == path and row["model"] == name
        )
    if costs and not job.has(what=PROJECTION, name=path):
        _project(job, path, config, costs, count, budgets)
    return True


def _project(
    job: Job,
    path: str,
    config: Mapping[str, Any],
    costs: Mapping[str, Mapping[str, Any]],
    count: int,
    budgets: Mapping[str, float],
) -> None:
    """Record the hours of a preset and of published budgets."""
    plan = parse(config)
    first = next(iter(costs.values()))
    for whose, seen in budgets.items():
        hours = seen / first["images_per_second"] / 3600
        by = f"{seen:.3g} images at {first['images_per_second']:.3g} a second"
        job.add(what=PROJECTION, name=whose, hours=hours, by=by)
    runs = len(plan.datasets) * sum(len(parse_block(block)) for block in plan.seeds)
    train = sum(
        model.settings.train_steps
        * model.settings.batch_size
        / costs[model.type]["images_per_second"]
        for model in plan.models.values()
        if model.type in costs
    )
    draw = sum(
        _evaluations(plan.models[getattr(method.settings, role)], method.settings)
        * costs[plan.models[getattr(method.settings, role)].type]["evaluation_ms"]
        for method in plan.methods.values()
        for role in method.settings.parts
        if plan.models[getattr(method.settings, role)].type in costs
    )
    hours = runs * (train + count * draw / 1e3) / 3600
    by = f"{train:.3g} s of training, {count} images by each method, {runs} data sets and seeds"
    job.add(what=PROJECTION, name=path, hours=hours, by=by)


def _evaluations(model: Any, method: Any) -> float:
    """Return how often a method evaluates a model for an image; a flow counts as one a sample."""
    if getattr(model.settings, "network", "") != "unet":
        return float(method.points())
    return float(method.total_steps() * (2 if getattr(method, "sampler", "") == "heun" else 1))
