"""The mixture of stable laws: its recipe, exact quantiles and joint extremes."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import stdtr

from tailbench.targets.alpha_stable import AlphaStable
from tailbench.targets.stable_mixture import StableMixture


def test_centres_and_weights_are_of_the_recipe():
    target = StableMixture(dim=30)
    np.testing.assert_allclose(np.linalg.norm(target.centres, axis=1), 7.5)
    assert np.linalg.matrix_rank(target.centres) == 6
    np.testing.assert_allclose(target.weights[0] / target.weights[3], 4.0**1.2)
    assert target.weights.sum() == pytest.approx(1.0)


def test_one_column_and_one_component():
    target = StableMixture(dim=1, components=1, anisotropy=0.0)
    x = target.sample(500, np.random.default_rng(0))
    assert x.shape == (500, 1) and np.abs(target.centres) == pytest.approx(7.5)
    plain = AlphaStable(dim=1, scale=0.55)
    p = np.array([0.01, 0.3, 0.5, 0.999, 1 - 1e-7])
    shifted = target.centres[0, 0] + plain.quantile(p)
    np.testing.assert_allclose(target.quantile(p), shifted, rtol=1e-6)


@pytest.mark.parametrize("alpha", [0.6, 1.0, 1.7, 2.0])
def test_quantiles_are_those_of_draws(alpha):
    n = 100_000
    target = StableMixture(dim=3, alpha=alpha, components=4, spread=2.0, anisotropy=3.0)
    x = target.sample(n, np.random.default_rng(1))
    levels = np.array([0.001, 0.05, 0.4, 0.5, 0.9, 0.999])
    below = np.stack(
        [(x[:, [j]] <= edge).mean(axis=0) for j, edge in enumerate(target.quantile(levels))]
    )
    error = np.sqrt(levels * (1 - levels) / n)
    assert (np.abs(below - levels) < 4.5 * error).all()


def test_along_its_axis_a_component_is_wider():
    """A stable sum: the scale along the axis is s (1 + kappa^alpha)^(1/alpha), across it s."""
    target = StableMixture(dim=4, components=1, rank=2, anisotropy=2.0)
    x = target.sample(40_000, np.random.default_rng(2)) - target.centres[0]
    axis = target.directions[0]
    across = np.linalg.svd(axis[None])[2][1]
    law = AlphaStable(dim=1, scale=1.0)
    for direction, scale in ((axis, 0.55 * (1 + 2.0**1.7) ** (1 / 1.7)), (across, 0.55)):
        edges = scale * law.quantile(np.arange(1, 20) / 20)[0]
        counts = np.bincount(np.searchsorted(edges, x @ direction), minlength=20)
        assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("alpha", [0.7, 1.7])
def test_isotropic_noise_has_the_joint_extremes_of_students_t(alpha):
    """An isotropic stable vector has the angles of Student-t of alpha degrees of freedom."""
    target = StableMixture(dim=3, alpha=alpha, anisotropy=0.0)
    expected = 2.0 * stdtr(alpha + 1.0, -np.sqrt(alpha + 1.0))
    assert target.chi(0, 2) == pytest.approx(expected, rel=1e-9)


def test_joint_extremes_along_one_axis():
    """Without the isotropic part, as kappa grows, columns of one sign are extreme together."""
    target = StableMixture(dim=2, components=1, anisotropy=1e6)
    u = target.directions[0]
    assert target.chi(0, 1) == pytest.approx(1.0 if u[0] * u[1] > 0 else 0.0, abs=1e-5)
    assert StableMixture(alpha=2.0, dim=2).chi(0, 1) == 0.0


def test_joint_extremes_are_those_of_draws():
    """At a level so high that the centres, which are close, do not count."""
    n, share = 400_000, 0.002
    target = StableMixture(dim=2, alpha=1.2, components=5, spread=0.01, anisotropy=2.0)
    x = target.sample(n, np.random.default_rng(3))
    edges = target.quantile([1.0 - share])[:, 0]
    found = (x > edges).all(axis=1).mean() / share
    exact = target.chi(0, 1)
    assert 0.1 < exact < 0.95 and target.chi(1, 0) == pytest.approx(exact, rel=1e-12)
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / (n * share)))


def test_what_is_not_known():
    target = StableMixture(dim=2)
    x = target.sample(3, np.random.default_rng(4))
    assert target.log_prob(x) is None and target.noised_score(x, 1.0) is None


def test_out_of_range():
    with pytest.raises(ValueError, match="alpha"):
        StableMixture(alpha=0.4)
