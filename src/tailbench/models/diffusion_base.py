"""What the models share that make samples out of noise step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

import numpy as np
from numpy.typing import NDArray

from tailbench.compute.devices import resolve_device
from tailbench.compute.distributed import processes
from tailbench.data import as_values
from tailbench.models.base import Sampling, check_samples
from tailbench.models.estimator import Estimator, Training
from tailbench.models.preprocessing import Stored, robust_units
from tailbench.training.context import SampleContext

if TYPE_CHECKING:
    from torch import Tensor

    from tailbench.margins.base import Margins, Name
    from tailbench.rng.streams import IndexedStreams
    from tailbench.training.rows import Rows

    Run = Callable[["Piece"], Tensor]

__all__ = ["DiffusionEstimator", "Piece"]

BATCH = 4096
NUMBERS = 2**21  # of a batch of large samples
CHUNK = 256  # rows of a batch come in multiples of it: see SampleStreams
PIXEL_SCALE = 0.5
MEASURED = 2**24  # numbers of latents whose quantiles are the unit


@dataclass(frozen=True)
class Piece:
    """A batch of samples to draw.

    Attributes:
        module: The trained module of some positions of the seed block.
        positions: These positions.
        rows: Which samples of each seed they are.
        streams: Their random numbers.
        step: What to call at each step of the sampler, for progress.
    """

    module: Any
    positions: list[int]
    rows: slice
    streams: IndexedStreams
    step: Callable[[], None]


class DiffusionEstimator(Estimator[Training, Sampling], Generic[Training, Sampling]):
    """A model trained and run in units in which the data are of the order of one.

    Tables are in robust units: each column has median 0, and its quartiles have scale 1; or they
    pass a map of each column that takes tails in as well: see ``tailbench.margins``. Images
    have one unit for all their values: half of the way from grey to white for pixels, as in
    Karras et al. (2022), and the robust units of all values together for latents.
    """

    tuning = "learning rate, by benchmarks/tuning.py, the same search for every diffusion"

    def _prepare(self, x: NDArray[np.float64]) -> Tensor:
        from tailbench.margins.base import make_margins

        fitted = make_margins(self._margins_name()).fit(x, *robust_units(x))
        self.constants = fitted.constants
        return self._to_model(x)

    def _to_model(self, x: NDArray[np.float64]) -> Tensor:
        import torch

        return self.margins.to_model(torch.from_numpy(x), range(len(x))).float()

    def _prepare_images(self, x: Stored) -> Rows:
        from tailbench.training.rows import stored

        location, scale = self._image_units(x)
        columns = np.ones((len(x), x[0].shape[1]))
        self._set_units(location * columns, scale * columns)
        return stored(x, self._in_units)

    def _image_units(self, x: Stored) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute the location and the scale of all values of images, each of shape ``(E, 1)``."""
        assert self.images is not None
        if self.images.pixels:
            return np.zeros((len(x), 1)), np.full((len(x), 1), PIXEL_SCALE)
        every = max(1, math.ceil(len(x[0]) * x[0].shape[1] / MEASURED))
        some = [as_values(rows[:: max(1, every)]).reshape(-1, 1) for rows in x]
        return robust_units(np.stack(some))

    def _set_units(self, location: NDArray[np.float64], scale: NDArray[np.float64]) -> None:
        """Keep location and scale of each coordinate, each of shape ``(E, d)``."""
        import torch

        self.constants = {
            "location": torch.from_numpy(location),
            "scale": torch.from_numpy(scale),
        }

    @property
    def margins(self) -> Margins:
        """The map between data and what the network learns; of images, their units."""
        from tailbench.margins.base import make_margins

        return make_margins(self._margins_name())(self.constants)

    def _margins_name(self) -> Name:
        """Return the name of the map; models without the setting have robust units."""
        return "none" if self.images is not None else getattr(self.settings, "margins", "none")

    def _precision(self) -> type[np.floating]:
        """Return the type of samples: tables may have offsets that single precision loses."""
        return np.float64 if self.images is None else np.float32

    def _in_units(self, rows: Tensor, positions: Sequence[int]) -> Tensor:
        """Convert stored rows ``(E, B, d)`` of some positions to the model's units."""
        import torch

        values = rows.double() / 127.5 - 1.0 if rows.dtype == torch.uint8 else rows.double()
        return self.margins.to_model(values, positions).float()

    def _batches(
        self,
        groups: Sequence[Sequence[int]],
        run: Run,
        n: int,
        steps: int,
        context: SampleContext,
    ) -> NDArray[np.floating]:
        """Run a sampler batch by batch, and return its samples in units of the data.

        Several processes take turns, batch by batch, and all get all samples.

        Args:
            groups: Positions of the block that are computed together; the samples of those in no
                group are zero.
            run: Draws the samples of a ``Piece`` in the model's units, shape ``(E, n, d)``.
            n: Number of samples for each seed.
            steps: Steps of the sampler, for progress.
            context: Seeds of the draws, label, and whether to show progress.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        import torch

        from tailbench.rng.streams import IndexedStreams
        from tailbench.training.progress import Progress

        device, team, margins = resolve_device(self.device), processes(), self.margins
        batch = min(BATCH, max(NUMBERS // self.dim // CHUNK, 1) * CHUNK)
        batch *= 1 if device.type == "cpu" else 16
        out = np.zeros((self.num_seeds, n, self.dim), self._precision())
        batch = context.batch or min(batch, max(math.ceil(n / team.count / CHUNK), 1) * CHUNK)
        pieces = math.ceil(n / batch)
        own = range(team.rank, pieces, team.count)
        quiet = not (context.verbose and team.first)
        label = context.label
        with torch.no_grad(), Progress(label, steps * len(groups) * len(own), quiet=quiet) as bar:
            for group in groups:
                positions = list(group)
                module = self._select(positions)
                for number in own:
                    begin = number * batch
                    kept = min(batch, n - begin)
                    size = context.batch or kept
                    streams = IndexedStreams(
                        [context.seeds[e] for e in positions], begin, size, self.dim, device
                    )
                    rows = slice(begin, begin + size)
                    x = run(Piece(module, positions, rows, streams, bar.step))[:, :kept]
                    data = margins.to_data(x, positions).cpu().numpy()
                    out[positions, begin : begin + kept] = data
        if team.count > 1:
            out = team.sum(torch.from_numpy(out).to(device)).cpu().numpy()
        check_samples(out, label)
        return out
