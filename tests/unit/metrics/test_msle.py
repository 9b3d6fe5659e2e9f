import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tailbench.metrics.msle import MSLE


def symmetric_pareto(a):
    """Quantile function of a law with P(X > x) = x^-a / 2 for x > 1, and its mirror image."""

    def ppf(p):
        p = np.asarray(p, dtype=float)
        return np.where(p > 0.5, 1, -1) * (2 * np.minimum(p, 1 - p)) ** (-1 / a) * (p != 0.5)

    return ppf


def grid(ppf, n=200_000, dim=1):
    """Samples whose empirical quantiles are nearly exact."""
    return np.repeat(ppf((np.arange(n) + 0.5) / n)[:, None], dim, axis=1)


def test_a_wrong_scale_costs_its_squared_logarithm(truth, rng):
    ppf = symmetric_pareto(2.0)
    values = MSLE()(1.5 * grid(ppf), grid(ppf), truth(ppf=ppf), rng)
    expected = np.log(1.5) ** 2
    assert values["msle_official"] == pytest.approx(expected, rel=0.02)
    assert values["msle"] == pytest.approx(expected, rel=0.02)
    assert values["msle_norm"] == pytest.approx(expected, rel=1e-9)


def test_a_wrong_exponent_costs_the_closed_form(truth, rng):
    right, wrong = symmetric_pareto(2.0), symmetric_pareto(4.0)
    n, xi = 200_000, 0.95
    values = MSLE(levels=512)(grid(wrong), grid(right), truth(ppf=right), rng)
    # The logarithms differ by (1/2 - 1/4) u with u = -log(2 (1 - p)); integrate u^2 e^-u.
    low, high = -np.log(2 * (1 - xi)), -np.log(2 / n)

    def primitive(u):
        return -np.exp(-u) * (u**2 + 2 * u + 2)

    mass = np.exp(-low) - np.exp(-high)
    expected = 0.25**2 * (primitive(high) - primitive(low)) / mass
    assert values["msle"] == pytest.approx(expected, rel=0.01)
    levels = np.array([0.99, 0.995, 0.999, 0.9995, 0.9999])
    official = np.mean((0.25 * np.log(2 * (1 - levels))) ** 2)
    assert values["msle_official"] == pytest.approx(official, rel=0.02)


@pytest.mark.parametrize("levels", [16, 64])
def test_few_levels_are_enough(levels, truth, rng):
    right, wrong = symmetric_pareto(1.7), symmetric_pareto(2.5)
    args = grid(wrong, 20_000), grid(right, 20_000), truth(ppf=right), rng
    fine = MSLE(levels=2000)(*args)["msle"]
    assert MSLE(levels=levels)(*args)["msle"] == pytest.approx(fine, rel=0.3 / levels)


def test_both_tails_and_all_columns_count(rng):
    x = grid(symmetric_pareto(2.0), 20_000, dim=2)
    one_tail = x.copy()
    one_tail[one_tail[:, 1] < 0, 1] *= 2
    value = MSLE()(one_tail, x, None, rng)
    assert value["msle"] == pytest.approx(np.log(2) ** 2 / 4, rel=1e-9)
    assert value["msle_official"] == 0


def test_the_official_grid_is_of_the_first_column_and_its_upper_tail(truth, rng):
    x = rng.standard_t(2, (5000, 3))
    other = x.copy()
    other[:, 1:] *= 7
    other[other[:, 0] < 0] *= 5
    levels = [0.99, 0.995, 0.999, 0.9995, 0.9999]

    def ppf(p):
        from scipy.stats import t

        return t.ppf(p, 2)

    value = MSLE()(other, x, truth(dim=3, ppf=ppf), rng)["msle_official"]
    direct = np.mean(np.log(np.quantile(x[:, 0], levels) / ppf(levels)) ** 2)
    assert value == pytest.approx(direct, rel=1e-9)


@given(shift=st.floats(-1e3, 1e3), power=st.integers(-10, 10))
@budget(max_examples=20, deadline=None)
def test_neither_place_nor_scale_matters(shift, power):
    rng = np.random.default_rng(0)
    x, y = rng.standard_t(2, (2, 400, 2))
    plain = MSLE()(x, y, None, rng)
    moved = MSLE()(2.0**power * (x + shift), 2.0**power * (y + shift), None, rng)
    for key, value in plain.items():
        assert moved[key] == pytest.approx(value, rel=1e-6)


def test_a_mixture_far_from_zero_has_a_floor(rng):
    def draw():
        place = np.array([-30.0, -20.0, -10.0])[rng.integers(0, 3, 20_000)]
        return (place + rng.standard_t(2.5, 20_000))[:, None]

    values = MSLE()(draw(), draw(), None, rng)
    assert all(0 < value < 0.2 for value in values.values())


def test_samples_on_the_wrong_side_count_as_the_smallest_ratio(rng):
    y = rng.standard_t(2, (1000, 1))
    limit = np.log(1e-6) ** 2
    collapsed = MSLE()(np.full_like(y, np.median(y)), y, None, rng)
    assert list(collapsed.values()) == pytest.approx([limit] * 3)
    below = MSLE()(y - 1e4, y, None, rng)
    assert below["msle_official"] == pytest.approx(limit)
    assert limit / 2 < below["msle"] < limit
    assert MSLE(min_ratio=0.1)(y * 0, y, None, rng)["msle_norm"] < np.log(0.1) ** 2 + 1e-9


def test_levels_without_a_true_tail_are_left_out(rng):
    y = np.zeros((1000, 2))
    y[:100, 0] = np.linspace(1, 2, 100)
    values = MSLE()(2 * y, y, None, rng)
    assert values["msle"] == pytest.approx(np.log(2) ** 2)
    assert all(np.isnan(v) for v in MSLE()(y[:, 1:] + 1, y[:, 1:], None, rng).values())


def test_unequal_sizes_and_too_few(truth, rng):
    x, y = rng.standard_t(2, (5000, 1)), rng.standard_t(2, (300, 1))
    few, many = MSLE()(y, x, None, rng), MSLE()(x, y, None, rng)
    assert few["msle"] == pytest.approx(many["msle"], rel=0.02)
    with pytest.raises(ValueError, match="20 rows are too few"):
        MSLE()(y[:20], x, None, rng)
    MSLE(level=0.9)(y[:20], x, None, rng)


def test_true_quantiles_are_computed_once(truth, rng):
    known = truth(ppf=symmetric_pareto(2.0))
    metric = MSLE()
    x, y = rng.standard_t(2, (2, 500, 1))
    first = metric(x, y, known, rng)
    assert metric(x, y, known, rng) == first
    metric(x + 1, y, known, rng)
    assert known.asked == 1
    metric(x[:400], y, known, rng)
    assert known.asked == 2
    assert metric(x, y, truth(ppf=symmetric_pareto(3.0)), rng) != first


def test_floors_on_alpha_stable_data():
    from tailbench.targets.alpha_stable import AlphaStable

    target, metric = AlphaStable(), MSLE()
    values = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        values.append(metric(target.sample(15_000, rng), target.sample(15_000, rng), target, rng))
    mean = {key: np.mean([v[key] for v in values]) for key in values[0]}
    assert 0.02 < mean["msle_official"] < 0.15
    assert 0.001 < mean["msle"] < 0.005
    assert 0.001 < mean["msle_norm"] < 0.012
