r"""Which coordinates have heavy tails, decided from the data.

The moment estimator of Dekkers, Einmahl and de Haan (1989) of the extreme value index
:math:`\xi` tells power laws (:math:`\xi > 0`) from lighter tails (:math:`\xi \le 0`), which
the Hill estimator, always positive, cannot. Its standard error is about
:math:`\sqrt{(1 + \xi^2)/k}` on the ``k`` largest values.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError

__all__ = ["Tail", "estimate_tail", "estimate_tails"]

LEAST = 40


@dataclass(frozen=True)
class Tail:
    r"""The tail of one coordinate.

    Attributes:
        xi: Moment estimate of the extreme value index :math:`\xi`.
        xi_se: Its standard error.
        hill: Hill estimate of the same index, for comparison.
        k: Number of largest values that the estimates use.
        tail: ``"heavy"`` if :math:`\xi` is above ``threshold`` and above two standard errors.
        index: Tail exponent :math:`1/\xi` of a heavy coordinate, ``None`` of a light one.
    """

    xi: float
    xi_se: float
    hill: float
    k: int
    tail: str
    index: float | None

    def as_dict(self) -> dict[str, float | int | str | None]:
        """The tail as plain data."""
        return asdict(self)


def estimate_tail(x: NDArray, fraction: float = 0.05, threshold: float = 0.05) -> Tail:
    """Estimate the tail of one coordinate from the largest distances to its median.

    Args:
        x: Values, shape ``(n,)``, at least 40 of which differ from their median.
        fraction: Share of the values that count as the tail. On 20,000 values of Student-t,
            stable and Gaussian laws, 5 % has the least error of 0.5, 1, 2 and 5 %.
        threshold: Least index that counts as heavy; 0.05 is a Student-t of 20 degrees of freedom.

    Raises:
        InputError: If there are fewer than 40 such values.
    """
    from tailestim import HillEstimator, MomentsEstimator

    y = np.abs(np.asarray(x, dtype=np.float64) - (np.median(x) if len(x) else 0.0))
    y = y[y > 0]
    if len(y) < LEAST:
        raise InputError(
            f"a tail cannot be estimated from {len(y)} values that differ from the median; "
            f"at least {LEAST} are needed"
        )
    k = min(max(int(fraction * len(y)), 30), len(y) - 2)
    estimates = []
    for estimator in (MomentsEstimator(bootstrap=False), HillEstimator(bootstrap=False)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            estimator.fit(y)
        estimates.append(float(estimator.get_result().xi_arr_[k - 1]))
    xi, hill = estimates
    error = math.sqrt((1.0 + max(xi, 0.0) ** 2) / k)
    heavy = xi > max(threshold, 2.0 * error)
    return Tail(xi, error, hill, k, "heavy" if heavy else "light", 1.0 / xi if heavy else None)


def estimate_tails(x: NDArray, fraction: float = 0.05, threshold: float = 0.05) -> list[Tail]:
    """Estimate the tail of every coordinate of ``x`` of shape ``(n, d)``.

    Raises:
        InputError: As ``estimate_tail``; the message names the column.
    """
    tails = []
    for j, column in enumerate(x.T):
        try:
            tails.append(estimate_tail(column, fraction, threshold))
        except InputError as error:
            raise InputError(f"column {j} of the data: {error}") from None
    return tails
