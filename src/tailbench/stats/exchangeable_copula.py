r"""Copulas in which all pairs depend alike: exact draws, and exact coefficients of joint extremes.

Draws are levels ``p`` and their distances ``q = 1 - p``, each exact where it is small, so that
margins of any tail can be put on them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError
from tailbench.stats.correlation import equal_correlation, root
from tailbench.stats.positive_stable import log_kanter
from tailbench.stats.student import log_tail
from tailbench.stats.student_copula import copula_levels, draw_elliptical

__all__ = ["CopulaName", "ExchangeableCopula", "Side"]

Array = NDArray[np.float64]
CopulaName = Literal["gumbel", "clayton", "husler_reiss", "gaussian", "t"]
Side = Literal["upper", "lower"]

NODES = 200


@dataclass(frozen=True)
class ExchangeableCopula:
    r"""One of five copulas of ``d`` variables.

    - ``gumbel``, :math:`\theta \ge 1`: :math:`-\log C(u) = (\sum_j (-\log u_j)^\theta)^{1/\theta}`;
    - ``clayton``, :math:`\theta > 0`: :math:`C(u) = (\sum_j u_j^{-\theta} - d + 1)^{-1/\theta}`;
    - ``husler_reiss``, :math:`\lambda > 0`: that of a max-stable law whose logarithms of spectral
      functions are Gaussian, with the variance :math:`4 \lambda^2` of the difference of any two;
    - ``gaussian``, ``t``: those of a Gaussian or Student-t law with the correlation :math:`\rho` of
      all pairs.

    Attributes:
        name: Which one.
        dependence: Its parameter :math:`\theta`, :math:`\lambda` or :math:`\rho`.
        nu: Degrees of freedom of ``t``.

    References:
        Nelsen, An introduction to copulas, 2006; Hüsler and Reiss, Maxima of normal random vectors,
        1989; Demarta and McNeil, The t copula and related copulas, 2005.
    """

    name: CopulaName
    dependence: float
    nu: float = math.inf

    def check(self, dim: int, setting: str = "dependence") -> None:
        """Check that the parameter is one of this copula in ``dim`` dimensions.

        Args:
            dim: Dimension.
            setting: What to call the parameter in messages.

        Raises:
            InputError: If it is not; the message has its range.
        """
        x, least = self.dependence, -1.0 / max(dim - 1, 1)
        if self.name in ("gaussian", "t"):
            allowed, bounds = least < x < 1.0, f"above {least:.3g} and below 1"
        elif self.name == "gumbel":
            allowed, bounds = x >= 1.0, "of at least 1"
        else:
            allowed, bounds = x > 0.0, "above 0"
        if not allowed:
            raise InputError(
                f"{setting}: the {self.name} copula in {dim} dimensions requires a value {bounds}, "
                f"not {x:g}"
            )

    def draw(self, n: int, dim: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw ``n`` independent vectors exactly.

        Gumbel and Clayton by their frailty (Marshall and Olkin, 1988), Hüsler-Reiss by extremal
        functions, at the price of about ``dim`` Gaussian vectors for each.

        Returns:
            Levels and their distances from 1, each of shape ``(n, d)``.
        """
        if self.name in ("gaussian", "t"):
            factor = root(equal_correlation(dim, self.dependence))
            nu = self.nu if self.name == "t" else math.inf
            return copula_levels(draw_elliptical(factor, nu, n, rng), nu)
        if self.name == "gumbel":
            u = np.pi * rng.uniform(2.0**-53, 1.0 - 2.0**-53, (n, 1))
            w = _exponential(rng, n, 1)
            log_frailty = log_kanter(u, w, 2.0 / self.dependence, np) - math.log(2.0)
            log_depth = np.log(_exponential(rng, n, dim)) - log_frailty
            depth = np.exp(log_depth / self.dependence)
        elif self.name == "clayton":
            # In logarithms, since a Gamma variable of a small shape may be less than any float.
            shape = 1.0 / self.dependence
            log_frailty = np.log(rng.standard_gamma(shape + 1.0, (n, 1)))
            log_frailty -= rng.standard_exponential((n, 1)) / shape
            log_ratio = np.log(_exponential(rng, n, dim)) - log_frailty
            depth = np.logaddexp(0.0, log_ratio) / self.dependence
        else:
            depth = 1.0 / _husler_reiss(self.dependence, n, dim, rng)
        return np.exp(-depth), -np.expm1(-depth)

    def chi(self, level: float | None = None, side: Side = "upper") -> float:
        r"""Compute how often two variables are extreme together.

        .. math:: \chi(u) = P(U > u, V > u) / (1 - u), \qquad
            \chi^-(u) = P(U < 1 - u, V < 1 - u) / (1 - u),

        the latter for the side ``lower``, and their limits at ``u = 1`` if no level is given.

        Args:
            level: The level ``u``, in (0, 1).
            side: Which of the two corners.

        References:
            Coles, Heffernan and Tawn, Dependence measures for extreme value analyses, 1999.
        """
        if level is None:
            return self._limit(side)
        if not 0.0 < level < 1.0:
            raise ValueError(f"the level must be in (0, 1), not {level:g}")
        q = 1.0 - level
        if self.name in ("gaussian", "t"):
            return self._elliptical(q) / q
        if side == "lower":
            return math.exp(self._log_diagonal(math.log(q))) / q
        return (2.0 * q + math.expm1(self._log_diagonal(math.log1p(-q)))) / q

    def _log_diagonal(self, log_u: float) -> float:
        """Return the logarithm of :math:`C(u, u)` of two variables, from that of ``u``."""
        if self.name == "clayton":
            theta = self.dependence
            return log_u - math.log1p(-math.expm1(theta * log_u)) / theta
        return self._extremal_coefficient() * log_u

    def _extremal_coefficient(self) -> float:
        """Return the power of :math:`C(u, u)` of an extreme-value copula."""
        if self.name == "gumbel":
            return 2.0 ** (1.0 / self.dependence)
        return 1.0 + math.erf(self.dependence / math.sqrt(2.0))

    def _limit(self, side: Side) -> float:
        rho = self.dependence
        if self.name == "gaussian":
            return 0.0
        if self.name == "t":
            edge = math.sqrt((self.nu + 1.0) * (1.0 - rho) / (1.0 + rho))
            return float(2.0 * np.exp(log_tail(np.array(edge), self.nu + 1.0)))
        if self.name == "clayton":
            return 2.0 ** (-1.0 / self.dependence) if side == "lower" else 0.0
        return 2.0 - self._extremal_coefficient() if side == "upper" else 0.0

    def _elliptical(self, q: float) -> float:
        r"""Return the probability that two variables are both beyond that of tail ``q``.

        In polar coordinates, with the radius of :math:`P(R > r) = (1 + r^2/\nu)^{-\nu/2}`, it is
        :math:`\frac1\pi \int P(R > h / \cos\varphi) \, d\varphi` over :math:`\varphi` from
        :math:`\frac12 \arccos\rho` to :math:`\frac\pi2`, for a threshold :math:`h > 0`.
        """
        from scipy.special import ndtri, stdtrit

        if q > 0.5:
            return 2.0 * q - 1.0 + self._elliptical(1.0 - q)
        start = 0.5 * math.acos(self.dependence)
        node, weight = np.polynomial.legendre.leggauss(NODES)
        half = 0.5 * (0.5 * math.pi - start)
        cosine = np.cos(start + half * (node + 1.0))
        if self.name == "t":
            square = (float(stdtrit(self.nu, q)) / cosine) ** 2
            beyond = np.exp(-0.5 * self.nu * np.log1p(square / self.nu))
        else:
            beyond = np.exp(-0.5 * (float(ndtri(q)) / cosine) ** 2)
        return float(half * (weight @ beyond) / math.pi)


def _exponential(rng: np.random.Generator, *shape: int) -> Array:
    """Draw exponential variables, none of which is zero."""
    return np.maximum(rng.standard_exponential(shape), 2.0**-60)


def _husler_reiss(strength: float, n: int, dim: int, rng: np.random.Generator) -> Array:
    r"""Draw a max-stable Hüsler-Reiss law with unit Fréchet margins by extremal functions, exactly.

    Coordinate by coordinate, from the greatest point of a Poisson process downwards: a function
    with the value one at the coordinate is kept if it stays below what earlier coordinates have.

    Returns:
        Shape ``(n, d)``.

    References:
        Dombry, Engelke and Oesting, Exact simulation of max-stable processes, 2016.
    """
    z = np.zeros((n, dim))
    for j in range(dim):
        active, time = np.arange(n), _exponential(rng, n)
        while True:
            open_ = time * z[active, j] < 1.0
            active, time = active[open_], time[open_]
            if not len(active):
                break
            g = math.sqrt(2.0) * strength * rng.standard_normal((len(active), dim))
            spectral = np.exp(g - g[:, j : j + 1] - 2.0 * strength**2)
            spectral[:, j] = 1.0
            point = spectral / time[:, None]
            kept = np.all(point[:, :j] < z[active, :j], axis=1)
            rows = active[kept]
            z[rows] = np.maximum(z[rows], point[kept])
            time = time + rng.standard_exponential(len(active))
    return z
