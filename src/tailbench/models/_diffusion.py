"""What the models share that make samples out of noise step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tailbench.models._base import Estimator, resolve_device, robust_units

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tailbench.training.streams import SampleStreams

    Run = Callable[[nn.Module, list[int], slice, SampleStreams, Callable[[], None]], Tensor]

__all__ = ["DiffusionEstimator"]

BATCH = 4096
NUMBERS = 2**21  # of a batch of large samples
CHUNK = 256  # rows of a batch come in multiples of it: see SampleStreams
PIXEL_SCALE = 0.5


class DiffusionEstimator(Estimator):
    """A model trained and run in units in which the data are of the order of one.

    Tables are in robust units: each column has median 0, and its quartiles have scale 1. Images
    have one unit for all their values: half of the way from grey to white for pixels, as in
    Karras et al. (2022), and the robust units of all values together for latents.
    """

    def _prepare(self, x: NDArray[np.float64]) -> Tensor:
        import torch

        location, scale = self._units(x)
        self.constants = {
            "location": torch.from_numpy(location),
            "scale": torch.from_numpy(scale),
        }
        return torch.from_numpy((x - location[:, None]) / scale[:, None]).float()

    def _units(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give location and scale of each coordinate, each of shape ``(E, d)``."""
        if self.images is None:
            return robust_units(x)
        columns = np.ones((len(x), x.shape[2]))
        if self.images.pixels:
            return 0.0 * columns, PIXEL_SCALE * columns
        location, scale = robust_units(x.reshape(len(x), -1, 1))
        return location * columns, scale * columns

    def _batches(
        self,
        groups: Sequence[Sequence[int]],
        run: Run,
        n: int,
        steps: int,
        seeds: Sequence[int],
        *,
        label: str,
        quiet: bool,
    ) -> NDArray[np.float32]:
        """Run a sampler batch by batch, and give its samples in units of the data.

        Args:
            groups: Members that are computed together; of those in no group the samples are zero.
            run: Gives samples in robust units, shape ``(E, n, d)``, from the module of some
                members, their numbers, the rows, random streams and what to call at each step.
            n: Number of samples of each member.
            steps: Steps of the sampler, for progress.
            seeds: Seed of each member.
            label: What is sampled, for progress and errors.
            quiet: Show no progress.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        import torch

        from tailbench.training.progress import Progress
        from tailbench.training.streams import SampleStreams

        device = resolve_device(self.device)
        batch = min(BATCH, max(NUMBERS // self.dim // CHUNK, 1) * CHUNK)
        batch *= 1 if device.type == "cpu" else 16
        out = np.zeros((self.members, n, self.dim), dtype=np.float32)
        pieces = len(groups) * math.ceil(n / batch)
        with torch.no_grad(), Progress(label, steps * pieces, quiet=quiet) as bar:
            for group in groups:
                members = list(group)
                module = self._select(members)
                location, scale = (
                    self.constants[key][members, None].to(device) for key in ("location", "scale")
                )
                for begin in range(0, n, batch):
                    size = min(batch, n - begin)
                    streams = SampleStreams(
                        [seeds[e] for e in members], begin, size, self.dim, device
                    )
                    rows = slice(begin, begin + size)
                    x = run(module, members, rows, streams, bar.step)
                    out[members, rows] = (location + scale * x.double()).float().cpu().numpy()
        if not np.isfinite(out).all():
            raise FloatingPointError(f"{label}: a sample is not finite")
        return out
