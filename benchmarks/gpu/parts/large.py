"""The networks of FFHQ at 64 by 64 and of latents of ImageNet at 512, on made images."""

from __future__ import annotations

from benchmarks.gpu.job import Job
from benchmarks.gpu.networks import measure_preset

from tailbench.data import ImageLayout

__all__ = ["run"]

PRESETS = {
    "presets/images-ffhq64.yaml": (
        ImageLayout((3, 64, 64)),
        10_000,
        {"FFHQ-64, EDM (Karras et al., 2022)": 200e6},
    ),
    "presets/images-imagenet512.yaml": (ImageLayout((4, 64, 64), pixels=False), 10_000, {}),
}
"""What the images are, how many each method draws, and published budgets."""


def run(job: Job) -> bool:
    """Measure the models of both presets."""
    return all(measure_preset(job, path, *given) for path, given in PRESETS.items())
