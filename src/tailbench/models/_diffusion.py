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


class DiffusionEstimator(Estimator):
    """A model trained and run in robust units: median 0 and scale of the quartiles 1."""

    def _prepare(self, x: NDArray[np.float64]) -> Tensor:
        import torch

        location, scale = robust_units(x)
        self.constants = {
            "location": torch.from_numpy(location),
            "scale": torch.from_numpy(scale),
        }
        return torch.from_numpy((x - location[:, None]) / scale[:, None]).float()

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
        batch = BATCH if device.type == "cpu" else 16 * BATCH
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
