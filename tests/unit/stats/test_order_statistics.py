"""Quantiles and ends of tables against NumPy's own, to the bit."""

import numpy as np
import pytest

from tailbench.stats import order_statistics
from tailbench.stats.order_statistics import both_ends, column_quantiles


@pytest.mark.parametrize("n", [1, 2, 7, 100, 4001])
@pytest.mark.parametrize("draw", ["standard_cauchy", "standard_normal", "ties"])
def test_quantiles_are_numpys(n, draw):
    rng = np.random.default_rng(n)
    x = rng.integers(0, 5, (n, 3)) / 3 if draw == "ties" else 1e6 * getattr(rng, draw)((n, 3))
    levels = np.concatenate([[0, 1, 0.5], rng.random(40), np.geomspace(1e-6, 1, 20)])
    found = column_quantiles(x, levels)
    assert np.array_equal(found, np.quantile(x, levels, axis=0))
    assert found.flags.c_contiguous


@pytest.mark.parametrize("many", [10, 10**6])
@pytest.mark.parametrize("kind", ["heavy", "sorted", "ties", "periodic"])
def test_ends_are_those_of_the_sorted_rows(many, kind, monkeypatch):
    """Also where the guess of a threshold is a poor one, as of rows in order."""
    monkeypatch.setattr(order_statistics, "MANY", many)
    monkeypatch.setattr(order_statistics, "SAMPLED", 100)
    x = np.random.default_rng(0).standard_t(1, (3, 3000))
    if kind == "sorted":
        x.sort(axis=1)
    if kind == "ties":
        x = np.round(x)
    if kind == "periodic":
        x[:, ::30] = 0.0
    ordered = np.sort(x, axis=1)
    for count in (1, 150, 1500, 3000):
        least, largest = both_ends(x, count)
        assert np.array_equal(least, ordered[:, :count])
        assert np.array_equal(largest, ordered[:, -count:])
