"""What the experiment ``sample_size`` costs on this processor, and what it has to compute."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from benchmarks.gpu.cards import card_seconds
from benchmarks.gpu.counting import counting

from tailbench.theory.sample_size.experiment import SampleSizeSettings, TwoModes
from tailbench.theory.sample_size.relative_score import Network, train

__all__ = ["cost_of_cell", "seconds_of_cells"]

NETWORKS, STEPS, POINTS = 2, 4, 500
INTEGRATION = 40 * 4  # evaluations of a density: steps of the method of Runge and Kutta
NODES = 16 / 4  # of the bound, each with a fourth of the points


def cost_of_cell(settings: SampleSizeSettings, dim: int) -> dict[str, float]:
    """Measure the training of a few networks in a dimension, and their evaluation.

    Returns:
        By step of one network ``step_seconds``, of which ``drawing_seconds`` are for random
        numbers, which the CPU draws whatever the device, and ``step_operations``; by step of all
        ``step_kernels``; by point of one network ``evaluation_ms`` and ``evaluation_operations``,
        by pass ``evaluation_kernels``.
    """
    batch, width = settings.batch_size, settings.width
    times = (settings.delta, settings.horizon)
    generator = torch.Generator().manual_seed(0)
    target = TwoModes(dim, settings.mode, 1)
    data = [target.sample(2 * batch, 0.0, generator) for _ in range(NETWORKS)]

    def trained(steps: int) -> Network:
        rate, penalty = settings.learning_rate, settings.penalty
        return train(data, width, steps, batch, rate, penalty, times, 0)

    trained(1)
    begin = time.process_time()
    network = trained(STEPS)
    step = (time.process_time() - begin) / STEPS
    begin = time.process_time()
    for shape in ((), (1,), (dim,)):
        torch.randn(NETWORKS, batch, *shape, generator=generator)
    drawing = time.process_time() - begin
    with counting() as counts:
        trained(1)
    x = target.sample(POINTS, 0.0, generator).expand(NETWORKS, POINTS, dim)
    with counting() as field:
        network.field(x, 0.1)
    begin = time.process_time()
    network.field(x, 0.1)
    seconds = time.process_time() - begin
    return {
        "dim": dim,
        "measured": [batch],
        "step_seconds": step / NETWORKS,
        "drawing_seconds": drawing / NETWORKS,
        "step_operations": counts.operations / NETWORKS,
        "step_kernels": counts.kernels,
        "evaluation_ms": 1e3 * seconds / (NETWORKS * POINTS),
        "evaluation_operations": field.operations / (NETWORKS * POINTS),
        "evaluation_kernels": field.kernels,
    }


def seconds_of_cells(
    settings: SampleSizeSettings, costs: Mapping[int, Mapping[str, float]], card: str | None = None
) -> float:
    """Return the seconds of all cells here, or on a card.

    Args:
        settings: The experiment.
        costs: By dimension, what was measured.
        card: The card; if none, here.
    """
    total, networks = 0.0, len(settings.sizes) * settings.seeds
    passes = INTEGRATION + NODES
    points = networks * settings.points
    for dim in settings.dims:
        cost = costs[dim]
        if card is None:
            total += settings.steps * networks * cost["step_seconds"]
            total += passes * points * cost["evaluation_ms"] / 1e3
            continue
        total += settings.steps * networks * cost["drawing_seconds"]
        operations = settings.steps * networks * cost["step_operations"]
        kernels = settings.steps * cost["step_kernels"]
        total += card_seconds(card, "full float32", operations, kernels)
        operations = passes * points * cost["evaluation_operations"]
        total += card_seconds(card, "float64", operations, passes * cost["evaluation_kernels"])
    return total * len(settings.targets)
