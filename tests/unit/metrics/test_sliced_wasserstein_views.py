"""The max-sliced distance of signed logarithms, and that of the bulk."""

import math

import numpy as np
import pytest

from tailbench.metrics.sliced_wasserstein import max_sliced_wasserstein
from tailbench.metrics.sliced_wasserstein_bulk import SlicedWassersteinBulk
from tailbench.metrics.sliced_wasserstein_log import SlicedWassersteinLog, signed_log


def distance(metric, x, y):
    (value,) = metric(x, y, None, np.random.default_rng(0)).values()
    return value


def test_on_a_line_it_is_the_distance_of_logarithms():
    rng = np.random.default_rng(0)
    y = rng.standard_cauchy((501, 1))
    low, median, high = np.quantile(y, [0.25, 0.5, 0.75])
    u = np.sort((y[:, 0] - median) / (high - low))
    logs = np.sign(u) * np.log(1 + np.abs(u))
    x = 3.0 * (y - median) + median
    v = 3.0 * u
    expected = np.mean(np.abs(np.sign(v) * np.log(1 + np.abs(v)) - logs))
    assert distance(SlicedWassersteinLog(), x, y) == pytest.approx(expected)


@pytest.mark.parametrize("index", [0.5, 1.0, 2.5])
def test_one_far_point_moves_the_logarithms_little(index):
    rng = np.random.default_rng(1)
    x, y = rng.standard_t(index, (2, 2000, 2))
    before = distance(SlicedWassersteinLog(), x, y)
    x[0] = 1e6
    assert distance(SlicedWassersteinLog(), x, y) == pytest.approx(before, abs=0.02)


def test_units_and_offsets_do_not_matter_to_the_logarithms():
    rng = np.random.default_rng(2)
    x, y = rng.standard_t(2.0, (2, 500, 3))
    unit, offset = np.array([1e-3, 1.0, 1e6]), np.array([0.0, -5.0, 1e9])
    np.testing.assert_allclose(
        signed_log(offset + unit * x, offset + unit * y), signed_log(x, y), atol=1e-6
    )


def test_tails_do_not_count_in_the_bulk():
    rng = np.random.default_rng(3)
    x, y = rng.standard_t(2.5, (2, 4000, 2))
    low, high = np.quantile(y, [0.1, 0.9], axis=0)
    inside = ((x >= low) & (x <= high)).all(axis=1)
    far = x.copy()
    far[~inside] *= 1e6
    assert distance(SlicedWassersteinBulk(), far, y) == distance(SlicedWassersteinBulk(), x, y)
    kept = y[((y >= low) & (y <= high)).all(axis=1)]
    expected = max_sliced_wasserstein(x[inside], kept, 2, rng=np.random.default_rng(0))
    assert distance(SlicedWassersteinBulk(units="raw"), x, y) == expected


def test_units_do_not_matter_to_the_bulk():
    rng = np.random.default_rng(5)
    x, y = rng.standard_t(2.5, (2, 3000, 3))
    unit = np.array([1e-6, 1.0, 1e6])
    plain = distance(SlicedWassersteinBulk(), x, y)
    assert distance(SlicedWassersteinBulk(), unit * x, unit * y) == pytest.approx(plain, rel=1e-6)


def test_an_empty_bulk_is_no_number():
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((2, 50, 30))
    assert math.isnan(distance(SlicedWassersteinBulk(), x, y))
