"""A multi-scale Glow of the library normflows, trained and sampled as the transformer flow is.

normflows is no dependency of the project: this is for ``image_priors.py``, which compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from tailbench.exceptions import InputError
from tailbench.models.settings import TrainingSettings
from tailbench.models.tarflow import TarFlow, TarFlowSettings
from tailbench.rng.seeds import seed_for

__all__ = ["Glow", "GlowFlow", "GlowSettings", "normflows"]

STARTED_ON = 512  # images that the activation normalisation starts from


def normflows() -> Any:
    """Import the library.

    Raises:
        InputError: If it is not installed.
    """
    try:
        import normflows as library
    except ImportError:
        raise InputError(
            "this comparison needs the library normflows, which the project does not: install it "
            "by `pip install --no-deps normflows==1.7.3`"
        ) from None
    return library


class GlowSettings(TarFlowSettings):
    """Settings of the training of a Glow; those of the transformers are not used."""

    blocks: int = Field(4, ge=1, description="Steps of the flow on each level (K).")
    levels: int = Field(2, ge=1, description="Levels, each of half the resolution (L).")
    hidden: int = Field(64, ge=1, description="Channels of the networks of the couplings.")
    scale_map: Literal["sigmoid", "sigmoid_inv", "exp"] = Field(
        "exp",
        description="What makes scales of a coupling: a sigmoid by which the way to the base "
        "multiplies, one by which the way to the data does, or the exponential function. By the "
        "first, the library's own choice, samples may be infinite; the last has learned fastest.",
    )


class GlowFlow(nn.Module):
    """One Glow, told images as tokens of one patch each, the form that ``TarFlow`` speaks.

    Each level squeezes 2 by 2 pixels into channels, and has ``blocks`` steps of activation
    normalisation, a 1x1 convolution by its LU factors, and an affine coupling; then half of the
    channels leave for the base. The base has a mean and a scale for each of its values, which are
    applied here, so that what comes out is standard Gaussian.

    Args:
        shape: Channels, height and width; both sides multiples of ``2^levels``.
        blocks: Steps of each level.
        levels: Number of levels.
        hidden: Channels of the networks of the couplings.
        scale_map: What makes scales of a coupling, see ``GlowSettings``.

    References:
        Kingma and Dhariwal, Glow: generative flow with invertible 1x1 convolutions, 2018.
    """

    def __init__(
        self, shape: tuple[int, int, int], blocks: int, levels: int, hidden: int, scale_map: str
    ) -> None:
        super().__init__()
        library = normflows()
        channels, height, width = shape
        self.shape = shape
        self.shapes: list[tuple[int, int, int]] = []  # of what is given to the base, coarsest first
        bases, flows = [], []
        for level in range(levels):
            own = channels * 2 ** (levels + 1 - level)
            shrunk = 2 ** (levels - level)
            steps = [
                library.flows.GlowBlock(own, hidden, scale_map=scale_map) for _ in range(blocks)
            ]
            flows.append([*steps, library.flows.Squeeze()])
            self.shapes.append((own // 2 if level else own, height // shrunk, width // shrunk))
            bases.append(library.distributions.DiagGaussian(self.shapes[-1]))
        merges = [library.flows.Merge() for _ in range(levels - 1)]
        self.flow = library.MultiscaleFlow(bases, flows, merges, class_cond=False)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Map images ``(n, 1, d)`` to the base; give them and the log-determinant ``(n,)``."""
        parts, ladj = self.flow.inverse_and_log_det(tokens.view(-1, *self.shape))
        made = []
        for part, base in zip(parts, self.flow.q0, strict=True):
            made.append(((part - base.loc) * (-base.log_scale).exp()).flatten(1))
            ladj = ladj - base.log_scale.sum()
        return torch.cat(made, dim=1).unsqueeze(1), ladj

    def inverse(self, z: Tensor) -> Tensor:
        """Map the base ``(n, 1, d)`` to images."""
        parts = z.flatten(1).split([math.prod(shape) for shape in self.shapes], dim=1)
        latents = [
            base.loc + base.log_scale.exp() * part.view(-1, *shape)
            for part, base, shape in zip(parts, self.flow.q0, self.shapes, strict=True)
        ]
        return self.flow.forward_and_log_det(latents)[0].flatten(1).unsqueeze(1)


class _Alone(nn.Module):
    """A block of one seed, whose weights have the leading axis that the training loop expects.

    Buffers stay as they are, other than by ``tailbench.networks.stacked``, which would train them.
    """

    def __init__(self, flow: nn.Module) -> None:
        super().__init__()
        self.weights = nn.ParameterDict()
        self._flow = (flow,)  # no child, so that its parameters, which are taken out, are not ours
        self._places = []
        for key, value in list(flow.named_parameters()):
            path, _, name = key.rpartition(".")
            owner, key = flow.get_submodule(path), key.replace(".", "/")
            del owner._parameters[name]
            self.weights[key] = nn.Parameter(value.detach()[None].clone())
            self._places.append((owner, name, key))

    def __getitem__(self, seed: int) -> nn.Module:
        for owner, name, key in self._places:
            owner.__dict__[name] = self.weights[key][seed]
        return self._flow[0]


class Glow(TarFlow):
    """A Glow in the place of the transformers; noise, loss, density and denoising are TarFlow's.

    For square images, one seed, on a CPU.
    """

    Settings: ClassVar[type[TrainingSettings]] = GlowSettings
    settings: GlowSettings

    def _prepare_images(self, x: Any) -> Any:
        """Also start the activation normalisation, from noisy data as the training will see."""
        rows = super()._prepare_images(x)
        flow = self._initial()
        first = rows.take(torch.arange(min(STARTED_ON, rows.shape[1]))[None])[0]
        generator = torch.Generator().manual_seed(seed_for("start", self._seeds[0]))
        noise = torch.randn(first.shape, generator=generator)
        with torch.no_grad():
            flow((first + self.settings.noise * noise).unsqueeze(1))
        self._start = flow.state_dict()
        return rows

    def _shape(self, dim: int) -> tuple[tuple[int, int, int], int]:
        """Return the shape of the images, and their side: a patch is a whole image.

        Raises:
            InputError: If the images are not square, or cannot be halved so often.
        """
        assert self.images is not None
        _, height, width = shape = self.images.shape
        if height != width or height % 2**self.settings.levels:
            raise InputError(
                f"levels: images of {height} by {width} cannot be halved {self.settings.levels} "
                "times as squares"
            )
        return shape, height

    def _initial(self) -> GlowFlow:
        assert self.images is not None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._generators([0])[0].initial_seed())
            chosen = self.settings
            return GlowFlow(
                self.images.shape, chosen.blocks, chosen.levels, chosen.hidden, chosen.scale_map
            )

    def _build(self, seeds: Sequence[int], dim: int) -> nn.Module:
        self._shape(dim)
        flow = self._initial()
        flow.load_state_dict(self._start)
        return _Alone(flow)
