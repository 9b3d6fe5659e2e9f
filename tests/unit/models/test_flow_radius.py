"""When columns share a radius, and what the flow makes of it."""

import numpy as np
import pytest

from tailbench.models.flow import Flow
from tailbench.models.flow_radius import has_radius, share_of_joint_extremes
from tailbench.registry import make_dataset
from tailbench.training.context import FitContext


def spherical(n, dim, nu=2.0, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, dim)) / np.sqrt(rng.chisquare(nu, (n, 1)) / nu)


def independent(n, dim, nu=2.0):
    return np.random.default_rng(0).standard_t(nu, (n, dim))


def losses(n):
    settings = {"copula": "gumbel", "dependence": 2.0, "index": [1.2, 0.8, 3.0], "dim": 3}
    data = {"type": "copula_pareto", **settings, "n_train": n, "n_test": 100}
    return make_dataset(data).splits("losses", 0).train


def joint(x, level=0.95):
    """P(|V| far, given that |U| is), over pairs."""
    far = np.abs(x) > np.quantile(np.abs(x), level, axis=0)
    together = far.T.astype(float) @ far / len(x) / (1.0 - level)
    return together[~np.eye(x.shape[1], dtype=bool)].mean()


def test_joint_extremes_are_told_from_single_ones():
    assert share_of_joint_extremes(spherical(4000, 4)) > 0.2
    assert share_of_joint_extremes(independent(4000, 4)) == pytest.approx(0.05, abs=0.02)


def test_the_short_side_of_losses_does_not_share_a_radius():
    assert share_of_joint_extremes(losses(4000)) < 0.05


def test_columns_share_a_radius_if_all_are_heavy_and_extreme_together():
    heavy = np.full(4, 0.5)
    assert has_radius(spherical(4000, 4), heavy)
    assert not has_radius(spherical(4000, 4), np.array([0.5, 0.0, 0.5, 0.5]))
    assert not has_radius(independent(4000, 4), heavy)


def test_the_share_does_not_depend_on_the_units():
    x = spherical(2000, 3)
    moved = x * [1.0, 1e6, 1e-6] + [0.0, 1e9, 5.0]
    assert share_of_joint_extremes(moved) == pytest.approx(share_of_joint_extremes(x), abs=1e-3)


@pytest.mark.parametrize(("radius", "low", "high"), [("auto", 0.8, 1.2), ("none", 0.0, 0.5)])
def test_joint_extremes_of_samples(radius, low, high):
    """Of a spherical law, of which a flow that has hardly been trained knows the radius alone."""
    x = spherical(5000, 6)
    model = Flow(device="cpu", radius=radius, train_steps=5, layers=1, width=8, verbose=False)
    samples = model.fit(x).sample(20_000, seed=1)
    assert low < joint(samples) / joint(x) < high


def test_what_was_decided_is_recorded():
    model = Flow(device="cpu", train_steps=1, layers=1, width=8, verbose=False)
    assert model.fit(spherical(1000, 3)).info["tails"]["shared_radius"] == [True]
    assert model.fit(independent(1000, 3)).info["tails"]["shared_radius"] == [False]
    assert "shared_radius" not in model.fit(spherical(1000, 1)).info["tails"]


def test_seeds_of_a_block_decide_alone(tmp_path):
    """A seed that shares a radius beside one that does not, and each as it would be alone."""
    block = np.stack([spherical(2000, 3), independent(2000, 3)])
    options = {"device": "cpu", "train_steps": 3, "layers": 1, "width": 8, "verbose": False}
    context = FitContext.of(3, 2, "flow", verbose=False)
    model = Flow(**options).fit_block(block, context)
    assert model.info["tails"]["shared_radius"] == [True, False]
    for e in (0, 1):
        own = [[getattr(context, name)[e]] for name in ("seeds", "split_seeds", "ids")]
        alone = Flow(**options).fit_block(block[e : e + 1], FitContext(*own, verbose=False))
        np.testing.assert_allclose(
            alone.log_prob(block[e : e + 1])[0], model.log_prob(block)[e], rtol=1e-4, atol=1e-4
        )
    model.save(tmp_path / "flow")
    np.testing.assert_array_equal(
        Flow.load(tmp_path / "flow").log_prob(block), model.log_prob(block)
    )
