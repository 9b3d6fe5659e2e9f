"""The choice of sigma_T: the least level that validation data cannot tell from the best."""

import numpy as np
import pytest

from tailbench.models.sigma_selection import TRIALS, choose_level


def sets(rng, n, scales):
    return {level: s * rng.standard_normal((TRIALS * n, 3)) for level, s in scales.items()}


def test_a_level_that_is_clearly_better_is_taken():
    rng = np.random.default_rng(0)
    held = rng.standard_normal((2000, 3))
    drawn = sets(rng, 2000, {0.0: 2.0, 0.5: 1.5, 1.0: 1.0, 2.0: 0.5})
    choice = choose_level(drawn, held, rng)
    assert choice.level == 1.0
    assert list(choice.distances) == [0.0, 0.5, 1.0, 2.0]
    # W1 between N(0, 1) and N(0, s^2) on a line is |s - 1| sqrt(2 / pi)
    assert choice.distances[0.0] == pytest.approx(np.sqrt(2 / np.pi), rel=0.1)
    assert choice.errors[1.0] == 0.0


def test_of_levels_that_cannot_be_told_apart_the_smallest_is_taken():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        held = rng.standard_t(2, size=(300, 3))
        drawn = {
            level: rng.standard_t(2, size=(TRIALS * 300, 3)) for level in (0.25, 0.5, 1.0, 2.0)
        }
        choice = choose_level(drawn, held, rng)
        least = min(choice.distances.values())
        assert choice.level == min(
            s for s, d in choice.distances.items() if d <= least + choice.errors[s]
        )
        assert all(error >= 0 for error in choice.errors.values())


def test_one_sample_far_out_decides_nothing():
    rng = np.random.default_rng(1)
    held = rng.standard_normal((500, 3))
    drawn = sets(rng, 500, {0.0: 1.0, 1.0: 1.6})
    drawn[0.0][7] = 1e6
    assert choose_level(drawn, held, rng).level == 0.0


def test_units_do_not_matter_and_the_seed_decides_all():
    rng = np.random.default_rng(2)
    held = rng.standard_normal((200, 3))
    drawn = sets(rng, 200, {0.0: 1.1, 1.0: 1.0})
    one = choose_level(drawn, held, np.random.default_rng(3))
    assert choose_level(drawn, held, np.random.default_rng(3)) == one
    large = choose_level(
        {k: 1e6 * v for k, v in drawn.items()}, 1e6 * held, np.random.default_rng(3)
    )
    assert large.level == one.level
    assert large.distances[0.0] == pytest.approx(1e6 * one.distances[0.0])


def test_one_column_and_few_rows():
    rng = np.random.default_rng(4)
    choice = choose_level(sets(rng, 5, {0.5: 1.0}), rng.standard_normal((5, 3)), rng)
    assert choice.level == 0.5
    single = {0.5: rng.standard_normal((TRIALS * 5, 1))}
    assert choose_level(single, rng.standard_normal((5, 1)), rng).level == 0.5
