"""The networks of presets/images-cifar10-lt.yaml on made images: memory, time of a step, hours."""

from __future__ import annotations

from benchmarks.gpu.job import Job
from benchmarks.gpu.networks import measure_preset

from tailbench.data import ImageLayout

__all__ = ["run"]

IMAGES = ImageLayout((3, 32, 32))
DRAWN = 10_000
PUBLISHED = {
    "CIFAR-10, EDM (Karras et al., 2022)": 200e6,
    "CIFAR-10, DDPM (Ho et al., 2020)": 800_000 * 128,
}
"""Images that trainings have seen; DLPM's authors do not give theirs."""


def run(job: Job) -> bool:
    """Measure the models of the preset."""
    return measure_preset(job, "presets/images-cifar10-lt.yaml", IMAGES, DRAWN, PUBLISHED)
