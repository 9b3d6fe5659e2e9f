"""Held-out data as the start of a reverse process, in the place of what a model has drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.data import as_values
from tailbench.models.preprocessing import filled
from tailbench.rng.seeds import generator_for

if TYPE_CHECKING:
    from torch import Tensor

    from tailbench.models.sgm import SGM
    from tailbench.rng.streams import IndexedStreams

__all__ = ["held_out_block", "noised_start", "start_rows"]


def held_out_block(x: ArrayLike | Sequence[Any], count: int) -> list[Any]:
    """Return held-out data as one array of rows for each seed; a table serves all of them.

    Args:
        x: Rows, shape ``(m, d)`` or ``(E, m, d)``, or one array for each seed.
        count: Number of seeds.

    Raises:
        ValueError: If there is a block of another number of seeds.
    """
    if not isinstance(x, Sequence):
        array = np.asarray(x)
        x = [array] * count if array.ndim == 2 else list(array)
    if len(x) != count:
        raise ValueError(f"held-out data of {count} seeds are required, not of {len(x)}")
    return list(x)


def start_rows(rows: Any, n: int, seed: int) -> NDArray[np.float64]:
    """Return ``n`` held-out rows: the first ones and, if there are fewer, resampled ones too.

    Args:
        rows: Held-out rows, shape ``(m, d)``.
        n: Number of rows. Those beyond the ``m`` first are drawn with replacement: as samples
            they then are not independent.
        seed: Seed of the resampling.
    """
    kept = as_values(rows[: min(n, len(rows))])
    if len(kept) == n:
        return kept
    again = generator_for("held_out", seed).integers(len(rows), size=n - len(kept))
    return np.concatenate([kept, as_values(rows[again])])


def noised_start(
    model: SGM, held_out: Sequence[Any], level: float, n: int, seeds: Sequence[int]
) -> Callable[[list[int], slice, IndexedStreams], Tensor]:
    r"""Return the start :math:`z + \sigma_T G` of ``SGM.refine``, in the model's robust units.

    Args:
        model: The score model, whose units are used.
        held_out: Held-out rows of each seed, in units of the data.
        level: The noise level :math:`\sigma_T`.
        n: Number of samples.
        seeds: Seed of each one's draws.
    """
    import torch

    starts = [start_rows(rows, n, seed) for rows, seed in zip(held_out, seeds, strict=True)]
    margins = model.margins

    def start(members: list[int], rows: slice, streams: IndexedStreams) -> Tensor:
        own = np.stack([filled(starts[e], rows) for e in members])
        x = torch.from_numpy(own.astype(np.float64))
        z = margins.to_model(x, members)
        return z.to(streams.device) + level * streams.randn()

    return start
