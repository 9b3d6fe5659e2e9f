import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tailbench.metrics.sliced_wasserstein import (
    SlicedWasserstein,
    max_sliced_wasserstein,
    sliced_wasserstein,
)
from tailbench.stats.pot import import_pot
from tailbench.stats.sliced_transport import random_directions, transport_costs


def pair(n, m, dim, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_t(2.5, (n, dim)), rng.standard_normal((m, dim)) + 0.3


@pytest.mark.parametrize(("n", "m"), [(400, 400), (400, 150)])
def test_the_metric_is_pots_and_never_below_its_maximum(n, m):
    ot = import_pot()
    x, y = pair(n, m, 10)
    values = SlicedWasserstein(directions=64)(x, y, None, np.random.default_rng(5))
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
    values = SlicedWasserstein()(x + shift, x, None, np.random.default_rng(2))
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
    one = SlicedWasserstein(directions=1, steps=0)(y, x, None, np.random.default_rng(0))
    assert one["max_sw1"] >= transport_costs(y, x, np.eye(50)[7:8], 1).item()


def test_ascent_beats_random_directions_in_high_dimension(rng):
    x, y = rng.standard_normal((2, 2000, 40))
    x[:, :5] @= np.linalg.qr(rng.standard_normal((5, 5)))[0]
    x += 0.5 * (lambda v: v / np.linalg.norm(v))(rng.standard_normal(40))
    random = SlicedWasserstein(steps=0)(x, y, None, np.random.default_rng(0))
    raised = SlicedWasserstein()(x, y, None, np.random.default_rng(0))
    assert raised["max_sw1"] > 0.5 > 1.3 * random["max_sw1"]


@given(power=st.integers(-20, 20), seed=st.integers(0, 100))
@budget(max_examples=15, deadline=None)
def test_scaling_scales(power, seed):
    x, y = pair(60, 45, 3, seed)
    metric = SlicedWasserstein(directions=20)
    plain = metric(x, y, None, np.random.default_rng(seed))
    scaled = metric(2.0**power * x, 2.0**power * y, None, np.random.default_rng(seed))
    for key, value in plain.items():
        assert scaled[key] == pytest.approx(2.0**power * value, rel=1e-12)


@given(seed=st.integers(0, 1000), n=st.integers(1, 40), m=st.integers(1, 40))
@budget(max_examples=25, deadline=None)
def test_symmetric_ordered_and_bounded(seed, n, m):
    x, y = pair(n, m, 4, seed)
    metric = SlicedWasserstein(directions=15, steps=5)
    one = metric(x, y, None, np.random.default_rng(seed))
    other = metric(y, x, None, np.random.default_rng(seed))
    for key, value in one.items():
        assert other[key] == pytest.approx(value, rel=1e-8)
    assert one["sw1"] <= one["sw2"] * (1 + 1e-12)
    assert one["sw1"] <= one["max_sw1"] and one["sw2"] <= one["max_sw2"]


def test_one_dimension_is_exact():
    x, y = pair(200, 200, 1)
    values = SlicedWasserstein()(x, y, None, np.random.default_rng(0))
    gaps = np.abs(np.sort(x[:, 0]) - np.sort(y[:, 0]))
    for p in (1, 2):
        exact = np.mean(gaps**p) ** (1 / p)
        assert values[f"sw{p}"] == pytest.approx(exact, rel=1e-11)
        assert values[f"max_sw{p}"] == pytest.approx(exact, rel=1e-11)


def test_the_functions_agree_with_the_metric():
    x, y = pair(300, 200, 5)
    values = SlicedWasserstein()(x, y, None, np.random.default_rng(4))
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
