"""Training steps and samples a second of every model, for seed blocks of 1, 5 and 20.

Twenty seeds together are to take at most twice the time of one: ``times_of_one`` is the time of a
step of the block over that of one seed, ``holds`` whether that is so.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from benchmarks.gpu.job import Job
from benchmarks.gpu.work import by_gradients

from tailbench import registry
from tailbench.targets.student_mixture import StudentMixture

__all__ = ["run"]

BLOCKS = (1, 5, 20)
BAR = 2.0  # times the time of one seed, for the largest block
DIM = 10
FULL = {"rows": 10_000, "steps": 200, "samples": 4096}
TOY = {"rows": 100, "steps": 3, "samples": 20}


def run(job: Job) -> bool:
    """Measure every model that is trained by gradients and not measured yet."""
    size = TOY if job.toy else FULL
    blocks = (1, 2) if job.toy else BLOCKS
    names = [name for name in registry.names("models") if by_gradients(name)]
    target, rng = StudentMixture(dim=DIM), np.random.default_rng(0)
    x = np.stack([target.sample(size["rows"], rng) for _ in range(max(blocks))])
    for name in names:
        first: dict[str, float] = {}
        for count in blocks:
            if job.has(model=name, seeds=count):
                first = first or next(row for row in job.records.rows if row["model"] == name)
                continue
            if job.left() < 10:
                return False
            found = measured(name, x[:count], job.device, size, job.toy)
            first = first or found
            ratio = first["steps_per_second"] / found["steps_per_second"]
            held = {"holds": ratio <= BAR} if count == max(blocks) else {}
            job.add(model=name, seeds=count, **found, times_of_one=ratio, **held)
    return True


def measured(
    name: str, x: np.ndarray, device: str, size: dict[str, int], toy: bool
) -> dict[str, Any]:
    """Return steps of the block and samples of all its seeds in a second."""
    cls = registry.load("models", name)
    tiny = dict(cls.Settings.test_settings) if toy else {}
    rates = {}
    for steps in (5, size["steps"]):  # the first training starts the device
        given = {"train_steps": steps, "validate_every": steps, "validation_fraction": 0.0}
        model = cls(device=device, **(tiny | given)).fit(x, verbose=False)
        rates["steps_per_second"] = steps / sum(model.info["seconds"])
    for n in (10, size["samples"]):
        begin = time.perf_counter()
        model.sample(n, **(model.methods[name].test_settings if toy else {}))
        rates["samples_per_second"] = n * len(x) / (time.perf_counter() - begin)
    return rates
