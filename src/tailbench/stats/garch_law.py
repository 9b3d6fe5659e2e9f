r"""GARCH(1,1) series with Student-t innovations, joined by a t copula.

For each column, with innovations of unit variance whose law is Student-t,

.. math:: x_t = \mu + \sigma_t z_t, \qquad
    \sigma_t^2 = \omega + \alpha\, (x_{t-1} - \mu)^2 + \beta\, \sigma_{t-1}^2, \qquad
    z_t = \sqrt{\tfrac{\nu - 2}{\nu}}\; T_\nu^{-1}(T_\eta(w_t)), \qquad w_t \sim t_\eta(0, R).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.multivariate_student import StudentLaw

__all__ = ["GarchLaw"]

Array = NDArray[np.float64]
LEAST_P = 1e-100  # below it quantiles are not computed; no draw comes near it
NODES = 4096


@dataclass(frozen=True)
class GarchLaw:
    r"""The stationary law of joint GARCH(1,1) series.

    Attributes:
        mean: :math:`\mu` of each column, shape ``(d,)``, as the others up to ``start``.
        omega: :math:`\omega`, in squared units.
        alpha: :math:`\alpha`, the weight of the last square.
        beta: :math:`\beta`, the weight of the last variance.
        nu: :math:`\nu`, degrees of freedom of the innovations, above 2.
        start: Variance that a simulation begins with.
        correlation: :math:`R`, shape ``(d, d)``.
        joint_nu: :math:`\eta`, degrees of freedom of the copula.
    """

    mean: Array
    omega: Array
    alpha: Array
    beta: Array
    nu: Array
    start: Array
    correlation: Array
    joint_nu: float

    def sample(self, n: int, burn_in: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` independent rows, shape ``(n, d)``: the ends of as many simulated paths."""
        law = StudentLaw(np.zeros(len(self.mean)), self.correlation, self.joint_nu)
        tables = [_innovations(self.joint_nu, float(nu)) for nu in self.nu]
        variance = np.broadcast_to(self.start, (n, len(self.mean)))
        change = np.zeros((n, len(self.mean)))
        for step in range(burn_in + 1):
            if step:
                variance = self.omega + self.alpha * change**2 + self.beta * variance
            far = np.arcsinh(law.sample(n, rng))
            for j, (given, wanted) in enumerate(tables):
                far[:, j] = np.copysign(np.interp(np.abs(far[:, j]), given, wanted), far[:, j])
            change = np.sqrt(variance) * np.sinh(far)
        return self.mean + change


def _innovations(joint_nu: float, nu: float) -> tuple[Array, Array]:
    """Return the map of a t coordinate of the copula to an innovation of unit variance.

    It is odd; its half is given at nodes in the inverse hyperbolic sine of both, in which it is
    nearly straight, to 1e-4 of itself.
    """
    from scipy.special import stdtr, stdtrit

    given = np.linspace(0.0, math.asinh(-stdtrit(joint_nu, LEAST_P)), NODES)
    p = np.maximum(stdtr(joint_nu, -np.sinh(given)), LEAST_P)
    return given, np.arcsinh(-stdtrit(nu, p) * math.sqrt((nu - 2.0) / nu))
