"""What a network costs on this processor: seconds of a step, memory, operations, kernels.

Seconds are those that the processor has worked for this process, by one thread unless torch was
given more. Large batches are not computed: time and memory grow by a line between two small ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.gpu.counting import Counts, counting
from benchmarks.gpu.networks import made
from benchmarks.gpu.work import Network

from tailbench import registry
from tailbench.targets.student_mixture import StudentMixture
from tailbench.training import trainer
from tailbench.training.context import SampleContext

__all__ = ["batches_of", "cost_here", "probing"]

STEP_OPERATIONS = 0.05e12  # of the largest step that is computed
STEP_BYTES = 4e9
TABLE_STEPS = 10
TABLE_ROWS = 1000  # that are sampled
PEAK = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")


def cost_here(network: Network) -> dict[str, Any]:
    """Train a network for a few steps on made data, evaluate it, and return what that costs.

    Returns:
        ``batch`` of the configuration and those ``measured``; ``step_seconds`` and ``memory_gib``
        at ``batch``, by a line through those measured, and ``measured_seconds``; by step of one
        seed ``step_operations`` (and ``model_operations``, which the project's own cost model
        estimates) and ``step_kernels``; by row ``evaluation_ms`` and ``evaluation_operations``, by
        pass ``evaluation_kernels``; ``parameters``.
    """
    batch, measured = network.batch, batches_of(network)
    cls = registry.load("models", network.type)
    steps = 1 if network.images else TABLE_STEPS
    given = {**network.settings, "train_steps": 10**6, "validation_fraction": 0.0}
    model = cls(device="cpu", **given)
    with probing(measured, steps) as probed:
        model.fit(_data(network, max(measured)), images=network.images, verbose=False)
    counts: Counts = probed["counts"]
    data, per_row = network.data, batch / measured[0]
    found = {
        "batch": batch,
        "measured": measured,
        "step_seconds": along(measured, probed["seconds"], batch),
        "measured_seconds": probed["seconds"],
        "memory_gib": along(measured, probed["memory_gib"], batch),
        "measured_gib": probed["memory_gib"],
        "parameters": model.info["parameters"],
        "step_operations": counts.operations * per_row,
        "model_operations": 3.0 * batch * model.settings.cost(data).operations,
        "step_kernels": counts.kernels,
    }
    if network.images and network.type == "tarflow":
        return found | _drawn_by_flow(found, network)
    return found | _evaluated(model, network)


def batches_of(network: Network) -> list[int]:
    """Return the batches to measure: one fourth of the largest that is affordable, and that."""
    if network.images is None:
        return [network.batch]
    cls = registry.load("models", network.type)
    cost = cls.Settings(**network.settings).cost(network.data)
    most = min(STEP_OPERATIONS / (3 * cost.operations), STEP_BYTES / (4 * cost.activations))
    largest = min(max(int(most), 2), network.batch)
    return [max(largest // 4, 1), largest]


def along(at: list[int], values: list[float], where: int) -> float:
    """Return the value at ``where`` of the line through two points, or of the only one."""
    if len(at) == 1 or at[0] == at[-1]:
        return values[-1]
    slope = (values[-1] - values[0]) / (at[-1] - at[0])
    return values[-1] + max(slope, 0.0) * (where - at[-1])


@contextmanager
def probing(batches: list[int], steps: int) -> Iterator[dict[str, Any]]:
    """Let trainings inside count one step of the first batch, and time some of each.

    Yields:
        ``counts``, and for each batch ``seconds`` of a step and ``memory_gib``, the most that the
        process has held.
    """
    found: dict[str, Any] = {"seconds": [], "memory_gib": []}

    class Probe(trainer.Trainer):
        def _run(self, writer: Any) -> None:
            taken = self.steps()
            self.batch = batches[0]
            with counting() as counts:  # the first step, which is slower than the others
                next(taken)
            found["counts"] = counts
            for self.batch in batches:
                _forget_peak()
                begin = time.process_time()
                for _ in range(steps):
                    next(taken)
                found["seconds"].append((time.process_time() - begin) / steps)
                found["memory_gib"].append(_peak_gib())

    own = trainer.Trainer
    trainer.Trainer = Probe
    try:
        yield found
    finally:
        trainer.Trainer = own


def _data(network: Network, batch: int) -> np.ndarray:
    if network.images:
        return made(network.images, max(2 * batch, 8))
    target = StudentMixture(dim=max(network.data.dim, 1))
    return target.sample(max(4 * batch, 2 * TABLE_ROWS), np.random.default_rng(0))


def _evaluated(model: Any, network: Network) -> dict[str, float]:
    """Return what one evaluation of a row costs; of a flow, one sample."""
    method = model.methods[model.name]
    walks = "sampling_steps" in method.model_fields
    rows, steps = (1, 2) if network.images else (TABLE_ROWS, TABLE_STEPS)
    settings = method(**({"sampling_steps": steps} if walks else {}))
    with counting() as counts:
        drawn = model.sample_block(rows, settings, SampleContext([0]))
    passes = drawn.nfe if walks else 1
    begin = time.process_time()
    model.sample_block(rows, settings, SampleContext([0]))
    seconds = time.process_time() - begin
    return {
        "evaluation_ms": 1e3 * seconds / (rows * passes),
        "evaluation_operations": counts.operations / (rows * passes),
        "evaluation_kernels": counts.kernels / passes,
    }


def _drawn_by_flow(step: Mapping[str, Any], network: Network) -> dict[str, float]:
    """Return what a sample of a transformer flow costs, by its training, where it costs most.

    A sample takes the products of one pass, a third of those of a step, patch by patch: as many
    times the kernels. On this processor that is slower than a pass at once, which is not counted.
    """
    assert network.images is not None
    patches = math.prod(network.images.shape[1:]) / int(network.settings["patch"]) ** 2
    return {
        "evaluation_ms": 1e3 * step["step_seconds"] / (3 * step["batch"]),
        "evaluation_operations": step["step_operations"] / (3 * step["batch"]),
        "evaluation_kernels": patches * step["step_kernels"] / 3,
    }


def _forget_peak() -> None:
    """Let the most memory that the process has held be what it holds now, where Linux can."""
    with suppress(OSError):
        RESET.write_text("5")


def _peak_gib() -> float:
    """Return the most resident memory since it was forgotten; NaN where it is not known."""
    try:
        lines = PEAK.read_text().splitlines()
    except OSError:
        return math.nan
    sizes: Mapping[str, str] = dict(line.split(":", 1) for line in lines)
    return int(sizes["VmHWM"].split()[0]) / 2**20
