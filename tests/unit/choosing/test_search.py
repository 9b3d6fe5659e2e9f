"""The budget: steps follow from the seconds of short trials, and what does not fit is left out."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from tailbench.choosing.search import FEWEST_STEPS, MOST_STEPS, Search
from tailbench.choosing.table_facts import facts_of
from tailbench.exceptions import TrainingDiverged

X = np.random.default_rng(0).standard_normal((150, 1))


class Clock:
    """Seconds that pass only where work is done."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@dataclass
class Fake:
    """A candidate that takes ``besides`` and, for each step, ``step`` seconds."""

    name: str
    clock: Clock
    step: float = 0.0
    besides: float = 0.0
    trained: bool = True
    error: Exception | None = None
    fits: list = field(default_factory=list)

    def build(self, steps=None):
        """Build a model that takes time and copies rows."""
        outer = self

        class Model:
            def fit(self, x, seed, verbose):
                outer.clock.now += outer.besides + (steps or 0) * outer.step
                outer.fits.append((steps, len(x)))
                self.rows = x
                if outer.error is not None:
                    raise outer.error
                return self

            def sample(self, n, seed):
                return self.rows[np.random.default_rng(seed).integers(len(self.rows), size=n)]

        return Model()


def search(budget, *kinds, x=X):
    """Search among fake candidates; return them, the outcomes and the seconds taken."""
    clock = Clock()
    fakes = [Fake(name, clock, **options) for name, options in kinds]
    made = Search(facts_of(x), budget, ordered=False, seed=0, clock=clock, report=lambda note: None)
    outcomes = made.run(fakes)
    done = [o for o in outcomes.values() if o.values]
    last = max((made.refit_seconds(o) for o in done), default=0.0)
    return {fake.name: fake for fake in fakes}, outcomes, clock.now - 100.0 + last


@pytest.mark.parametrize("budget", [100.0, 1000.0])
@pytest.mark.parametrize(
    "steps",
    [(0.01, 0.03), (0.05, 0.02, 0.3), (0.02,), (0.001, 0.5, 0.002, 0.1)],
    ids=str,
)
def test_the_budget_is_kept_and_used(budget, steps):
    kinds = [(f"n{i}", {"step": step, "besides": 0.5}) for i, step in enumerate(steps)]
    _, outcomes, spent = search(budget, ("simple", {"besides": 1.0, "trained": False}), *kinds)
    assert spent <= 1.3 * budget
    trained = [o for o in outcomes.values() if o.candidate.trained and o.values]
    if trained and all(o.steps < MOST_STEPS for o in trained):
        assert spent >= 0.7 * budget
    assert all(FEWEST_STEPS <= o.steps <= MOST_STEPS for o in trained)
    assert all(len(o.values) == 3 for o in trained)


def test_steps_are_what_fits():
    """Three folds, and the fit on all rows, of one network: what the trials leave, over four."""
    _, outcomes, spent = search(100.0, ("n", {"step": 0.02, "besides": 1.0}))
    trials = 3 * 1.0 + (1 + 5 + 25) * 0.02
    assert outcomes["n"].steps == pytest.approx(((100.0 - trials) / 4 - 1.0) / 0.02, abs=1)
    assert spent == pytest.approx(100.0, rel=0.01)


def test_all_folds_have_the_same_steps():
    fakes, outcomes, _ = search(60.0, ("n", {"step": 0.02}))
    steps = outcomes["n"].steps
    assert [made[0] for made in fakes["n"].fits] == [1, 5, 25, steps, steps, steps]
    assert [made[1] for made in fakes["n"].fits] == [100] * 6


def test_the_dearest_network_is_left_out():
    _, outcomes, spent = search(100.0, ("cheap", {"step": 0.02}), ("dear", {"step": 1.0}))
    assert outcomes["cheap"].values and not outcomes["dear"].values
    assert "do not fit into the budget" in outcomes["dear"].reason and spent <= 130.0


def test_what_takes_too_long_is_stopped_after_one_fold():
    slow = {"besides": 40.0, "trained": False}
    fakes, outcomes, spent = search(100.0, ("slow", slow), ("fast", {**slow, "besides": 0.1}))
    assert len(fakes["slow"].fits) == 1 and "would take 140 s" in outcomes["slow"].reason
    assert len(outcomes["fast"].values) == 3 and spent <= 130.0


def test_slow_methods_of_many_rows_are_tried_on_few():
    x = np.random.default_rng(0).standard_normal((6000, 1))
    options = {"besides": 3.0, "trained": False}
    fakes, outcomes, _ = search(60.0, ("slow", options), x=x)
    assert [rows for _, rows in fakes["slow"].fits] == [1200]  # and 72 s expected
    assert "would take" in outcomes["slow"].reason


def test_many_rows_are_thinned():
    x = np.random.default_rng(0).standard_normal((30_000, 1))
    fakes, _, _ = search(60.0, ("fast", {"trained": False}), x=x)
    assert {rows for _, rows in fakes["fast"].fits[1:]} == {16_000}


@pytest.mark.parametrize(
    "error", [TrainingDiverged("the loss is inf"), ValueError("too few"), FloatingPointError("inf")]
)
def test_a_failure_is_a_reason_and_no_end(error):
    kinds = [("bad", {"error": error}), ("worse", {"error": error, "trained": False}), ("ok", {})]
    _, outcomes, _ = search(60.0, *kinds)
    assert outcomes["bad"].reason == outcomes["worse"].reason == str(error)
    assert outcomes["ok"].values and not outcomes["bad"].values


def test_samples_beyond_a_bound_are_counted():
    clock = Clock()
    fake = Fake("n", clock, trained=False)
    made = Search(
        facts_of(np.abs(X)), 60.0, ordered=False, seed=0, clock=clock, report=lambda note: None
    )
    for judge in made.judges:
        judge.train = judge.train * [[-1.0]]
    assert made.run([fake])["n"].outside == made.run([fake])["n"].drawn == 3 * 3 * 50
