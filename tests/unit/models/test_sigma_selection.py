"""The choice of sigma_T: the level whose samples are nearest to the data, tails included."""

import numpy as np
import pytest

from tailbench.models.sigma_selection import choose_level, reference_rows, select_sigma


def sets(rng, n, scales):
    return {level: s * rng.standard_normal((n, 3)) for level, s in scales.items()}


def test_the_nearest_level_is_taken():
    rng = np.random.default_rng(0)
    held = rng.standard_normal((2000, 3))
    choice = choose_level(sets(rng, 2000, {0.0: 2.0, 0.5: 1.5, 1.0: 1.0, 2.0: 0.5}), held, rng)
    assert choice.level == 1.0
    assert list(choice.distances) == [0.0, 0.5, 1.0, 2.0]
    assert choice.errors[1.0] == 0.0
    assert all(choice.distances[s] > 5 * choice.distances[1.0] for s in (0.0, 0.5, 2.0))


@pytest.mark.parametrize("index", [0.5, 1.0, 2.5])
def test_a_lost_tail_is_seen_whatever_its_index(index):
    """The same but for the top 5 % of the rows, which are drawn in to the rest."""
    rng = np.random.default_rng(1)
    held = rng.standard_t(index, size=(4000, 5))
    whole = rng.standard_t(index, size=(4000, 5))
    radius = np.linalg.norm(whole, axis=1)
    cut = whole * np.minimum(1.0, np.quantile(radius, 0.95) / radius)[:, None]
    choice = choose_level({0.0: cut, 1.0: whole}, held, rng)
    assert choice.level == 1.0
    assert choice.distances[0.0] - choice.distances[1.0] > 2 * choice.errors[0.0]


def test_one_sample_far_out_decides_nothing():
    rng = np.random.default_rng(1)
    held = rng.standard_normal((500, 3))
    drawn = sets(rng, 500, {0.0: 1.0, 1.0: 1.6})
    drawn[0.0][7] = 1e6
    assert choose_level(drawn, held, rng).level == 0.0


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_units_do_not_matter_and_the_seed_decides_all(unit):
    rng = np.random.default_rng(2)
    held = rng.standard_normal((200, 3))
    drawn = sets(rng, 200, {0.0: 1.5, 1.0: 1.0})
    one = choose_level(drawn, held, np.random.default_rng(3))
    assert choose_level(drawn, held, np.random.default_rng(3)) == one
    scaled = {level: unit * (x + 5.0) for level, x in drawn.items()}
    other = choose_level(scaled, unit * (held + 5.0), np.random.default_rng(3))
    assert other.level == one.level
    assert other.distances == pytest.approx(one.distances)


def test_one_column_few_rows_and_atoms():
    rng = np.random.default_rng(4)
    choice = choose_level({0.5: rng.standard_normal((5, 3))}, rng.standard_normal((5, 3)), rng)
    assert choice.level == 0.5 and choice.errors == {0.5: 0.0}
    rain = np.maximum(rng.standard_normal((1000, 1)), 0.0)
    again = np.maximum(rng.standard_normal((1000, 1)), 0.0)
    choice = choose_level({0.5: again, 1.0: 0.5 * again}, rain, rng)
    assert choice.level == 0.5 and choice.distances[0.5] < 0.1 * choice.distances[1.0]


def test_the_reference_is_all_rows_or_the_same_number_at_random():
    small, large = np.arange(60.0).reshape(20, 3), np.arange(36_000.0).reshape(12_000, 3)
    (kept,) = reference_rows([small], [1])
    np.testing.assert_array_equal(kept, small)
    first, again, other = (reference_rows([large], [seed])[0] for seed in (1, 1, 2))
    assert first.shape == (10_000, 3) and len(np.unique(first[:, 0])) == 10_000
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert reference_rows([np.zeros((3000, 784))], [1])[0].shape == (1337, 784)


def test_each_seed_chooses_for_itself():
    rng = np.random.default_rng(5)
    reference = [rng.standard_normal((500, 2)), 3.0 * rng.standard_normal((500, 2))]
    asked = []

    def draw(level, n):
        asked.append((level, n))
        return np.stack([level * rng.standard_normal((n, 2)) for _ in range(2)]).astype(np.float32)

    tuned = select_sigma(draw, reference, [1.0, 3.0], [7, 8], [4, 9])
    assert asked == [(1.0, 500), (3.0, 500)]
    assert tuned.chosen == [1.0, 3.0]
    assert [(row["seed"], row["sigma_T"]) for row in tuned.curve] == [
        (4, 1.0), (4, 3.0), (9, 1.0), (9, 3.0),
    ]  # fmt: skip
