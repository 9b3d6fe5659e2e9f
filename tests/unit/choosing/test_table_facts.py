"""What is found in a table: support, tails, order, copies, and columns that are none."""

import math

import numpy as np
import pandas as pd
import pytest

from tailbench.choosing.table_facts import facts_of
from tailbench.exceptions import InputError
from tailbench.margins.support import bounds_of
from tailbench.stats.tail_index import estimate_sides


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_bounds(rng):
    losses = rng.pareto(1.5, 500)
    assert bounds_of(losses) == (0.0, math.inf)
    assert bounds_of(-losses) == (-math.inf, 0.0)
    assert bounds_of(losses - 1.0) == (-math.inf, math.inf)
    rain = np.where(rng.random(500) < 0.6, 0.0, losses)
    assert bounds_of(rain) == (0.0, math.inf)
    limited = np.minimum(losses, 5.0) - 1.0  # a tenth at the limit
    assert bounds_of(limited) == (-math.inf, 4.0)
    assert math.copysign(1.0, bounds_of(rain)[0]) == 1.0


def test_one_sided_tables(rng):
    x = rng.standard_t(3, (200, 2))
    assert not facts_of(x).one_sided
    assert facts_of(np.abs(x)).one_sided and facts_of(x * [1, 0] + [0, 1] * np.abs(x)).one_sided
    lower, upper = facts_of(np.abs(x)).bounds
    assert lower.tolist() == [0, 0] and np.isinf(upper).all()


def test_tails_are_those_of_the_estimator_and_near_the_truth(rng):
    n = 40_000
    x = np.stack([rng.pareto(1.5, n), rng.standard_normal(n)], axis=1)
    facts = facts_of(1e6 * x)
    for column, sides in zip(facts.columns, estimate_sides(1e6 * x), strict=True):
        assert column.tails == sides
    low, high = facts.columns[0].tails
    assert abs(high.xi - 1 / 1.5) < 4 * high.xi_se + 0.02 and high.tail == "heavy"
    assert low.tail == "light" and facts.columns[1].tails[1].tail == "light"
    values = facts.columns[0]
    assert (values.low, values.high) == (1e6 * x[:, 0].min(), 1e6 * x[:, 0].max())
    assert values.median == np.median(1e6 * x[:, 0])


def test_atoms(rng):
    x = np.where(rng.random(1000) < 0.3, 2.5, rng.standard_normal(1000))
    (column,) = facts_of(x).columns
    assert column.atom == 2.5 and column.atom_share == np.mean(x == 2.5)
    (column,) = facts_of(rng.standard_normal(1000)).columns
    assert math.isnan(column.atom) and column.atom_share == 0


def test_order_of_rows(rng):
    n = 600
    days = pd.date_range("2015-03-01", periods=n).strftime("%Y-%m-%d")
    frame = pd.DataFrame({"day": days, "x": rng.standard_normal(n)})
    facts = facts_of(frame)
    assert (facts.order, facts.dates, facts.names) == ("rising", "day", ("x",))
    assert facts.period == (days[0], days[-1])
    assert facts_of(frame[::-1]).order == "mixed"
    assert facts_of(frame[["x"]]).order == "none"
    walk = np.empty(n)
    walk[0] = 0
    for i in range(1, n):
        walk[i] = 0.6 * walk[i - 1] + rng.standard_normal()
    assert facts_of(walk).order == "alike"
    volatile = rng.standard_normal(n) * np.repeat(np.exp(rng.standard_normal(n // 20)), 20)
    assert facts_of(volatile).order == "alike"  # only in size
    assert facts_of(np.sort(rng.standard_normal(n))).order == "none"  # somebody has sorted them


def test_equal_rows_in_no_order_are_seldom_called_alike():
    rng = np.random.default_rng(1)
    found = [facts_of(rng.standard_t(1, (300, 3))).order for _ in range(60)]
    assert found.count("none") >= 58  # 6 values at four standard errors: 4e-4 of the tables


def test_copies(rng):
    a = rng.standard_normal(700)
    frame = pd.DataFrame({"a": a, "b": np.exp(a), "c": rng.standard_normal(700), "d": -(a**3)})
    pairs = {(first, second): value for first, second, value in facts_of(frame).twins}
    assert set(pairs) == {("a", "b"), ("a", "d"), ("b", "d")}
    assert pairs["a", "b"] == pytest.approx(1) and pairs["a", "d"] == pytest.approx(-1)


def test_linear_functions_of_other_columns_are_left_out(rng):
    a, b = rng.standard_normal((2, 100))
    frame = pd.DataFrame({"a": a, "b": b, "usd": 1.1 * a + 3, "sum": a + b})
    facts = facts_of(frame)
    assert facts.names == ("a", "b") and facts.values.shape == (100, 2)
    assert facts.left_out["usd"] == "is 1.1 times 'a' plus 3"
    assert facts.left_out["sum"] == "is a sum: 1 times 'a' and 1 times 'b'"
    assert facts_of(frame, ["a", "usd"]).names == ("a", "usd")  # what the user asks for


def test_columns_that_are_left_out(rng):
    n = 100
    frame = pd.DataFrame(
        {
            "date": pd.date_range("2020", periods=n),
            "claim_id": rng.permutation(n) + 7,
            "region": ["north"] * n,
            "kind": ["a", "b"] * (n // 2),
            "open": [True, False] * (n // 2),
            "same": np.full(n, 3.0),
            "empty": np.full(n, np.nan),
            "loss": rng.pareto(2, n),
        }
    )
    facts = facts_of(frame)
    assert facts.names == ("loss",) and set(facts.left_out) == set(frame.columns) - {"loss"}
    assert "dates" in facts.left_out["date"] and "names the rows" in facts.left_out["claim_id"]
    assert facts_of(frame, ["claim_id", "loss"]).names == ("claim_id", "loss")


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (
            {"a": [1.0, np.nan, 2.0] * 9, "b": ["x", *range(26)]},
            {},
            "rows 2, 5.*column 'b' is not num",
        ),
        (
            {"a": ["x", "y"] * 9, "b": ["y"] * 18},
            {},
            "no column of numbers.*'a' holds texts; .*'b'",
        ),
        ({"a": [1.0, 2.0]}, {"columns": ["A"]}, r"has no column 'A' \(known: a\)"),
        ({"a": [1.0, 2.0]}, {"columns": ["a", "a"]}, "names 'a' twice"),
        ({"a": [1.0, 1.0]}, {"columns": ["a"]}, "column 'a' of the table is constant: 1"),
        ({"a": []}, {}, "must have rows and columns"),
    ],
)
def test_what_cannot_be_used_is_named(data, options, message):
    with pytest.raises(InputError, match=message):
        facts_of(pd.DataFrame(data), **options)


def test_things_that_are_no_tables():
    with pytest.raises(InputError, match="cannot be read as numbers"):
        facts_of(np.zeros((2, 2, 2)))
    with pytest.raises(InputError, match="does not exist"):
        facts_of("nowhere.csv")
