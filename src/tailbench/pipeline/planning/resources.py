"""What jobs ask a scheduler for: memory, time and GPUs, from the sizes in a configuration.

The estimates are generous: a job that asks for too much waits a little longer, one that asks for
too little is killed. What is killed is tried again with more (``attempt``), and a training goes on
from its last state. No torch here: the Snakefile asks this module for every job.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from tailbench.data import DataShape, NetworkCost
from tailbench.models.settings import ModelSettings, SamplingSettings
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.planning.frozen_models import as_saved
from tailbench.pipeline.runtime.gpu_slots import gpus, gpus_of_machine
from tailbench.registry import entry_class

if TYPE_CHECKING:
    from tailbench.pipeline.planning.plan import Plan

__all__ = ["JobResources", "ResourceRequest", "evaluating", "preparing", "sampling", "training"]

BASE_MB = 900  # a training of almost nothing, 500, and the Snakemake that watches over it, 300
CUDA_MB = 3000  # what a process with a GPU holds outside the GPU
COPIES = 6  # double precision: read, scaled, split, and some in between

CPU_SPEED = 5e9  # operations a second of a thread; small matrices reach 10e9 to 50e9
GPU_SPEED = 5e12
CPU_STEP, GPU_STEP = 0.01, 0.02  # seconds of a step besides
START_MINUTES, SLACK, LONGEST = 10, 4, 24 * 60


@dataclass(frozen=True)
class ResourceRequest:
    """What the first attempt of a job asks for.

    Attributes:
        memory: Memory in MB.
        minutes: Minutes until it is killed.
    """

    memory: int
    minutes: int

    def mem_mb(self, attempt: int = 1) -> int:
        """Return the memory of an attempt, in MB."""
        return self.memory * attempt

    def runtime(self, attempt: int = 1) -> int:
        """Return the time limit of an attempt, in minutes."""
        return self.minutes * attempt


def training(
    settings: ModelSettings, data: DataShape, seeds: int, threads: int = 1, gpu: bool = False
) -> ResourceRequest:
    """Return what the training of a seed block asks for.

    Args:
        settings: Settings of the model.
        data: Size of the data.
        seeds: Number of seeds of the block.
        threads: Threads on a CPU.
        gpu: Whether it runs on a GPU, where all seeds train together.
    """
    cost = settings.cost(data)
    steps, batch = settings.passes(data.rows)
    work = 3.0 * seeds * batch * cost.operations
    per_step = _seconds(work, cost, seeds, threads, gpu)
    memory = BASE_MB + _mb(seeds * data.rows * data.dim, 8 * COPIES)
    memory += _mb(cost.parameters, 4 * (6 + 3 * seeds))
    validated = min(settings.validation_rows(data.rows), max(batch, 2**20 // data.dim))
    if gpu:
        memory += CUDA_MB
    else:
        memory += _mb(batch * cost.activations, 8) + _mb(validated * cost.activations, 1)
    return ResourceRequest(_rounded(memory, 500), _minutes(steps * per_step))


def sampling(
    settings: SamplingSettings,
    models: Sequence[ModelSettings],
    data: DataShape,
    seeds: int,
    threads: int = 1,
    gpu: bool = False,
) -> ResourceRequest:
    """Return what the sampling of a method asks for.

    Args:
        settings: Settings of the method.
        models: Settings of the models that it samples from.
        data: Size of the data.
        seeds: Number of seeds of the block.
        threads: Threads on a CPU.
        gpu: Whether it runs on a GPU, where all seeds are sampled together.
    """
    steps, points = settings.total_steps(), settings.points()
    costs = [model.cost(data) for model in models]
    rows = min(4096, max(2**21 // data.dim, 256), data.rows)  # at once
    own = seeds * data.rows * settings.own_operations(data)  # on a CPU, wherever the rest is
    seconds = own / (CPU_SPEED * threads**0.7)
    for model, cost in zip(models, costs, strict=True):
        work = seeds * data.rows * cost.operations
        batches = math.ceil(data.rows / (rows * (16 if gpu else 1)))
        passes = model.evaluations(steps, points, data)
        seconds += passes * _seconds(work, cost, seeds * batches, threads, gpu)
    parameters = sum(cost.parameters for cost in costs)
    kept = max((cost.activations for cost in costs), default=0.0)
    memory = BASE_MB + _mb(parameters, 8 * seeds)
    memory += _mb(seeds * data.rows * data.dim, 8 * COPIES + 8 * points)
    memory += CUDA_MB if gpu else _mb(rows * kept, 2)
    return ResourceRequest(_rounded(memory, 500), _minutes(seconds))


def evaluating(
    data: DataShape, seeds: int, variants: int = 1, images: bool = False
) -> ResourceRequest:
    """Return what the metrics of the samples of a seed block ask for.

    Args:
        data: Size of the data.
        seeds: Number of seeds of the block.
        variants: Points of the sweep that was sampled.
        images: Whether features of images are computed.
    """
    numbers = data.rows * data.dim
    memory = BASE_MB + 300 + _mb(seeds * numbers, 8 * (2 + variants))
    if images:  # a network sees them one after another, on a CPU perhaps
        seconds = seeds * (variants + 1) * (60.0 + 0.05 * data.rows)
        return ResourceRequest(_rounded(memory + 3000, 500), _minutes(seconds))
    memory += _mb(numbers, 8 * 30)
    return ResourceRequest(
        _rounded(memory, 500), _minutes(seeds * variants * (5.0 + numbers * 1e-4))
    )


def preparing(data: DataShape, seeds: int) -> ResourceRequest:
    """Return what drawing or reading the data of a seed block asks for."""
    numbers = data.rows * data.dim
    memory = 600 + _mb(seeds * numbers, 8 * 3) + _mb(numbers, 8 * COPIES)
    return ResourceRequest(_rounded(memory, 500), _minutes(seeds * (1.0 + numbers * 1e-6)))


def _seconds(work: float, cost: NetworkCost, seeds: int, threads: int, gpu: bool) -> float:
    if gpu:
        return work / GPU_SPEED + GPU_STEP * cost.calls
    return work / (CPU_SPEED * threads**0.7) + CPU_STEP * seeds


def _mb(numbers: float, size: float) -> float:
    return numbers * size / 1e6


def _rounded(value: float, to: int) -> int:
    return math.ceil(value / to) * to


def _minutes(seconds: float) -> int:
    return min(START_MINUTES + _rounded(SLACK * seconds / 60, 5), LONGEST)


@dataclass(frozen=True)
class JobResources:
    """What the jobs of a plan ask for.

    Args:
        plan: The plan.
        available: GPUs that the run may use at once.
        elsewhere: Whether jobs go to a scheduler, where short ones share a job.
    """

    plan: Plan
    available: int | None = None
    elsewhere: bool = False

    def limit(self) -> int:
        """Return the number of GPUs that the run may use at once: one, if one is named."""
        named = ":" in self.plan.config.device
        return 1 if named else gpus_of_machine() if self.available is None else self.available

    def gpus(self, device: str | None = None) -> int:
        """Return the GPUs of a job that trains or samples, or of one on ``device``."""
        return gpus(self.plan.config.device if device is None else device, self.available)

    def feature_gpus(self, dataset: str) -> int:
        """Return the GPUs of a job that computes features of images, or metrics, of a dataset."""
        return self.gpus(self.plan.features.device(dataset))

    def _source(self, dataset: str) -> str:
        """Return where the data come from, without what is said of their columns."""
        return self.plan.config.datasets[dataset].spec

    def data(self, dataset: str, block: str) -> ResourceRequest:
        """Return what drawing or reading the data asks for."""
        return preparing(_shape(self._source(dataset)), len(parse_block(block)))

    def train(self, dataset: str, model: str, block: str) -> ResourceRequest:
        """Return what a training asks for."""
        need = _training(
            self.plan.specs.train(model),
            self._source(dataset),
            len(parse_block(block)),
            self.plan.config.threads,
            self.gpus() > 0,
        )
        return self._of_several(need, self.plan.processes(model))

    def sample(self, dataset: str, method: str, block: str) -> ResourceRequest:
        """Return what a sampling asks for."""
        need = _sampling(
            self.plan.specs.sample(method),
            tuple(self.plan.specs.train(model) for model in self.plan.models_of(method)),
            self._source(dataset),
            self.plan.config.datasets[dataset].n_samples or 0,
            len(parse_block(block)),
            self.plan.config.threads,
            self.gpus() > 0,
        )
        return self._of_several(need, self.plan.processes_of(method))

    def evaluate(self, dataset: str, method: str, block: str) -> ResourceRequest:
        """Return what the metrics of a method ask for."""
        points = _settings("methods", self.plan.specs.sample(method)).points()
        need = self._metrics(dataset, block, points)
        return self._of_several(need, self.plan.processes_for(dataset, method))

    def floor(self, dataset: str, block: str) -> ResourceRequest:
        """Return what the metrics of real data ask for."""
        return self._metrics(dataset, block, 1)

    def _metrics(self, dataset: str, block: str, variants: int) -> ResourceRequest:
        data, seeds = _shape(self._source(dataset)), len(parse_block(block))
        images = bool(self.plan.features.spaces(dataset))
        return evaluating(data, seeds, variants, images)

    def nodes(self, processes: int) -> int:
        """Return the nodes that processes which share a job are spread over."""
        return math.ceil(processes / self.plan.config.processes_per_node)

    def tasks(self, processes: int) -> int:
        """Return the tasks that Slurm is asked for: one per node, or, with GPUs, none by number."""
        return 0 if self.gpus() else self.nodes(processes)

    def _of_several(self, need: ResourceRequest, processes: int) -> ResourceRequest:
        """Return what processes that share a job ask for on each node: all hold the data."""
        here = min(processes, self.plan.config.processes_per_node)
        return ResourceRequest(need.memory * here, need.minutes)

    def group(self, name: str, dataset: str | None = None) -> str | None:
        """Return the group of jobs that share one of a scheduler, if they do.

        There are none on one machine, where they would only cost Snakemake time to plan, nor of
        metrics that need a GPU.

        Args:
            name: Name of the group.
            dataset: The dataset, for metrics.
        """
        on_gpu = dataset is not None and self.feature_gpus(dataset)
        return name if self.elsewhere and not on_gpu else None


@cache
def _settings(section: str, spec: str) -> Any:
    """Return the settings of an entry of a section, from what its jobs depend on."""
    entry = json.loads(spec)
    entry.pop("parts", None)
    return entry_class(section, entry.pop("type")).model_validate(entry)


@cache
def _shape(spec: str) -> DataShape:
    """Return the size of a dataset, as far as its settings tell it without reading data."""
    shape: DataShape = _settings("datasets", spec).shape()
    return shape


@cache
def _training(model: str, data: str, seeds: int, threads: int, gpu: bool) -> ResourceRequest:
    return training(as_saved(_settings("models", model)), _shape(data), seeds, threads, gpu)


@cache
def _sampling(
    method: str, models: tuple[str, ...], data: str, least: int, seeds: int, threads: int, gpu: bool
) -> ResourceRequest:
    trained = [as_saved(_settings("models", model)) for model in models]
    shape = _shape(data)
    shape = replace(shape, rows=max(shape.rows, least))
    return sampling(_settings("methods", method), trained, shape, seeds, threads, gpu)
