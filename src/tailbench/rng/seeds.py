"""Random seeds by axis.

The seed of a draw is a hash of the names of what the draw belongs to: data depend on
``("data", dataset, seed)``, training on ``("train", dataset, model, seed)``. Methods are
so compared on the same data, and the result of a seed does not depend on which other seeds
are computed beside it.
"""

from __future__ import annotations

import hashlib
import json
import operator

import numpy as np

__all__ = ["RandomState", "generator_for", "metric_generator", "seed_for", "seed_of"]

RandomState = int | np.random.Generator | np.random.RandomState | None
"""Where randomness comes from, as scikit-learn has it."""


def seed_for(*axes: str | int) -> int:
    """Return the seed of the given axes, an integer in ``[0, 2**63)``.

    Args:
        axes: Names and numbers, the order of which matters.
    """
    digest = hashlib.blake2b(json.dumps(axes).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator_for(*axes: str | int) -> np.random.Generator:
    """Return a NumPy generator (PCG64) seeded by the given axes."""
    return np.random.default_rng(seed_for(*axes))


def metric_generator(metric: str, dataset: str, seed: int) -> np.random.Generator:
    """Return the generator of a metric of a benchmark: the same for all methods."""
    return generator_for("metric", metric, dataset, seed)


def seed_of(state: RandomState) -> int | None:
    """Return the seed that a ``random_state`` gives: a generator gives another one every time.

    Raises:
        TypeError: If it is no integer, generator or ``None``.
    """
    if state is None:
        return None
    if isinstance(state, np.random.Generator):
        return int(state.integers(2**31))
    if isinstance(state, np.random.RandomState):
        return int(state.randint(2**31))
    return operator.index(state)
