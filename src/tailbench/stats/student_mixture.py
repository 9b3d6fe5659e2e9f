r"""Mixtures of multivariate Student-t laws.

.. math:: p(x) = \sum_{j=1}^k \pi_j \, t_{\nu_j}(x; m_j, S_j).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.multivariate_student import StudentLaw

__all__ = ["StudentMixtureLaw"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class StudentMixtureLaw:
    """A mixture of multivariate Student-t laws.

    Attributes:
        weights: Probabilities of the components, shape ``(k,)``.
        laws: The components.
    """

    weights: Array
    laws: tuple[StudentLaw, ...]

    def distances(self, x: Array) -> Array:
        """Compute squared distances from every component, shape ``(n, k)``."""
        return np.stack([law.distances(x) for law in self.laws], axis=1)

    def log_joint(self, distances: Array) -> Array:
        """Compute logarithms of weight times density at squared distances, shape ``(n, k)``."""
        parts = [law.log_density(own) for law, own in zip(self.laws, distances.T, strict=True)]
        return np.stack(parts, axis=1) + np.log(self.weights)

    def log_prob(self, x: Array) -> Array:
        """Compute the log-density at rows ``(n, d)``, shape ``(n,)``."""
        from scipy.special import logsumexp

        return logsumexp(self.log_joint(self.distances(x)), axis=1)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` independent rows, shape ``(n, d)``."""
        chosen = rng.choice(len(self.weights), n, p=self.weights)
        x = np.empty((n, len(self.laws[0].loc)))
        for j, law in enumerate(self.laws):
            own = chosen == j
            x[own] = law.sample(int(own.sum()), rng)
        return x

    def moved(self, location: Array, root: Array) -> StudentMixtureLaw:
        """Return the law of ``location + root X``, with a matrix ``root`` ``(d, d)``."""
        laws = tuple(law.moved(location, root) for law in self.laws)
        return StudentMixtureLaw(self.weights, laws)
