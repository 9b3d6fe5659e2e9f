import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tailbench.metrics import sliced_wasserstein as sliced_wasserstein_module
from tailbench.metrics.sliced_wasserstein import (
    SlicedWasserstein,
    in_units,
    max_sliced_wasserstein,
    sliced_wasserstein,
)
from tailbench.stats.pot import import_pot
from tailbench.stats.sliced_transport import random_directions, transport_costs
from tailbench.stats.sorted_transport import costs_along

RAW = {"units": "raw"}


def pair(n, m, dim, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_t(2.5, (n, dim)), rng.standard_normal((m, dim)) + 0.3


@pytest.mark.parametrize(("n", "m"), [(400, 400), (400, 150)])
def test_the_metric_is_pots_and_never_below_its_maximum(n, m):
    ot = import_pot()
    x, y = pair(n, m, 10)
    values = SlicedWasserstein(directions=64, **RAW)(x, y, None, np.random.default_rng(5))
    theta = random_directions(10, 64, np.random.default_rng(5))
    for p in (1, 2):
        mean = ot.sliced_wasserstein_distance(x, y, p=p, projections=theta.T)
        most = ot.max_sliced_wasserstein_distance(x, y, p=p, projections=theta.T)
        assert values[f"sw{p}"] == pytest.approx(mean, rel=1e-12)
        assert values[f"max_sw{p}"] >= most * (1 - 1e-12)


@pytest.mark.parametrize("dim", [1, 2, 20])
def test_a_translation_is_found(dim, rng):
    x = rng.standard_t(2.5, (1000, dim))
    shift = rng.standard_normal(dim)
    values = SlicedWasserstein(**RAW)(x + shift, x, None, np.random.default_rng(2))
    theta = random_directions(dim, 200, np.random.default_rng(2))
    assert values["sw1"] == pytest.approx(np.abs(theta @ shift).mean(), rel=1e-9)
    assert values["sw2"] == pytest.approx(np.sqrt(np.square(theta @ shift).mean()), rel=1e-9)
    for p in (1, 2):
        assert values[f"max_sw{p}"] == pytest.approx(np.linalg.norm(shift), rel=1e-4)
        assert values[f"max_sw{p}"] <= np.linalg.norm(shift) * (1 + 1e-12)


def test_an_axis_is_tried_however_few_directions():
    x = np.random.default_rng(0).standard_normal((500, 50))
    y = x.copy()
    y[:, 7] *= 3
    one = SlicedWasserstein(directions=1, steps=0, **RAW)(y, x, None, np.random.default_rng(0))
    assert one["max_sw1"] >= transport_costs(y, x, np.eye(50)[7:8], 1).item() * (1 - 1e-12)


def test_ascent_beats_random_directions_in_high_dimension(rng):
    x, y = rng.standard_normal((2, 2000, 40))
    x[:, :5] @= np.linalg.qr(rng.standard_normal((5, 5)))[0]
    x += 0.5 * (lambda v: v / np.linalg.norm(v))(rng.standard_normal(40))
    random = SlicedWasserstein(steps=0, **RAW)(x, y, None, np.random.default_rng(0))
    raised = SlicedWasserstein(**RAW)(x, y, None, np.random.default_rng(0))
    assert raised["max_sw1"] > 0.5 > 1.3 * random["max_sw1"]


@given(power=st.integers(-20, 20), seed=st.integers(0, 100))
@budget(max_examples=15, deadline=None)
def test_scaling_scales(power, seed):
    x, y = pair(60, 45, 3, seed)
    metric = SlicedWasserstein(directions=20, **RAW)
    plain = metric(x, y, None, np.random.default_rng(seed))
    scaled = metric(2.0**power * x, 2.0**power * y, None, np.random.default_rng(seed))
    for key, value in plain.items():
        assert scaled[key] == pytest.approx(2.0**power * value, rel=1e-12)


@given(seed=st.integers(0, 1000), n=st.integers(1, 40), m=st.integers(1, 40))
@budget(max_examples=25, deadline=None)
def test_symmetric_ordered_and_bounded(seed, n, m):
    x, y = pair(n, m, 4, seed)
    metric = SlicedWasserstein(directions=15, steps=5, **RAW)
    one = metric(x, y, None, np.random.default_rng(seed))
    other = metric(y, x, None, np.random.default_rng(seed))
    for key, value in one.items():
        assert other[key] == pytest.approx(value, rel=1e-8)
    assert one["sw1"] <= one["sw2"] * (1 + 1e-12)
    assert one["sw1"] <= one["max_sw1"] and one["sw2"] <= one["max_sw2"]


def test_one_dimension_is_exact():
    x, y = pair(200, 200, 1)
    values = SlicedWasserstein(**RAW)(x, y, None, np.random.default_rng(0))
    gaps = np.abs(np.sort(x[:, 0]) - np.sort(y[:, 0]))
    for p in (1, 2):
        exact = np.mean(gaps**p) ** (1 / p)
        assert values[f"sw{p}"] == pytest.approx(exact, rel=1e-11)
        assert values[f"max_sw{p}"] == pytest.approx(exact, rel=1e-11)


def test_the_functions_agree_with_the_metric():
    x, y = pair(300, 200, 5)
    values = SlicedWasserstein(**RAW)(x, y, None, np.random.default_rng(4))
    for function, key in ((sliced_wasserstein, "sw"), (max_sliced_wasserstein, "max_sw")):
        for p in (1, 2):
            value = function(x, y, p, rng=np.random.default_rng(4))
            assert value == pytest.approx(values[f"{key}{p}"], rel=1e-12)
        assert function(x, y) == function(x, y)


@pytest.mark.parametrize("function", [sliced_wasserstein, max_sliced_wasserstein])
def test_the_functions_refuse_what_has_no_distance(function):
    x, y = pair(30, 20, 5)
    with pytest.raises(ValueError, match="not finite"):
        function(x * np.inf, y)
    with pytest.raises(ValueError, match="5 columns, but the reference has 4"):
        function(x, y[:, :4])
    with pytest.raises(ValueError, match="at least 1"):
        function(x, y, 0.5)


UNITS = np.array([1e-6, 1.0, 1e6])


def test_no_column_outweighs_the_others_by_its_unit(rng):
    x, y = rng.standard_t(2.5, (2, 2000, 3))
    x[:, 0] += 2.0
    metric = SlicedWasserstein(directions=50)
    plain = metric(x, y, None, np.random.default_rng(0))
    scaled = metric(7 + UNITS * x, 7 + UNITS * y, None, np.random.default_rng(0))
    for key, value in plain.items():
        assert scaled[key] == pytest.approx(value, rel=1e-6)
    # The shift of two, in quartile ranges of t(2.5); in raw units the last column decides alone.
    low, high = np.quantile(y[:, 0], [0.25, 0.75])
    assert plain["max_sw1"] == pytest.approx(2 / (high - low), rel=0.15)
    raw = SlicedWasserstein(directions=50, **RAW)
    spoilt = raw(UNITS * x, UNITS * y, None, np.random.default_rng(0))
    x[:, 0] += 100.0
    again = raw(UNITS * x, UNITS * y, None, np.random.default_rng(0))
    assert again["sw1"] == pytest.approx(spoilt["sw1"], rel=1e-3)


def test_robust_units_are_quartile_ranges_of_the_reference(rng):
    x, y = 5 + rng.standard_cauchy((2, 300, 2))
    y[:, 1] = 3.0  # quartiles that agree: not divided
    low, middle, high = np.quantile(y[:, 0], [0.25, 0.5, 0.75])
    made, real = in_units(x, y, "robust")
    np.testing.assert_allclose(made[:, 0], (x[:, 0] - middle) / (high - low))
    np.testing.assert_allclose(made[:, 1], x[:, 1] - 3.0)
    assert np.quantile(real[:, 0], [0.25, 0.5, 0.75]) == pytest.approx(
        np.array([low - middle, 0, high - middle]) / (high - low), abs=1e-12
    )
    assert all(a is b for a, b in zip(in_units(x, y, "raw"), (x, y), strict=True))
    one = SlicedWasserstein()(x[:, :1], y[:, :1], None, np.random.default_rng(0))
    gaps = np.abs(np.sort(x[:, 0]) - np.sort(y[:, 0])) / (high - low)
    assert one["sw1"] == pytest.approx(gaps.mean()) == pytest.approx(one["max_sw1"])


@pytest.mark.parametrize(("n", "m"), [(6000, 6000), (6000, 2500)])
@pytest.mark.parametrize("index", [1.7, 3.0])
def test_a_search_on_some_rows_finds_what_one_on_all_does(n, m, index):
    rng = np.random.default_rng(1)
    x, y = rng.standard_t(index, (n, 8)), rng.standard_t(index, (m, 8))
    x[:, :3] @= np.linalg.qr(rng.standard_normal((3, 3)))[0]
    x += 0.3
    whole = SlicedWasserstein(directions=30)(x, y, None, np.random.default_rng(0))
    some = SlicedWasserstein(directions=30, search_rows=1500)(x, y, None, np.random.default_rng(0))
    few = SlicedWasserstein(directions=30, steps=0)(x, y, None, np.random.default_rng(0))
    for p in (1, 2):
        assert some[f"sw{p}"] == whole[f"sw{p}"]
        assert few[f"max_sw{p}"] < some[f"max_sw{p}"]
        assert some[f"max_sw{p}"] == pytest.approx(whole[f"max_sw{p}"], rel=0.02)


def test_a_last_ascent_on_some_rows_is_judged_on_all(monkeypatch):
    rng = np.random.default_rng(1)
    x, y = rng.standard_t(2.5, (6000, 8)) + 0.3, rng.standard_t(2.5, (5000, 8))
    metric = SlicedWasserstein(directions=30, search_rows=1500)
    polished = metric(x, y, None, np.random.default_rng(0))
    monkeypatch.setattr(sliced_wasserstein_module, "_POLISHED", 4000)
    found = metric(x, y, None, np.random.default_rng(0))
    few = SlicedWasserstein(directions=30, steps=0)(x, y, None, np.random.default_rng(0))
    for p in (1, 2):
        assert found[f"sw{p}"] == polished[f"sw{p}"]
        assert few[f"max_sw{p}"] < found[f"max_sw{p}"] != polished[f"max_sw{p}"]
        assert found[f"max_sw{p}"] == pytest.approx(polished[f"max_sw{p}"], rel=0.02)


@pytest.mark.parametrize("p", [1, 2])
def test_of_many_rows_the_promising_directions_alone_are_judged_on_all(monkeypatch, p):
    rng = np.random.default_rng(2)
    x, y = rng.standard_t(3, (6000, 8)) + 0.3, rng.standard_t(3, (5000, 8))
    options = {"directions": 60, "starts": 2, "search_rows": 1500}
    whole = max_sliced_wasserstein(x, y, p, **options)
    best = max_sliced_wasserstein(x, y, p, **options | {"steps": 0})
    monkeypatch.setattr(sliced_wasserstein_module, "_POLISHED", 4000)
    asked = []

    def counted(first, second, theta, orders):
        asked.append((len(first), len(theta)))
        return costs_along(first, second, theta, orders)

    monkeypatch.setattr(sliced_wasserstein_module, "costs_along", counted)
    found = max_sliced_wasserstein(x, y, p, **options)
    assert asked[:2] == [(1500, 68), (6000, 8)]
    assert best < found == pytest.approx(whole, rel=0.02)
    asked.clear()
    assert max_sliced_wasserstein(x, y, p, **options | {"steps": 0}) == best
    assert asked == [(6000, 68)]
