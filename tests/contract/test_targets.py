"""What every target promises; a target that is added is tested by being there."""

import numpy as np
import pytest

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.interfaces import Target

TARGETS = {name: registry.load("targets", name)() for name in registry.names("targets")}


def which_know(what):
    """The targets of which something is known; the test is of those."""
    x = {name: target.sample(2, np.random.default_rng(0)) for name, target in TARGETS.items()}
    arguments = {
        "quantile": lambda n: ([0.5],),
        "score": lambda n: (x[n],),
        "noised_score": lambda n: (x[n], 1.0),
    }
    found = [
        target
        for name, target in TARGETS.items()
        if getattr(target, what)(*arguments.get(what, lambda n: ())(name)) is not None
    ]
    return pytest.mark.parametrize("target", found, ids=lambda target: target.name)


@pytest.fixture(params=TARGETS)
def target(request):
    return TARGETS[request.param]


def test_keeps_the_protocol(target):
    assert isinstance(target, Target)
    assert target.target() is target
    assert target.dim >= 1


def test_samples(target):
    x = target.sample(50, np.random.default_rng(0))
    assert x.shape == (50, target.dim) and x.dtype == np.float64
    assert np.isfinite(x).all()
    assert np.array_equal(x, target.sample(50, np.random.default_rng(0)))
    assert not np.array_equal(x, target.sample(50, np.random.default_rng(1)))


@which_know("quantile")
def test_quantiles_rise_and_halve_the_samples(target):
    p = np.array([0.001, 0.25, 0.5, 0.75, 0.999])
    q = target.quantile(p)
    assert q.shape == (target.dim, 5)
    assert (np.diff(q, axis=1) > 0).all()
    x = target.sample(4000, np.random.default_rng(0))
    for level, edge in zip(p, q.T, strict=True):
        share = (x < edge).mean(axis=0)
        assert np.abs(share - level).max() < 0.05


@which_know("score")
def test_the_score_is_the_slope_of_the_log_density(target):
    x = target.sample(20, np.random.default_rng(0))
    score = target.score(x)
    assert score.shape == x.shape
    direction = np.random.default_rng(1).standard_normal(x.shape)
    step = 1e-5 * (1.0 + np.abs(x).max()) * direction / np.linalg.norm(direction)
    slope = target.log_prob(x + step) - target.log_prob(x - step)
    np.testing.assert_allclose(slope, 2.0 * (score * step).sum(1), rtol=1e-3, atol=1e-7)


@which_know("noised_score")
@pytest.mark.parametrize("sigma", [1e-3, 0.5, 80.0])
def test_the_noised_score(target, sigma):
    x = target.sample(20, np.random.default_rng(0))
    score = target.noised_score(x, sigma)
    assert score.shape == x.shape and score.dtype == np.float64
    each = target.noised_score(x, np.full(target.dim, sigma))
    np.testing.assert_allclose(each, score, rtol=1e-8, atol=1e-12 / sigma)
    for far in (1e6, -1e6):
        assert np.isfinite(target.noised_score(np.full((2, target.dim), far), sigma)).all()
    assert not np.array_equal(target.noised_score(x, np.geomspace(1, 9, target.dim)), score)


@which_know("noised_score")
def test_without_noise_the_noised_score_is_the_score(target):
    x = target.sample(20, np.random.default_rng(0))
    score = target.score(x)
    if score is not None:
        size = np.abs(x - np.median(x, axis=0)).mean()
        found = target.noised_score(x, 1e-6 * size)
        np.testing.assert_allclose(found, score, rtol=1e-4, atol=1e-7 / size)


@which_know("tail_index")
def test_tail_indices(target):
    index = target.tail_index()
    assert index.shape == (target.dim,) and (index > 0).all()
    norm = target.norm_tail_index()
    assert norm is None or norm == pytest.approx(index.min())


@which_know("modes")
def test_modes(target):
    modes = target.modes()
    assert modes.means.shape == (len(modes.weights), target.dim)
    assert modes.weights.sum() == pytest.approx(1.0) and modes.std > 0
    x = target.sample(500, np.random.default_rng(0))
    distance = np.linalg.norm(x[:, None] - modes.means, axis=-1).min(1)
    assert np.quantile(distance, 0.9) < modes.std * 2.0 * target.dim**0.5


def test_splits(target):
    cls = type(target)
    small = cls(n_train=30, n_test=20)
    first, again, other = (small.splits("toy", seed) for seed in (3, 3, 4))
    for part, rows in (("train", 30), ("test", 20), ("floor", 20)):
        x = getattr(first, part)
        assert x.shape == (rows, small.dim)
        assert np.array_equal(x, getattr(again, part))
        assert not np.array_equal(x, getattr(other, part))
    assert not np.array_equal(first.test, first.floor)
    assert not np.array_equal(first.train, small.splits("other", 3).train)
    assert len(set(first.columns)) == small.dim


def test_too_few_points(target):
    small = type(target)(n_train=30)
    small.check(30)
    with pytest.raises(InputError, match="fewer than the 31 points that are needed"):
        small.check(31)
