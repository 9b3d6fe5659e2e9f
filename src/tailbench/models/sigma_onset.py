"""The choice of ``sigma_T`` by the onset of unimodality of the noised training data."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.data import as_values
from tailbench.exceptions import InputError
from tailbench.io.lazy_rows import LazyRows
from tailbench.models.flow_sgm_settings import FlowSGMSampling
from tailbench.models.preprocessing import Stored
from tailbench.models.results import TuneResult
from tailbench.rng.seeds import generator_for
from tailbench.stats.unimodal_onset import unimodal_onset

if TYPE_CHECKING:
    from tailbench.margins.base import Margins

__all__ = ["rule_of", "select_onset"]

ROWS = 50_000
NUMBERS = 2**24
LEAST = 4


def select_onset(
    x: Sequence[NDArray[np.float64]] | Stored,
    margins: Margins,
    settings: FlowSGMSampling,
    seeds: Sequence[int],
    ids: Sequence[int],
) -> TuneResult:
    """Choose ``sigma_T`` for each seed as the noise from which on its data have one mode.

    See :func:`tailbench.stats.unimodal_onset.unimodal_onset`. It is looked for from the least
    positive level of ``sigma_T_grid``, which unimodal data get, to the largest, which is taken
    with a warning where the data have several modes even there. Of ``noisy_flow``, which has a flow
    for each level of the grid, the next of them is taken.

    Args:
        x: Training data of each seed, each of shape ``(n, d)``; of more than 50,000 rows, or of
            16 million numbers, some at random are used.
        margins: The map of data to the units of the noise.
        settings: Settings of the sampling.
        seeds: Seed of each choice.
        ids: Number of each seed, for the curve.

    Returns:
        The levels, and as ``dip_score`` of the curve the largest score of a line at every level
        that was tried.

    Raises:
        InputError: If there are fewer than four rows.
    """
    import torch

    grid = sorted(level for level in settings.sigma_T_grid if level > 0)
    chosen, curve = [], []
    for e, (rows, seed, number) in enumerate(zip(x, seeds, ids, strict=True)):
        if rows.shape[0] < LEAST:
            raise InputError(f"sigma_T: 'dip' needs at least {LEAST} rows, not {rows.shape[0]}")
        rng = generator_for("choose onset", seed)
        units = margins.to_model(torch.from_numpy(_some(rows, rng))[None], [e])[0].numpy()
        found = unimodal_onset(units, grid[0], grid[-1], rng)
        if not found.is_unimodal:
            warnings.warn(
                f"sigma_T: 'dip': the data of seed {number} have several modes at {grid[-1]:g}, "
                "the largest level of sigma_T_grid, which is taken",
                stacklevel=2,
            )
        level = found.level
        if settings.start == "noisy_flow":
            level = min(own for own in grid if own >= level)
        chosen.append(level)
        curve += [
            {"seed": number, "sigma_T": sigma, "dip_score": score}
            for sigma, score in found.scores.items()
        ]
    return TuneResult(chosen, curve)


def rule_of(tuned: TuneResult) -> str:
    """Return the rule by which a level was chosen, ``"dip"`` or ``"auto"``, as its curve tells."""
    return "dip" if any("dip_score" in row for row in tuned.curve) else "auto"


def _some(rows: LazyRows | NDArray[Any], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return all rows, or some at random in their order."""
    n, most = rows.shape[0], max(LEAST, min(ROWS, NUMBERS // rows.shape[1]))
    if n <= most:
        return as_values(rows[:])
    return as_values(rows[np.sort(rng.permutation(n)[:most])])
