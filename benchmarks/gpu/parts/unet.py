"""The share of the card's peak that a U-Net's training step reaches, by options.

Operations are counted by torch on the network itself, forward and backward. The peak is what a
large product of matrices of the same precision reaches here, TF32 for float32, which is what
convolutions have; the published one stands beside it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from benchmarks.gpu.cards import published_tflops
from benchmarks.gpu.counting import counting
from benchmarks.gpu.job import Job
from benchmarks.gpu.networks import cost_of, made, shrunk
from benchmarks.gpu.workflow import preset

from tailbench.compute.devices import resolve_device
from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.models.sgm import SGM
from tailbench.networks.unet import ScoreUNet
from tailbench.rng.streams import Streams
from tailbench.training import compilation

__all__ = ["run"]

IMAGES = ImageLayout((3, 32, 32))
PRECISIONS = ("float32", "bfloat16")
COUNTED = 2  # images whose operations are counted


def run(job: Job) -> bool:
    """Measure the peaks, and every combination of precision, channels-last and compile."""
    given = preset("presets/images-cifar10-lt.yaml")["models"]["sgm"]
    images = ImageLayout((3, 8, 8)) if job.toy else IMAGES
    given = shrunk(given) if job.toy else given
    if job.toy:
        compilation.BACKEND = "aot_eager"  # without a C++ compiler
    card = job.records.start.get("card", "")
    peaks = {kind: peak_tflops(job.device, kind, 128 if job.toy else 8192) for kind in PRECISIONS}
    operations = operations_of(given, images)
    cases = list(itertools.product((False, True), PRECISIONS, (True, False)))
    for compiled, precision, last in cases[1::5] if job.toy else cases:
        case = {"precision": precision, "channels_last": last, "compile": compiled}
        if job.has(**case):
            continue
        if job.left() < (5 if job.toy else 60):
            return False
        settings = {**given, "precision": precision, "compile": compiled}
        try:
            with layout(last):
                found = cost_of(job, "sgm", settings, images)
        except (InputError, RuntimeError) as error:  # also what the compiler throws
            job.add(**case, refused=" ".join(str(error).split())[:300])
            continue
        rate = operations * found["images_per_second"] / 1e12
        job.add(
            **case,
            step_seconds=found["step_seconds"],
            images_per_second=found["images_per_second"],
            memory_gib=found["memory_gib"],
            tflops=rate,
            share_of_measured_peak=rate / peaks[precision],
            peak_tflops=peaks[precision],
            published_tflops=published_tflops(card, precision),
        )
    return True


def peak_tflops(device: str, precision: str, side: int) -> float:
    """Return the rate of a product of square matrices, in 1e12 operations a second."""
    place = resolve_device(device)
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    x = torch.randn(side, side, device=place, dtype=getattr(torch, precision))
    best = float("inf")
    for _ in range(5):
        wait(place)
        begin = time.perf_counter()
        x @ x
        wait(place)
        best = min(best, time.perf_counter() - begin)
    torch.backends.cuda.matmul.allow_tf32 = before
    return 2.0 * side**3 / best / 1e12


def wait(place: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if place.type == "cuda":
        torch.cuda.synchronize(place)


def operations_of(settings: dict[str, Any], images: ImageLayout) -> float:
    """Count the operations of a step for one image: multiplications and additions."""
    few = {**settings, "train_steps": 1, "batch_size": COUNTED, "precision": "float32"}
    model = SGM(device="cpu", **{**few, "validation_fraction": 0.0, "compile": False})
    model.fit(made(images, 2 * COUNTED), images=images, verbose=False)
    module = model.module
    assert module is not None
    batch = torch.zeros(1, COUNTED, model.dim)
    with counting() as counts:
        model._loss(module, batch, Streams([0], torch.device("cpu"), "count")).sum().backward()
    return counts.operations / COUNTED


@contextmanager
def layout(last: bool) -> Iterator[None]:
    """Let U-Nets compute on a GPU with channels last, as they do, or first."""
    own = ScoreUNet._evaluate

    def first(self: ScoreUNet, position: int, images: torch.Tensor, times: torch.Tensor) -> Any:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.reduced):
            (out,) = self.unets[position](images.contiguous(), times, return_dict=False)
        return out.float()

    ScoreUNet._evaluate = own if last else first
    try:
        yield
    finally:
        ScoreUNet._evaluate = own
