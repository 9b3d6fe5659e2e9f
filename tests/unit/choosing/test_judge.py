"""Scores of folds, and the rule of one standard error."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from tailbench.choosing.judge import Judge, choose_simplest, outputs_for, tidy
from tailbench.metrics.group_scores import QUALITY, scores
from tailbench.metrics.msle import MSLE
from tailbench.rng.seeds import metric_generator


@pytest.fixture(scope="module")
def real():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 2)) / np.sqrt(rng.chisquare(2.5, (1500, 1)) / 2.5)
    return x, Judge(x[:1200], x[1200:], np.ones(2), 0)


def draw(judge, law, seed=1):
    return law(np.random.default_rng(seed), judge.needed)


def test_values_are_medians_of_the_metrics(real):
    x, judge = real
    samples = draw(judge, lambda rng, n: rng.standard_t(2.5, (n, 2)))
    parts = np.split(samples, 3)
    own = [MSLE()(part, x[1200:], None, metric_generator("msle", "choose", 0)) for part in parts]
    found = judge.compare(samples)
    assert found["msle"] == np.median([one["msle"] for one in own])
    assert judge.needed == 900 and set(found) == set(judge.floor)


def test_the_unit_of_a_column_does_not_matter(real):
    x, judge = real
    unit = np.array([2.0**20, 2.0**-7])
    other = Judge(unit * x[:1200], unit * x[1200:], unit, 0)
    samples = draw(judge, lambda rng, n: rng.standard_t(2.5, (n, 2)))
    assert other.compare(unit * samples) == judge.compare(samples)
    assert other.floor == judge.floor


def test_scores_tell_tails_from_the_bulk(real):
    """Real rows are near the floor in each group; a Gaussian, and independent columns, are not."""
    _, judge = real

    def student(rng, n):
        return rng.standard_normal((n, 2)) / np.sqrt(rng.chisquare(2.5, (n, 1)) / 2.5)

    laws = {
        "student": student,
        "gaussian": lambda rng, n: 2 * rng.standard_normal((n, 2)),
        "apart": lambda rng, n: rng.standard_t(2.5, (n, 2)),
    }
    values = {(name, 0): judge.compare(draw(judge, law)) for name, law in laws.items()}
    table = scores(tidy(values, [judge]), outputs_for(2))
    found = np.exp(table.pivot(index="name", columns="group", values="score"))
    assert (found.loc["student", list(QUALITY)] < 2).all()
    assert found.loc["gaussian", "margins"] > 2 * found.loc["student", "margins"]
    assert found.loc["gaussian", "bulk"] > 2
    assert found.loc["apart", "joint"] > 1.3 * found.loc["student", "joint"]


def test_one_column_has_no_joint_tails():
    assert {output.group for output in outputs_for(1).values()} == {"bulk", "margins", "other"}
    assert set(outputs_for(1)) < set(outputs_for(2))


def test_long_folds_are_cut():
    x = np.random.default_rng(0).standard_normal((2600, 1))
    judge = Judge(x[:1300], x[1300:], np.ones(1), 0)
    assert len(judge.test) == 1000 and judge.needed == 3000


def made(**means):
    """Scores of three folds, with deviations of -0.1, 0 and 0.1 from the given means."""
    rows = [
        {"name": name, "seed": fold, "group": group, "score": mean + 0.1 * (fold - 1)}
        for name, values in means.items()
        for (group, mean), fold in itertools.product(zip(QUALITY, values, strict=True), range(3))
    ]
    return pd.DataFrame(rows)


ERROR = 0.1 / math.sqrt(3)


@pytest.mark.parametrize(
    ("simple", "chosen"),
    [(1.0, "best"), (0.5 + 1.01 * ERROR, "best"), (0.5 + 0.99 * ERROR, "simple")],
)
def test_within_one_standard_error_the_simplest_wins(simple, chosen):
    table = made(control=(0, 0, 0), best=(0.1, 0.5, 0.2), simple=(simple, 0, 0), far=(0, 0, 3))
    found = choose_simplest(table, ["control", "simple", "best", "far"], ["best", "simple", "far"])
    assert (found.chosen, found.least) == (chosen, "best")
    assert list(found.table.index) == ["control", "simple", "best", "far"]
    assert found.table.loc["best", "worst"] == pytest.approx(0.5)
    assert found.table.loc["best", "worst_se"] == pytest.approx(ERROR)
    assert found.table.loc["far", list(QUALITY)].tolist() == pytest.approx([0, 0, 3])


def test_only_the_eligible_are_chosen():
    table = made(simple=(0, 0, 0), best=(1, 1, 1))
    found = choose_simplest(table, ["simple", "best"], ["best"])
    assert (found.chosen, found.least) == ("best", "best")
