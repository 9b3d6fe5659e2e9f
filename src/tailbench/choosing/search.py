"""Candidates fitted and judged on every fold, within a budget of seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailbench.choosing.candidates import Candidate
from tailbench.choosing.folds import blocked_folds, fold_count
from tailbench.choosing.judge import Judge
from tailbench.choosing.table_facts import TableFacts
from tailbench.rng.seeds import generator_for, seed_for

__all__ = ["FEWEST_STEPS", "MOST_ROWS", "MOST_STEPS", "Outcome", "Search"]

MOST_ROWS = 20_000
"""Rows that candidates are compared on; the best is fitted on all."""

FEWEST_STEPS, MOST_STEPS = 100, 3000
TRIAL_ROWS = 1000
SHORT, LONG = 5, 25  # steps of the two trials of a network
SLACK = 0.15  # share of the budget that a fold may go beyond it
FAILURES = (ValueError, RuntimeError, ArithmeticError, ModuleNotFoundError)
"""What a model may raise on data that it cannot learn: InputError and TrainingDiverged are some."""

Array = NDArray[np.float64]


@dataclass
class Outcome:
    """What became of one candidate.

    Attributes:
        candidate: The candidate.
        steps: Steps that a fold was trained in, if it was.
        values: Outputs of the metrics by fold.
        seconds: Seconds of each fold: fit, samples and metrics.
        outside: Samples beyond a bound of the data.
        drawn: Samples drawn.
        reason: Why there are no values, if there are none.
    """

    candidate: Candidate
    steps: int | None = None
    values: dict[int, dict[str, float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    outside: int = 0
    drawn: int = 0
    reason: str = ""


class Search:
    """The comparison of candidates on the folds of one table.

    Closed forms and EM come first, in full. What is left of the budget is shared equally among
    the networks: short trainings tell the seconds of a step and those besides, and so the
    number of steps, from 100 to 3,000, with which all folds and the fit on all rows fit in. The
    dearest network is left out as long as 100 steps do not.

    Args:
        facts: What the table holds.
        budget: Seconds.
        ordered: Hold out blocks of neighbouring rows.
        seed: Seed of all random choices.
        clock: Seconds since some moment.
        report: Is told what is being done.
    """

    def __init__(
        self,
        facts: TableFacts,
        budget: float,
        *,
        ordered: bool,
        seed: int,
        clock: Callable[[], float],
        report: Callable[[str], None],
    ) -> None:
        self.facts, self.budget, self.seed = facts, budget, seed
        self.clock, self.report, self._began = clock, report, clock()
        x = facts.values
        if len(x) > MOST_ROWS:
            rng = generator_for("choose", "rows", seed)
            x = x[np.sort(rng.permutation(len(x))[:MOST_ROWS])]
        scale = _scales(x)
        rng = generator_for("choose", "folds", seed)
        parts = blocked_folds(len(x), fold_count(len(x)), ordered, rng)
        self.judges = [
            Judge(x[train], x[test], scale, fold, seed) for fold, (train, test) in enumerate(parts)
        ]
        self.outcomes: dict[str, Outcome] = {}

    @property
    def rows(self) -> int:
        """Number of rows that a fold is trained on."""
        return len(self.judges[0].train)

    @property
    def left(self) -> float:
        """Seconds left of the budget."""
        return self.budget - (self.clock() - self._began)

    def run(self, candidates: Sequence[Candidate]) -> dict[str, Outcome]:
        """Compute the outcome of each candidate, by its name."""
        self.outcomes = {candidate.name: Outcome(candidate) for candidate in candidates}
        for outcome in self.outcomes.values():
            if not outcome.candidate.trained:
                self._simple(outcome)
        self._networks([o for o in self.outcomes.values() if o.candidate.trained])
        return self.outcomes

    def _simple(self, outcome: Outcome) -> None:
        """Cross-validate a closed form or EM, unless it would take half of what is left."""
        folds, train = len(self.judges), self.judges[0].train
        if len(train) > 2 * TRIAL_ROWS:
            seconds = self._trial(outcome, train[:: len(train) // TRIAL_ROWS], None)
            if seconds is None or self._too_long(
                outcome, (folds + 1) * seconds * len(train) / TRIAL_ROWS
            ):
                return
        if self._fold(outcome, 0) and not self._too_long(
            outcome, (folds - 1) * outcome.seconds[0] + self.refit_seconds(outcome)
        ):
            self._folds(outcome, range(1, folds))

    def _too_long(self, outcome: Outcome, seconds: float) -> bool:
        """Whether something takes more than half of what is left; the outcome is told."""
        if seconds <= max(self.left, 0.0) / 2:
            return False
        outcome.reason = f"would take {seconds:.0f} s, more than half of what was left"
        outcome.values.clear()
        return True

    def refit_seconds(self, outcome: Outcome) -> float:
        """Return what the fit on all rows is expected to take."""
        seconds = max(outcome.seconds, default=0.0)
        grows = 1.0 if outcome.candidate.trained else len(self.facts.values) / self.rows
        return seconds * grows

    def _networks(self, outcomes: Sequence[Outcome]) -> None:
        """Cross-validate networks in as many steps as the budget has room for."""
        costs: dict[str, tuple[float, float]] = {}
        for outcome in outcomes:
            # The first imports, and may compile: its seconds say nothing of the later ones.
            first = self._trial(outcome, self.judges[0].train, 1)
            short = None if first is None else self._trial(outcome, self.judges[0].train, SHORT)
            long = None if short is None else self._trial(outcome, self.judges[0].train, LONG)
            if short is None or long is None:
                continue
            step = max((long - short) / (LONG - SHORT), long / LONG / 20, 1e-9)
            costs[outcome.candidate.name] = (max(short - SHORT * step, 0.0), step)
        kept = [outcome for outcome in outcomes if outcome.candidate.name in costs]

        def least(outcome: Outcome) -> float:
            besides, step = costs[outcome.candidate.name]
            return besides + FEWEST_STEPS * step

        while kept and least(dearest := max(kept, key=least)) > self._unit(len(kept)):
            dearest.reason = f"{FEWEST_STEPS} steps on each fold do not fit into the budget"
            kept.remove(dearest)
        for number, outcome in enumerate(kept):
            besides, step = costs[outcome.candidate.name]
            room = (self._unit(len(kept) - number) - besides) / step
            outcome.steps = int(np.clip(room, FEWEST_STEPS, MOST_STEPS))
            self._folds(outcome, range(len(self.judges)), besides + outcome.steps * step)

    def _unit(self, networks: int) -> float:
        """Return the seconds for a fold of each of so many networks, and for the last fit."""
        return max(self.left, 0.0) / (networks * len(self.judges) + 1)

    def _folds(self, outcome: Outcome, folds: Sequence[int], expected: float = 0.0) -> None:
        """Cross-validate on some folds, unless the budget ends before."""
        for fold in folds:
            one = max(expected, max(outcome.seconds, default=0.0))
            if 2 * one > self.left + SLACK * self.budget:
                outcome.reason = "the budget ended"
                outcome.values.clear()
                return
            if not self._fold(outcome, fold):
                return

    def _fold(self, outcome: Outcome, fold: int) -> bool:
        """Fit, sample and judge on one fold; return whether that went well."""
        judge, began = self.judges[fold], self.clock()
        self.report(f"{outcome.candidate.name}, fold {fold + 1} of {len(self.judges)}")
        try:
            samples = self._drawn(outcome, judge.train, judge.needed, fold)
            outcome.values[fold] = judge.compare(samples)
        except FAILURES as error:
            outcome.reason = " ".join(str(error).split()) or type(error).__name__
            outcome.values.clear()
            return False
        lower, upper = self.facts.bounds
        outcome.outside += int(((samples < lower) | (samples > upper)).any(axis=1).sum())
        outcome.drawn += len(samples)
        outcome.seconds.append(self.clock() - began)
        return True

    def _trial(self, outcome: Outcome, train: Array, steps: int | None) -> float | None:
        """Return the seconds of a short fit with its samples, or ``None`` if it fails."""
        self.report(f"{outcome.candidate.name}, trial")
        began, outcome.steps = self.clock(), steps
        judge = self.judges[0]
        try:
            judge.compare(self._drawn(outcome, train, judge.needed, 0))
        except FAILURES as error:
            outcome.reason = " ".join(str(error).split()) or type(error).__name__
            return None
        return self.clock() - began

    def _drawn(self, outcome: Outcome, train: Array, n: int, fold: int) -> Array:
        """Draw samples of a model that was fitted on some rows."""
        seed = seed_for("choose", outcome.candidate.name, self.seed, fold)
        model: Any = outcome.candidate.build(outcome.steps)
        model.fit(train, seed=seed, verbose=False)
        return np.asarray(model.sample(n, seed=seed), dtype=np.float64).reshape(n, -1)


def _scales(x: Array) -> Array:
    """Return the robust scale of each column."""
    from tailbench.models.preprocessing import robust_units

    return np.asarray(robust_units(x[None])[1][0])
