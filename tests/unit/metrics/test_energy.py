import math

import numpy as np
import pytest
from scipy.stats import energy_distance as energy_on_a_line

from tailbench.metrics.energy import Energy, energy_distance


def test_on_a_line_with_exponent_one_it_is_that_of_scipy(rng):
    x, y = rng.standard_t(3, 300), rng.standard_normal(200)
    found = energy_distance(x[:, None], y[:, None], 1.0)
    assert found == pytest.approx(energy_on_a_line(x, y) ** 2)


def test_all_pairs_written_out(rng):
    x, y = rng.standard_t(1, (40, 3)), 1 + rng.standard_t(1, (30, 3))

    def mean(a, b):
        return np.mean([[math.dist(p, q) ** 0.5 for p in a] for q in b])

    expected = 2 * mean(x, y) - mean(x, x) - mean(y, y)
    assert energy_distance(x, y, 0.5) == pytest.approx(expected)


def test_gaussian_laws_of_two_widths():
    """``E|N(0, s^2)|^(1/2) = s^(1/2) 2^(1/4) Gamma(3/4) / sqrt(pi)``."""
    rng = np.random.default_rng(0)
    n, width = 4000, 3.0
    found = [
        energy_distance(rng.normal(size=(n, 1)), rng.normal(0, width, (n, 1)), 0.5)
        for _ in range(4)
    ]
    moment = 2**0.25 * math.gamma(0.75) / math.sqrt(math.pi)
    own, other = moment * 2**0.25, moment * (2 * width**2) ** 0.25
    exact = 2 * moment * (1 + width**2) ** 0.25 - own - other
    bias = (own + other) / n
    assert np.mean(found) == pytest.approx(exact + bias, abs=4 * np.std(found) / 2 + 1e-4)


def test_equal_laws_have_the_mean_of_pairs_of_a_row_with_itself():
    """Without these the mean is zero."""
    rng = np.random.default_rng(1)
    n, m, found, spread = 150, 100, [], []
    for _ in range(400):
        x, y = rng.standard_t(0.6, (n, 2)), rng.standard_t(0.6, (m, 2))
        found.append(energy_distance(x, y, 0.2))
        spread.append(np.mean(np.linalg.norm(x[:m] - y, axis=1) ** 0.2))
    expected = (1 / n + 1 / m) * np.mean(spread)
    assert np.mean(found) == pytest.approx(expected, abs=3 * np.std(found) / 20)


@pytest.mark.parametrize("index", [0.6, 2.0])
def test_it_is_finite_and_sees_a_shift(index, rng):
    x, y = rng.standard_t(index, (2, 2000, 3))
    floor = Energy()(x, y, None, rng)["energy"]
    assert 0 < floor < 0.05
    assert Energy()(x + 2, y, None, rng)["energy"] > 3 * floor


def test_units_do_not_matter_and_rows_are_thinned(rng):
    x, y = rng.standard_t(2, (2, 1000, 2))
    scale = np.array([1e-5, 1e5])
    plain = Energy()(x, y, None, rng)["energy"]
    moved = Energy()(1 + x * scale, 1 + y * scale, None, rng)["energy"]
    assert moved == pytest.approx(plain, rel=1e-5)
    few = Energy(max_rows=100)
    first = few(x, y, None, np.random.default_rng(1))
    assert first == few(x, y, None, np.random.default_rng(1)) != {"energy": plain}
