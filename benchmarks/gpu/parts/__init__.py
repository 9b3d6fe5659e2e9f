"""The parts, in order of worth."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ON_CPU", "PARTS", "TITLES", "Part"]


@dataclass(frozen=True)
class Part:
    """One part.

    Attributes:
        title: What it is, in some words.
        module: Module whose function ``run`` does it.
    """

    title: str
    module: str


def _part(name: str, title: str) -> Part:
    return Part(title, f"benchmarks.gpu.parts.{name}")


PARTS = {
    "contract": _part("contract", "The contract tests of models on the device"),
    "speed": _part("speed", "Steps and samples a second of seed blocks of 1, 5 and 20"),
    "unet": _part("unet", "Share of the card's peak that a U-Net reaches, by options"),
    "benchmark": _part("benchmark", "The default benchmark"),
    "dlpm": _part("dlpm", "The two published tables of DLPM, trained to convergence"),
    "images": _part("images", "Grey images of 28 by 28: loss, FID by steps, images a second"),
    "cifar": _part("cifar", "The U-Net of CIFAR-10-LT on made images: memory, time, hours"),
    "large": _part("large", "FFHQ-64 and ImageNet-512 latents on made images: the same"),
    "rehearsal": _part(
        "rehearsal", "Both presets from data to report, on made images, in few steps"
    ),
    "theory": _part("theory", "The experiment sample_size of presets/theory-large.yaml"),
    "headline": _part("headline", "The headline in 100 dimensions, trained ten times longer"),
}
"""By name, in the order of a run."""
ON_CPU = {
    "projections": _part("projections", "What was not run, in hours, by seconds of a step here"),
}
"""Parts for a machine without a GPU, which run when they are asked for."""
TITLES = {name: part.title for name, part in (PARTS | ON_CPU).items()}
