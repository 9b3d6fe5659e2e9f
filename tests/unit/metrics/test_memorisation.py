import numpy as np
import pytest

from tailbench.metrics.base import rows_without
from tailbench.metrics.memorisation import Memorisation, closest_records


def flagged(x, train):
    distance, own = closest_records(x, train)
    return np.mean(distance < own)


@pytest.mark.parametrize(("dim", "share"), [(1, 2 / 3), (2, 0.622), (3, 0.593)])
def test_the_share_of_fresh_points_is_that_of_mutual_neighbours(dim, share):
    """1 / (2 - I_{3/4}((d + 1)/2, 1/2)) for a flat density."""
    rng = np.random.default_rng(dim)
    x, train = rng.uniform(size=(40_000, dim)), rng.uniform(size=(40_000, dim))
    # Neighbours share training rows: twice the binomial standard error is on the safe side.
    assert flagged(x, train) == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 20_000))


@pytest.mark.parametrize("dim", [1, 4, 12])
def test_a_bootstrap_is_flagged_but_for_rows_that_occur_twice(dim, rng):
    train = rng.standard_t(2, (1000, dim))
    x = rng.choice(train, 3000)
    assert flagged(x, train) == 1
    doubled = np.concatenate([train, train[:200]])
    found = closest_records(x, doubled)
    twice = (x[:, None] == train[:200]).all(axis=2).any(axis=1)
    assert np.array_equal(found[0] < found[1], ~twice)
    values = Memorisation()(x, rng.standard_t(2, (1000, dim)), None, rng, train=train)
    assert values["dcr_ratio"] == 0 and values["copied_ratio"] > 1.4


@pytest.mark.parametrize("dim", [1, 2, 10])
@pytest.mark.parametrize("index", [0.6, 2.5])
def test_fresh_draws_are_as_near_as_held_out_rows(dim, index):
    rng = np.random.default_rng(4)
    x, y, train = rng.standard_t(index, (3, 4000, dim))
    values = Memorisation()(x, y, None, rng, train=train)
    # Few rows are everyone's neighbour in many dimensions, which widens the binomial error.
    share = flagged(y, train)
    error = np.sqrt(2 * (1 - share) / share / 4000)
    assert values["copied_ratio"] == pytest.approx(1, abs=6 * error)
    assert values["dcr_ratio"] == pytest.approx(1, abs=0.12)


def test_a_share_of_copies_raises_the_share_that_is_flagged(rng):
    x, y, train = rng.standard_normal((3, 4000, 2))
    x[:2000] = train[:2000]
    values = Memorisation()(x, y, None, rng, train=train)
    fresh = flagged(y, train)
    assert values["copied_ratio"] == pytest.approx((1 + fresh) / 2 / fresh, abs=0.06)


def test_units_do_not_matter(rng):
    x, y, train = 1e6 + rng.standard_t(1.5, (3, 1500, 3))
    scale = np.array([1e-3, 1.0, 1e4])
    plain = Memorisation()(x, y, None, rng, train=train)
    assert Memorisation()(x * scale, y * scale, None, rng, train=train * scale) == pytest.approx(
        plain, rel=1e-3
    )


def test_more_rows_than_are_looked_for_are_thinned(rng):
    x, y, train = rng.standard_normal((3, 500, 2))
    few = Memorisation(max_rows=100)
    first = few(x, y, None, np.random.default_rng(1), train=train)
    assert first == few(x, y, None, np.random.default_rng(1), train=train)
    assert first != few(x, y, None, np.random.default_rng(2), train=train)


def test_fewer_rows_are_looked_for_among_many_training_rows(rng):
    x, y, train = rng.standard_normal((3, 500, 2))
    found = [
        metric(x, y, None, np.random.default_rng(1), train=train)
        for metric in (Memorisation(max_rows=100), Memorisation(max_distances=50_000))
    ]
    assert found[0] == found[1]
    whole = Memorisation()(x, y, None, np.random.default_rng(1), train=train)
    assert whole == Memorisation(max_distances=250_000)(x, y, None, rng, train=train) != found[0]


def test_bad_training_rows(rng):
    x, y, train = rng.standard_normal((3, 50, 2))
    with pytest.raises(ValueError, match="training rows have 1"):
        Memorisation()(x, y, None, rng, train=train[:, :1])
    train[3] = np.nan
    with pytest.raises(ValueError, match="1 of 50 rows of the training rows are not finite"):
        Memorisation()(x, y, None, rng, train=train)
    assert np.isnan(list(Memorisation()(x, y, None, rng, train=x[:1]).values())).all()


def test_held_out_rows_that_are_training_rows_have_no_distance(rng):
    x, y = rng.standard_normal((2, 50, 2))
    assert np.isnan(Memorisation()(x, y, None, rng, train=y)["dcr_ratio"])


def test_rows_without(rng):
    rows = np.arange(12.0).reshape(6, 2)
    assert np.array_equal(rows_without(rows, rows[[4, 1]]), rows[[0, 2, 3, 5]])
    assert np.array_equal(rows_without(rows, rows + 0.5), rows)
    assert rows_without(rows, rows).shape == (0, 2)
