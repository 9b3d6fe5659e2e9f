import numpy as np
import pytest

from tailbench.metrics.tail_ks import TailKS, ks_distance


@pytest.mark.parametrize(("n", "m"), [(100, 100), (37, 205), (1, 5)])
@pytest.mark.parametrize("ties", [False, True])
def test_the_distance_is_the_largest_gap_of_the_distribution_functions(n, m, ties, rng):
    x, y = rng.standard_normal(n), 0.3 + rng.standard_normal(m)
    if ties:
        x, y = np.round(x), np.round(y)
    gaps = [np.mean(x <= point) - np.mean(y <= point) for point in [*x, *y]]
    assert ks_distance(x, y) == pytest.approx(np.abs(gaps).max(), abs=1e-12)
    assert ks_distance(x, x + 100) == ks_distance(x + 100, x) == 1
    assert ks_distance(x, x) == 0


def test_empty_sides():
    nothing, something = np.zeros(0), np.zeros(3)
    assert ks_distance(nothing, something) == ks_distance(something, nothing) == 1
    assert ks_distance(nothing, nothing) == 0


def test_shape_and_mass_are_told_apart(rng):
    radii = rng.uniform(size=40_000) ** (-1 / 2.0)
    y = (radii * rng.choice([-1, 1], 40_000))[:, None]
    body = np.abs(y[:, 0]) < np.quantile(np.abs(y), 0.9)
    more = np.concatenate([y, y[~body]])
    values = TailKS()(more, y, None, rng)
    assert values["tail_ks"] < 0.01
    assert values["tail_mass_error"] == pytest.approx(np.log(2 / 1.1), abs=0.01)


def test_a_power_law_has_the_closed_form(rng):
    # Beyond u, laws x^-a and x^-b differ by (u/x)^a - (u/x)^b, most where b v^b = a v^a.
    n, a, b = 100_000, 2.0, 4.0
    level = (np.arange(n) + 0.5) / n

    def law(exponent):
        radii = (1 - level) ** (-1 / exponent)
        return np.concatenate([radii, -radii])[:, None]

    values = TailKS(level=0.0)(law(b), law(a), None, rng)
    v = (a / b) ** (1 / (b - a))
    assert values["tail_ks"] == pytest.approx(v**a - v**b, abs=1e-3)
    assert values["tail_mass_error"] == pytest.approx(0, abs=1e-3)


def test_no_sample_beyond_the_threshold(rng):
    y = rng.standard_t(2, (999, 2))
    values = TailKS()(np.zeros((999, 2)), y, None, rng)
    beyond = 50
    assert values["tail_ks"] == 1
    assert values["tail_mass_error"] == pytest.approx(np.log((beyond + 0.5) / 0.5))


def test_place_scale_and_rotation_do_not_matter(rng):
    x, y = rng.standard_t(2, (2, 2000, 2))
    plain = TailKS()(x, y, None, rng)
    moved = TailKS()(3 * x + 100, 3 * y + 100, None, rng)
    assert moved == pytest.approx(plain, abs=1e-9)
    unequal = TailKS()(x, y[:500], None, rng)
    assert 0 <= unequal["tail_ks"] <= 1


def test_the_floor_is_small():
    rng = np.random.default_rng(0)
    values = [TailKS()(*rng.standard_t(2, (2, 20_000, 2)), None, rng) for _ in range(10)]
    assert np.mean([v["tail_ks"] for v in values]) == pytest.approx(0.04, abs=0.015)
    assert np.mean([v["tail_mass_error"] for v in values]) == pytest.approx(0.035, abs=0.02)
