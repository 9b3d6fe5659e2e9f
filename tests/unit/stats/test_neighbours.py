import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tailbench.stats import neighbours
from tailbench.stats.neighbours import nearest_rows


@pytest.mark.parametrize("dim", [1, 3, 9, 30])
@pytest.mark.parametrize("count", [1, 3])
def test_all_distances_written_out(dim, count):
    rng = np.random.default_rng(dim)
    rows, points = rng.standard_t(1, (300, dim)), rng.standard_t(1, (70, dim))
    distances, numbers = nearest_rows(points, rows, count)
    every = cdist(points, rows)
    assert np.array_equal(numbers, every.argsort(axis=1)[:, :count])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :count], rtol=1e-12)


@pytest.mark.parametrize("dim", [2, 20])
def test_small_distances_keep_their_digits_far_out(dim):
    rows = 1e6 + np.random.default_rng(0).standard_normal((500, dim))
    distances, numbers = nearest_rows(rows + 1e-3, rows)
    assert np.array_equal(numbers[:, 0], np.arange(500))
    np.testing.assert_allclose(distances[:, 0], 1e-3 * np.sqrt(dim), rtol=1e-6)


@pytest.mark.parametrize("dim", [2, 20])
def test_a_row_finds_itself_first(dim):
    rows = np.random.default_rng(0).standard_normal((200, dim))
    rows[1] = rows[0]
    distances, numbers = nearest_rows(rows, rows, 2)
    assert not distances[:, 0].any() and not distances[:2, 1].any()
    assert np.array_equal(numbers[2:, 0], np.arange(2, 200)) and np.all(distances[2:, 1] > 0)


def test_single_precision_finds_the_nearest_but_for_ties(monkeypatch):
    """Distances differ where two rows are about as near, and then in the seventh digit at most."""
    rng = np.random.default_rng(0)
    rows, points = rng.standard_t(2.5, (3000, 20)), rng.standard_t(2.5, (300, 20))
    points[:100] = rows[:100]
    exact, own = nearest_rows(points, rows)
    monkeypatch.setattr(neighbours, "_SINGLE", 100)
    found, numbers = nearest_rows(points, rows)
    assert np.mean(numbers == own) > 0.99 and not found[:100].any()
    np.testing.assert_allclose(found, exact, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 3])
def test_a_table_that_is_searched_in_parts(monkeypatch, count):
    rng = np.random.default_rng(1)
    rows, points = rng.standard_t(3, (1000, 12)), rng.standard_t(3, (170, 12))
    monkeypatch.setattr(neighbours, "_SINGLE", 100)
    monkeypatch.setattr(neighbours, "_TILE", 64)  # the last part has 40 rows
    monkeypatch.setattr(neighbours, "_POINTS", 50)
    distances, numbers = nearest_rows(points, rows, count)
    every = cdist(points, rows)
    assert np.array_equal(numbers, every.argsort(axis=1)[:, :count])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :count], rtol=1e-12)
    monkeypatch.setattr(neighbours, "_TILE", 2)  # fewer rows than neighbours
    assert np.array_equal(nearest_rows(points, rows, count)[1], numbers)
