"""Mixtures of Student-t laws by maximum likelihood: EM from several starts, number by BIC."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError
from tailbench.stats.multivariate_student import (
    StudentLaw,
    best_nu,
    fit_student,
    raised,
    student_step,
)
from tailbench.stats.student_mixture import StudentMixtureLaw

__all__ = ["MixtureFit", "best_mixture", "fit_mixture"]

Array = NDArray[np.float64]
LEAST = 1e-6
"""Least eigenvalue of a component's scatter, where that of all rows is the identity."""
SHORT_STEPS, SHORT_ROWS = 15, 2500  # of a run that finds out what a start is good for
FIRST_NU = 4.0
PATIENCE = 2  # numbers of components that are tried beyond the best one


@dataclass(frozen=True)
class MixtureFit:
    r"""A mixture by maximum likelihood.

    Attributes:
        law: The mixture.
        log_likelihood: Sum of the log-densities of the rows.
        bic: Bayesian information criterion, :math:`-2 \log L + q \log n`; less is better.
        converged: Whether the last step raised the likelihood by less than the tolerance.
    """

    law: StudentMixtureLaw
    log_likelihood: float
    bic: float
    converged: bool


@dataclass(frozen=True)
class _Search:
    """Rows, and how mixtures of them are searched.

    Attributes:
        given: The rows as they were given, shape ``(n, d)``.
        rows: The rows in units in which ``units`` has the centre 0 and the scatter 1, ``(n, d)``.
        units: A Student-t law of all rows.
        shared_nu: As for ``fit_mixture``, like the rest.
    """

    given: Array
    rows: Array
    units: StudentLaw
    shared_nu: bool
    tolerance: float
    max_steps: int

    @classmethod
    def of(cls, x: Array, shared_nu: bool, tolerance: float, max_steps: int) -> _Search:
        # so that even if nearly two thirds of the rows are equal, they do not shrink to a point
        units = fit_student(x, 2.0 * x.shape[1]).law
        return cls(x, units.whitened(x), units, shared_nu, tolerance, max_steps)

    def single(self) -> StudentMixtureLaw:
        """Return a mixture of one component, to begin with."""
        dim = self.rows.shape[1]
        return StudentMixtureLaw(np.ones(1), (StudentLaw(np.zeros(dim), np.eye(dim), FIRST_NU),))

    def pull(self) -> Array:
        """Return the weights of the rows in the one law of them all, shape ``(n,)``."""
        return 1.0 / (self.units.nu + np.square(self.rows).sum(axis=1))

    def in_units_of_data(self, found: MixtureFit) -> MixtureFit:
        """Return a fit in the units that the rows had."""
        law = found.law.moved(self.units.loc, self.units.root)
        shift = len(self.rows) * float(np.log(np.diag(self.units.root)).sum())
        return replace(
            found,
            law=law,
            log_likelihood=found.log_likelihood - shift,
            bic=found.bic + 2.0 * shift,
        )

    @property
    def least_rows(self) -> int:
        """Rows that a component has to have at least: less would do for a spike."""
        return 2 * (self.rows.shape[1] + 1)

    def run(self, law: StudentMixtureLaw, steps: int, rows: Array) -> MixtureFit | None:
        """Go on from a mixture by EM; ``None`` if a component is left with too few rows."""
        from scipy.special import logsumexp

        before = -math.inf
        floor = self.least_rows * len(rows) / len(self.rows) if len(law.laws) > 1 else 0.0
        for _ in range(steps):
            distances = law.distances(rows)
            joint = law.log_joint(distances)
            log_p = logsumexp(joint, axis=1)
            total = float(log_p.sum())
            if total - before < self.tolerance * len(rows):
                return self._result(law, total, True)
            before = total
            shares = np.exp(joint - log_p[:, None])
            if shares.sum(axis=0).min() < floor:
                return None
            law = self._step(law, rows, distances, shares)
        return self._result(law, float(law.log_prob(rows).sum()), False)

    def _step(
        self, law: StudentMixtureLaw, rows: Array, distances: Array, shares: Array
    ) -> StudentMixtureLaw:
        nu = None
        if self.shared_nu:
            nu = best_nu(distances, rows.shape[1], shares, law.laws[0].nu)
        laws = [
            student_step(rows, one, distances[:, j], shares[:, j], nu=nu, least=LEAST)
            for j, one in enumerate(law.laws)
        ]
        return StudentMixtureLaw(shares.mean(axis=0), tuple(laws))

    def _result(self, law: StudentMixtureLaw, total: float, converged: bool) -> MixtureFit:
        k, d = len(law.laws), self.rows.shape[1]
        count = k - 1 + k * (d + d * (d + 1) // 2) + (1 if self.shared_nu else k)
        bic = count * math.log(len(self.rows)) - 2.0 * total
        return MixtureFit(law, total, bic, converged)

    def start(self, k: int, seen: Array, rng: np.random.Generator) -> StudentMixtureLaw:
        """Return a mixture about rows that lie apart, chosen by k-means++, with one scatter.

        Distances are those of ``seen``, the rows in some units. A row is chosen in proportion to
        its squared distance from the nearest centre, times its weight in the one law of all rows,
        which falls as fast as the former grows: no far row is likelier than those of a cluster.
        """
        pull, chosen = self.pull(), []
        gap, nearest = np.ones(len(seen)), np.zeros(len(seen), dtype=np.int64)
        for j in range(k):
            chance = pull * gap
            if chance.sum() == 0.0:  # there are fewer different rows than centres
                chance = pull
            chosen.append(rng.choice(len(seen), p=chance / chance.sum()))
            own = np.square(seen - seen[chosen[-1]]).sum(axis=1)
            closer = own < gap if j else np.ones(len(seen), dtype=bool)
            nearest[closer], gap[closer] = j, own[closer]
        centres = self.rows[chosen]
        inner = (self.rows - centres[nearest]) * np.sqrt(pull / pull.sum())[:, None]
        scatter = raised(inner.T @ inner, LEAST)
        weights = np.bincount(nearest, minlength=k) + 1.0
        laws = tuple(StudentLaw(centre, scatter, FIRST_NU) for centre in centres)
        return StudentMixtureLaw(weights / weights.sum(), laws)

    def grown(self, law: StudentMixtureLaw, rng: np.random.Generator) -> StudentMixtureLaw:
        """Return a mixture with one more component, about a row that the others explain badly."""
        gap = law.distances(self.rows).min(axis=1)
        chance = gap * self.pull()
        centre = self.rows[rng.choice(len(self.rows), p=chance / chance.sum())]
        scatter = np.mean([one.scatter for one in law.laws], axis=0)
        nu = float(np.median([one.nu for one in law.laws]))
        k = len(law.laws)
        weights = np.append(law.weights * k, 1.0) / (k + 1)
        return StudentMixtureLaw(weights, (*law.laws, StudentLaw(centre, scatter, nu)))

    def best(
        self, k: int, starts: int, rng: np.random.Generator, smaller: StudentMixtureLaw | None
    ) -> MixtureFit | None:
        """Return the best mixture of ``k``: short runs from all starts, a long one from the best.

        ``None`` if every start leaves a component with too few rows.
        """
        few = self.rows
        if len(few) > SHORT_ROWS:
            few = few[rng.choice(len(few), SHORT_ROWS, replace=False)]
        units = [self.given, self.rows]
        laws = [self.start(k, units[s % 2], rng) for s in range(starts)]
        if smaller is not None:
            laws += [self.grown(smaller, rng) for _ in range(starts)]
        runs = [self.run(law, SHORT_STEPS, few) for law in laws]
        for run in sorted(filter(None, runs), key=lambda run: -run.log_likelihood):
            if found := self.run(run.law, self.max_steps, self.rows):
                return found
        return None


def fit_mixture(
    x: Array,
    components: int,
    rng: np.random.Generator,
    *,
    starts: int = 5,
    shared_nu: bool = False,
    tolerance: float = 1e-6,
    max_steps: int = 1000,
) -> MixtureFit:
    r"""Compute the mixture of ``components`` Student-t laws of greatest likelihood by EM.

    A step is the shares :math:`r_{ij} \propto \pi_j t_{\nu_j}(x_i; m_j, S_j)` of the rows, then
    ``student_step`` for each component with these weights; :math:`\pi_j` is the mean share. Short
    runs from several starts on part of the rows choose the one that goes on. A run that leaves a
    component with fewer than :math:`2 (d + 1)` rows is given up, and scatters have eigenvalues of
    at least 1e-6 of that of all rows: without these two the likelihood is unbounded.

    Args:
        x: Rows, shape ``(n, d)``, in robust units.
        components: Number of components.
        rng: The source of randomness of the starts.
        starts: Number of starts.
        shared_nu: Whether all components have the same degrees of freedom.
        tolerance: Ends the search, if a step raises the mean log-density by less.
        max_steps: Most steps.

    Raises:
        InputError: If every start leaves a component with too few rows.

    References:
        Peel and McLachlan, Robust mixture modelling using the t distribution, 2000; Arthur and
        Vassilvitskii, k-means++, 2007; Biernacki, Celeux and Govaert, Choosing starting values for
        the EM algorithm, 2003 (short runs).
    """
    search = _Search.of(x, shared_nu, tolerance, max_steps)
    found = search.best(components, starts, rng, None)
    if found is None:
        raise InputError(
            f"a mixture of {components} components leaves one of them with fewer than "
            f"{search.least_rows} of the {len(x)} rows; give fewer components"
        )
    return search.in_units_of_data(found)


def best_mixture(
    x: Array,
    most: int,
    rng: np.random.Generator,
    *,
    starts: int = 5,
    shared_nu: bool = False,
    tolerance: float = 1e-6,
    max_steps: int = 1000,
    report: Callable[[str], None] = lambda note: None,
) -> MixtureFit:
    r"""Compute the mixture whose number of components has the least BIC, from 1 up to ``most``.

    The search ends when two further components have not lowered

    .. math:: \mathrm{BIC} = -2 \log L + q \log n, \qquad
        q = k - 1 + k \left(d + \tfrac{d (d+1)}{2}\right) + k,

    with 1 in place of the last ``k`` for shared degrees of freedom. Besides the starts of
    ``fit_mixture`` there are as many that add a component to the mixture of one fewer.

    Args:
        x: As for ``fit_mixture``, like the arguments left out here.
        most: Most components.
        rng: The source of randomness of the starts.
        starts: Number of starts of each kind.
        shared_nu: Whether all components have the same degrees of freedom.
        tolerance: Ends a run.
        max_steps: Most steps of a run.
        report: Is told what has been found, after each number of components.

    References:
        Schwarz, Estimating the dimension of a model, 1978.
    """
    search = _Search.of(x, shared_nu, tolerance, max_steps)
    best = last = cast(MixtureFit, search.run(search.single(), max_steps, search.rows))
    worse = 0
    for k in range(2, most + 1):
        found = search.best(k, starts, rng, last.law)
        if found is None:
            break
        report(f"{k} components")
        best, worse = (found, 0) if found.bic < best.bic else (best, worse + 1)
        last = found
        if worse == PATIENCE:
            break
    return search.in_units_of_data(best)
