"""The direction of an error of tails, against closed forms."""

import numpy as np
import pytest

from tailbench.metrics.tail_direction import TailDirection

RNG = np.random.default_rng(0)


def direction(samples, reference, **settings):
    return TailDirection(**settings)(samples, reference, None, None)


@pytest.mark.parametrize("factor", [0.25, 4.0])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_scaled_data_are_off_by_the_factor(factor, scale):
    x = scale * RNG.standard_t(0.8, size=(4000, 3))
    middle = np.median(x, axis=0)
    values = direction(middle + factor * (x - middle), x)
    sides = {"light": max(1, 1 / factor), "heavy": max(1, factor)}
    for what in ("tails", "norm"):
        for side, expected in sides.items():
            assert values[f"{what}_too_{side}"] == pytest.approx(expected, rel=1e-9)


def test_the_index_bends_the_tail_as_the_law_says():
    # quantiles of Pareto laws with indices a and b differ by (1/b - 1/a) log(1/(1 - p))
    a, b, n = 2.0, 3.0, 200_000
    u = (np.arange(n) + 0.5)[:, None] / n
    values = direction(u ** (-1 / b), u ** (-1 / a))
    median = 2 ** (1 / a)
    p = np.geomspace(0.05, 10 / n, 16)
    upper = np.log((p ** (-1 / b) - median) / (p ** (-1 / a) - median))
    lower = np.log((median - (1 - p) ** (-1 / b)) / (median - (1 - p) ** (-1 / a)))
    both = np.concatenate([upper, lower])
    for side, sign in (("light", -1), ("heavy", 1)):
        expected = np.exp(np.maximum(sign * both, 0).mean())
        assert values[f"tails_too_{side}"] == pytest.approx(expected, rel=2e-3)  # between two ranks


def test_one_law_errs_to_both_sides():
    values = [
        direction(*(np.random.default_rng(s + k).standard_t(3, (5000, 3)) for k in (0, 1)))
        for s in range(0, 40, 2)
    ]
    light, heavy = (
        np.mean([v[f"tails_too_{side}"] for v in values]) for side in ("light", "heavy")
    )
    assert light == pytest.approx(heavy, abs=0.02)
    assert 1 < min(light, heavy) < max(light, heavy) < 1.1


def test_a_collapsed_model_is_too_light_and_a_constant_column_is_not_judged():
    x = RNG.exponential(size=(500, 1))
    values = direction(np.full_like(x, np.median(x)), x)
    assert values["tails_too_light"] == pytest.approx(1e6)
    assert values["tails_too_heavy"] == 1
    assert np.isnan(list(direction(x, np.ones_like(x)).values())).all()
