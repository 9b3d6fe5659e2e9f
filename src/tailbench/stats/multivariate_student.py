r"""The multivariate Student-t law, and its maximum likelihood by EM with weights of the rows.

:math:`t_\nu(m, S)` has the density, with :math:`\delta^2 = (x - m)^\top S^{-1} (x - m)`,

.. math:: f(x) = \frac{\Gamma((\nu+d)/2)}{\Gamma(\nu/2) (\pi\nu)^{d/2} |S|^{1/2}}
    \left(1 + \frac{\delta^2}{\nu}\right)^{-(\nu+d)/2}.

:math:`S` is a scatter, not a covariance, which there is above :math:`\nu = 2` alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "NU_RANGE",
    "StudentFit",
    "StudentLaw",
    "best_nu",
    "fit_student",
    "raised",
    "student_step",
]

Array = NDArray[np.float64]
NU_RANGE = (0.1, 1000.0)
"""Degrees of freedom that a fit may end at; 1,000 is a Gaussian to all that data can tell."""
FLATTEST = 1e-9
"""Least ratio of two eigenvalues of a scatter: axes are at most 30,000 times as long as others."""
SMALLEST = 1e-12
"""Least eigenvalue of a scatter, in squared units of the data, which are robust ones."""
BRACKET = 1.25


@dataclass(frozen=True)
class StudentLaw:
    """A multivariate Student-t law.

    Attributes:
        loc: Centre, shape ``(d,)``.
        scatter: Scatter matrix, positive definite, shape ``(d, d)``.
        nu: Degrees of freedom, which are the tail index.
    """

    loc: Array
    scatter: Array
    nu: float

    @cached_property
    def root(self) -> Array:
        """Lower triangular root of the scatter, shape ``(d, d)``."""
        return np.asarray(np.linalg.cholesky(self.scatter), dtype=np.float64)

    @property
    def correlation(self) -> Array:
        """The scatter in the scales of the columns, with ones on its diagonal, shape ``(d, d)``."""
        scale = np.sqrt(np.diag(self.scatter))
        return self.scatter / np.outer(scale, scale)

    def whitened(self, x: Array) -> Array:
        """Return rows in units in which the scatter is the identity, shape ``(n, d)``."""
        from scipy.linalg import solve_triangular

        return solve_triangular(self.root, (x - self.loc).T, lower=True, check_finite=False).T

    def distances(self, x: Array) -> Array:
        r"""Compute the squared distances :math:`\delta^2` of rows ``(n, d)``, shape ``(n,)``."""
        return np.square(self.whitened(x)).sum(axis=1)

    def log_density(self, distances: Array) -> Array:
        """Compute the log-density at squared distances, of their shape."""
        nu, d = self.nu, len(self.loc)
        constant = math.lgamma(0.5 * (nu + d)) - math.lgamma(0.5 * nu)
        constant -= 0.5 * d * math.log(math.pi * nu) + float(np.log(np.diag(self.root)).sum())
        return constant - 0.5 * (nu + d) * np.log1p(distances / nu)

    def log_prob(self, x: Array) -> Array:
        """Compute the log-density at rows ``(n, d)``, shape ``(n,)``."""
        return self.log_density(self.distances(x))

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        r"""Draw ``n`` rows :math:`m + S^{1/2} G \sqrt{\nu / \chi^2_\nu}`, shape ``(n, d)``."""
        z = rng.standard_normal((n, len(self.loc))) @ self.root.T
        return self.loc + z / np.sqrt(rng.chisquare(self.nu, (n, 1)) / self.nu)

    def moved(self, location: Array, root: Array) -> StudentLaw:
        """Return the law of ``location + root X``, with a matrix ``root`` ``(d, d)``."""
        return StudentLaw(location + root @ self.loc, root @ self.scatter @ root.T, self.nu)


@dataclass(frozen=True)
class StudentFit:
    """A law by maximum likelihood, and how it was found.

    Attributes:
        law: The law.
        steps: Steps taken.
        converged: Whether the last step changed less than the tolerance.
    """

    law: StudentLaw
    steps: int
    converged: bool


def best_nu(distances: Array, dim: int, weights: Array, near: float) -> float:
    r"""Compute the degrees of freedom of greatest likelihood, at given squared distances.

    It is the root within ``NU_RANGE`` of

    .. math:: \sum_i w_i \left[\psi\left(\tfrac{\nu+d}2\right) - \psi\left(\tfrac\nu2\right)
        - \log\left(1 + \frac{\delta_i^2}\nu\right) + \frac{\delta_i^2 - d}{\nu + \delta_i^2}
        \right] = 0,

    or the end of the range at which the likelihood is greater.

    Args:
        distances: Squared distances, any shape.
        dim: Dimension ``d`` of the rows.
        weights: Their weights, of the same shape, not negative.
        near: Where to search first.
    """
    from scipy.optimize import brentq
    from scipy.special import digamma

    total = float(weights.sum())

    def slope(log_nu: float) -> float:
        nu = math.exp(log_nu)
        terms = (distances - dim) / (nu + distances) - np.log1p(distances / nu)
        own = digamma(0.5 * (nu + dim)) - digamma(0.5 * nu)
        return total * float(own) + float(np.vdot(weights, terms))

    least, most = (math.log(end) for end in NU_RANGE)
    low = high = min(max(math.log(near), least), most)
    width = math.log(BRACKET)
    rising = slope(low) > 0.0
    while rising == (slope(high if rising else low) > 0.0):
        if (rising and high >= most) or (not rising and low <= least):
            return math.exp(most if rising else least)
        if rising:
            low, high = high, min(high + width, most)
        else:
            low, high = max(low - width, least), low
        width *= 2.0
    return math.exp(brentq(slope, low, high, xtol=1e-9))


def student_step(
    x: Array,
    law: StudentLaw,
    distances: Array,
    weights: Array,
    *,
    nu: float | None = None,
    least: float = SMALLEST,
) -> StudentLaw:
    r"""Compute the next law of an EM in which rows have weights.

    The degrees of freedom are those of greatest likelihood at the present distances; then

    .. math:: u_i = w_i \frac{\nu + d}{\nu + \delta_i^2}, \qquad
        m = \frac{\sum_i u_i x_i}{\sum_i u_i}, \qquad
        S = \frac{\sum_i u_i (x_i - m)(x_i - m)^\top}{\sum_i u_i}.

    The weighted log-likelihood never falls. The divisor of ``S``, in place of the sum of the
    weights :math:`w_i`, leaves the fixed points where they are and takes far fewer steps to them.

    Where rows lie on a plane, or many are equal, the likelihood has no maximum: eigenvalues of
    ``S`` are raised to ``least``, and to 1e-9 of the largest one.

    Args:
        x: Rows, shape ``(n, d)``.
        law: The present law.
        distances: Squared distances from it, shape ``(n,)``.
        weights: Weights of the rows, shape ``(n,)``, not negative.
        nu: Degrees of freedom, if they are given.
        least: Least eigenvalue of the scatter.

    References:
        Liu and Rubin, The ECME algorithm, 1994; Kent, Tyler and Vardi, A curious likelihood
        identity for the multivariate t-distribution, 1994 (the divisor).
    """
    dim = x.shape[1]
    if nu is None:
        nu = best_nu(distances, dim, weights, law.nu)
    pull = weights * ((nu + dim) / (nu + distances))
    total = pull.sum()
    loc = pull @ x / total
    centred = (x - loc) * np.sqrt(pull / total)[:, None]
    return StudentLaw(loc, raised(centred.T @ centred, least), nu)


def raised(scatter: Array, least: float) -> Array:
    """Return a scatter with eigenvalues raised to ``least`` and to 1e-9 of the largest."""
    values, axes = np.linalg.eigh(scatter)
    floor = max(least, FLATTEST * values[-1])
    if values[0] >= floor:
        return scatter
    return (axes * np.maximum(values, floor)) @ axes.T


def fit_student(
    x: Array, nu: float | None = None, *, tolerance: float = 1e-6, max_steps: int = 1000
) -> StudentFit:
    r"""Compute the Student-t law of greatest likelihood by EM; see ``student_step``.

    It starts at the medians and the identity. For given degrees of freedom of at least one the
    likelihood has one maximum; below, the start decides which is found.

    Args:
        x: Rows in robust units, shape ``(n, d)``.
        nu: Degrees of freedom; chosen by their profile likelihood if left out.
        tolerance: Ends the search, if a step changes centre and scatter by less of the scales of
            the columns, and the logarithm of the degrees of freedom by less.
        max_steps: Most steps.

    References:
        Kent and Tyler, Redescending M-estimates of multivariate location and scatter, 1991 (when
        there is one maximum).
    """
    law = StudentLaw(np.median(x, axis=0), np.eye(x.shape[1]), 4.0 if nu is None else nu)
    ones = np.ones(len(x))
    for step in range(1, max_steps + 1):
        before, law = law, student_step(x, law, law.distances(x), ones, nu=nu)
        if _change(before, law) < tolerance:
            return StudentFit(law, step, True)
    return StudentFit(law, max_steps, False)


def _change(before: StudentLaw, after: StudentLaw) -> float:
    """Return the largest change, in the scales of the columns."""
    scale = np.sqrt(np.diag(after.scatter))
    scatter = np.abs(after.scatter - before.scatter) / np.outer(scale, scale)
    loc = np.abs(after.loc - before.loc) / scale
    return max(float(scatter.max()), float(loc.max()), abs(math.log(after.nu / before.nu)))
