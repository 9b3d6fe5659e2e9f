import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from tailbench.metrics.sliced_wasserstein import SlicedWasserstein, max_sliced_wasserstein
from tailbench.stats.sliced_transport import (
    coupling,
    maximise_direction,
    random_directions,
    transport_costs,
)


def pair(n, m, dim, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_t(2.5, (n, dim)), rng.standard_normal((m, dim)) + 0.3


@pytest.mark.parametrize(("n", "m"), [(500, 500), (500, 300), (300, 500), (257, 1), (6, 4)])
@pytest.mark.parametrize("dim", [1, 2, 20])
def test_costs_are_those_of_pot(n, m, dim, rng):
    import ot

    x, y = pair(n, m, dim)
    theta = random_directions(dim, 30, rng)
    costs = transport_costs(x, y, theta, (1, 2, 3))
    for p, mine in zip((1, 2, 3), costs, strict=True):
        assert_allclose(mine, ot.wasserstein_1d(x @ theta.T, y @ theta.T, p=p), rtol=1e-10)
        mean = ot.sliced_wasserstein_distance(x, y, p=p, projections=theta.T)
        most = ot.max_sliced_wasserstein_distance(x, y, p=p, projections=theta.T)
        assert mine.mean() ** (1 / p) == pytest.approx(mean, rel=1e-10)
        assert mine.max() ** (1 / p) == pytest.approx(most, rel=1e-10)


@pytest.mark.parametrize(("n", "m"), [(400, 400), (400, 150)])
def test_the_metric_is_pots_and_never_below_its_maximum(n, m):
    import ot

    x, y = pair(n, m, 10)
    values = SlicedWasserstein(directions=64)(x, y, None, np.random.default_rng(5))
    theta = random_directions(10, 64, np.random.default_rng(5))
    for p in (1, 2):
        mean = ot.sliced_wasserstein_distance(x, y, p=p, projections=theta.T)
        most = ot.max_sliced_wasserstein_distance(x, y, p=p, projections=theta.T)
        assert values[f"sw{p}"] == pytest.approx(mean, rel=1e-10)
        assert values[f"max_sw{p}"] >= most


def test_directions_are_uniform_like_pots(rng):
    import ot

    mine = random_directions(3, 4000, rng)
    theirs = ot.sliced.get_random_projections(3, 4000, seed=1).T
    assert mine.shape == theirs.shape
    assert_allclose(np.linalg.norm(mine, axis=1), 1)
    for x in (mine, theirs):
        assert_allclose(x.mean(axis=0), 0, atol=0.04)
        assert_allclose(x.T @ x / len(x), np.eye(3) / 3, atol=0.03)
    assert random_directions(1, 50, rng).tolist() == [[1.0]]


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 3), (6, 4), (5, 7), (1, 9)])
def test_coupling_has_the_right_marginals(n, m):
    i, j, mass = coupling(n, m)
    assert_allclose(np.bincount(i, mass, n), 1 / n, rtol=1e-12)
    assert_allclose(np.bincount(j, mass, m), 1 / m, rtol=1e-12)
    assert (np.diff(i) >= 0).all() and (np.diff(j) >= 0).all() and len(i) <= n + m - 1


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
    assert one["max_sw1"] >= transport_costs(y, x, np.eye(50)[7:8], (1,)).item()


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("m", [300, 220])
def test_ascent_climbs_and_its_gradient_is_right(p, m):
    from tailbench.stats.sliced_transport import _slope

    x, y = pair(300, m, 6)
    theta = random_directions(6, 4, np.random.default_rng(1))
    start = transport_costs(x, y, theta, (p,))[0]
    cost, gradient = _slope(x, y, theta, p, coupling(300, m))
    assert_allclose(cost, start, rtol=1e-12)
    step = 1e-6 * np.random.default_rng(2).standard_normal(6)
    ahead, behind = (transport_costs(x, y, theta + s * step, (p,))[0] for s in (1, -1))
    assert_allclose((ahead - behind) / 2, gradient @ step, rtol=1e-4)

    before = start
    for steps in (1, 5, 25):
        raised, found = maximise_direction(x, y, theta, p, steps)
        assert (raised >= before).all()
        assert_allclose(np.linalg.norm(found, axis=1), 1)
        assert_allclose(transport_costs(x, y, found, (p,))[0], raised, rtol=1e-12)
        before = raised
    assert (before > start * 1.05).any()


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
    x, y = pair(200, 170, 1)
    values = SlicedWasserstein()(x, y, None, np.random.default_rng(0))
    for p in (1, 2):
        exact = transport_costs(x, y, np.ones((1, 1)), (p,)).item() ** (1 / p)
        assert values[f"sw{p}"] == pytest.approx(exact, rel=1e-12)
        assert values[f"max_sw{p}"] == pytest.approx(exact, rel=1e-12)


def test_the_function_agrees_with_the_metric(rng):
    x, y = pair(300, 200, 5)
    values = SlicedWasserstein()(x, y, None, np.random.default_rng(4))
    for p in (1, 2):
        value = max_sliced_wasserstein(x, y, p, rng=np.random.default_rng(4))
        assert value == pytest.approx(values[f"max_sw{p}"], rel=1e-12)
    assert max_sliced_wasserstein(x, y) == max_sliced_wasserstein(x, y)
    with pytest.raises(ValueError, match="not finite"):
        max_sliced_wasserstein(x * np.inf, y)
    with pytest.raises(ValueError, match="5 and 4 columns"):
        max_sliced_wasserstein(x, y[:, :4])
    with pytest.raises(ValueError, match="at least 1"):
        max_sliced_wasserstein(x, y, 0.5)


def test_blocks_do_not_change_the_result(monkeypatch):
    from tailbench.stats import sliced_transport

    x, y = pair(100, 80, 4)
    whole = SlicedWasserstein()(x, y, None, np.random.default_rng(0))
    monkeypatch.setattr(sliced_transport, "_BLOCK", 250)
    parts = SlicedWasserstein()(x, y, None, np.random.default_rng(0))
    for key, value in whole.items():
        assert parts[key] == pytest.approx(value, rel=1e-9)
