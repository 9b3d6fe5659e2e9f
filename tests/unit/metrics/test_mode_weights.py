import numpy as np
import pytest

from tailbench.data import MixtureModes
from tailbench.metrics.mode_weights import ModeWeights, _radius


def square(std=0.1):
    return MixtureModes(
        means=np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
        std=std,
        weights=np.array([0.1, 0.2, 0.3, 0.4]),
    )


def test_known_answers(truth, rng):
    modes = square()
    known = truth(dim=2, known_modes=modes)
    exact = np.repeat(modes.means, [10, 20, 30, 40], axis=0)
    assert list(ModeWeights()(exact, exact, known, rng).values()) == pytest.approx([0, 0])
    even = np.repeat(modes.means, 25, axis=0)
    assert ModeWeights()(even, exact, known, rng)["mode_weight_tv"] == pytest.approx(0.2)
    one = np.tile(modes.means[0], (50, 1))
    one[:5] += [0.39, 0.0]
    one[5:15] += [0.41, 0.0]
    values = ModeWeights()(one, exact, known, rng)
    assert values["mode_weight_tv"] == pytest.approx(0.9)
    assert values["off_mode_share"] == pytest.approx(0.2)


def test_far_samples_are_outside_however_far(truth, rng):
    known = truth(dim=2, known_modes=square())
    values = ModeWeights()(np.full((10, 2), 1e6), np.zeros((1, 2)), known, rng)
    assert values["off_mode_share"] == 1
    shifted = MixtureModes(square().means + 1e6, 0.1, square().weights)
    near = ModeWeights()(
        shifted.means + 0.3 / np.sqrt(2), np.zeros((1, 2)), truth(dim=2, known_modes=shifted), rng
    )
    assert near["off_mode_share"] == 0


@pytest.mark.parametrize("dim", [1, 2, 3, 40])
def test_the_radius_leaves_out_the_same_probability(dim, truth, rng):
    from scipy.stats import chi2

    assert _radius(4.0, dim) == pytest.approx(np.sqrt(chi2.isf(np.exp(-8), dim)))
    modes = MixtureModes(np.zeros((1, dim)), 2.0, np.ones(1))
    x = 2 * rng.standard_normal((30_000, dim))
    share = ModeWeights(radius=2.0)(x, x, truth(dim=dim, known_modes=modes), rng)
    assert share["off_mode_share"] == pytest.approx(np.exp(-2), abs=0.01)
    assert _radius(4.0, 2) == pytest.approx(4.0)


def test_blocks_do_not_change_the_result(truth, rng, monkeypatch):
    from tailbench.metrics import mode_weights

    known = truth(dim=2, known_modes=square())
    x = rng.uniform(-1, 2, (1000, 2))
    whole = ModeWeights()(x, x, known, rng)
    monkeypatch.setattr(mode_weights, "_BLOCK", 100)
    assert ModeWeights()(x, x, known, rng) == whole


def test_it_needs_modes(truth, rng):
    assert not ModeWeights().applies(None)
    assert not ModeWeights().applies(truth())
    assert ModeWeights().applies(truth(known_modes=square()))
    for unknown in (None, truth()):
        with pytest.raises(ValueError, match="needs a truth that has modes"):
            ModeWeights()(np.zeros((2, 2)), np.zeros((2, 2)), unknown, rng)


def test_the_grid_has_a_small_floor(rng):
    from tailbench.targets.gaussian_grid import GaussianGrid

    grid = GaussianGrid()
    values = ModeWeights()(grid.sample(20_000, rng), grid.sample(10, rng), grid, rng)
    assert values["mode_weight_tv"] < 0.015
    assert values["off_mode_share"] == pytest.approx(np.exp(-8), abs=6e-4)
