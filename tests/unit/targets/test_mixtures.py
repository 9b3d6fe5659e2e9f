import numpy as np
import pytest
from scipy import stats

from tailbench.targets.gaussian_grid import GaussianGrid
from tailbench.targets.gmm import GMM
from tailbench.targets.student_mixture import StudentMixture
from tailbench.targets.student_nuisance import StudentNuisance


def test_grid_has_the_published_modes():
    modes = GaussianGrid().modes()
    assert modes.std == 0.05
    assert np.allclose(modes.weights, [0.01, 0.1, 0.3, 0.2, 0.02, 0.15, 0.02, 0.15, 0.05])
    assert np.array_equal(modes.means[[0, 1, 3, 8]], [[-1, -1], [-1, 0], [0, -1], [1, 1]])
    assert np.array_equal(GaussianGrid(spacing=2.5).modes().means[8], [2.5, 2.5])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.1] * 9, "sum to 1, not to 0.9"),
        ([0.1] * 10, "9 entries, not 10"),
        ([-0.2, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2], "negative"),
    ],
)
def test_grid_refuses_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        GaussianGrid(weights=weights)


def test_grid_samples_its_weights():
    target = GaussianGrid()
    x = target.sample(100_000, np.random.default_rng(0))
    nearest = np.argmin(((x[:, None] - target.means) ** 2).sum(axis=2), axis=1)
    counts = np.bincount(nearest, minlength=9)
    assert stats.chisquare(counts, 100_000 * target.weights).pvalue > 1e-3
    assert np.isclose((x - target.means[nearest]).std(), 0.05, rtol=0.01)


def test_grid_with_an_impossible_mode():
    target = GaussianGrid(weights=[0, 0, 0, 0, 1, 0, 0, 0, 0])
    p = np.array([0.01, 0.3, 0.999])
    assert np.allclose(target.quantile(p), stats.norm(scale=0.05).ppf(p))
    assert np.isfinite(target.log_prob(np.zeros((1, 2)))).all()


def test_gmm_repeats_its_plane():
    for dim in (2, 3, 40):
        target = GMM(dim=dim)
        assert target.means.shape == (25, dim)
        assert np.array_equal(target.means[:, 0], np.repeat([-16, -8, 0, 8, 16], 5))
        assert np.array_equal(target.means[:, 1], np.tile([-16, -8, 0, 8, 16], 5))
        assert np.array_equal(target.means[:, dim - 1], target.means[:, (dim - 1) % 2])
        assert target.weights.sum() == pytest.approx(1) and target.weights.min() > 0
        assert np.array_equal(target.weights, GMM().weights)


def test_light_tails():
    for target in (GaussianGrid(), GMM(dim=3)):
        assert np.array_equal(target.tail_index(), np.full(target.dim, np.inf))
        assert target.norm_tail_index() == np.inf


def test_gaussian_mixture_density():
    target = GMM(dim=3)
    x = target.sample(50, np.random.default_rng(1))
    parts = [stats.multivariate_normal(m, np.eye(3)).pdf(x) for m in target.means]
    assert np.allclose(np.exp(target.log_prob(x)), target.weights @ np.array(parts))


def test_student_mixture_parameters():
    target = StudentMixture(dim=30)
    again = StudentMixture(dim=30, nu=3.0)
    assert np.array_equal(target.loc, again.loc) and np.array_equal(target.axes, again.axes)
    assert not np.array_equal(target.loc, StudentMixture(dim=31).loc[:, :30])
    matrices = target.axes @ np.diag(target.roots[0] ** 2) @ target.axes.transpose(0, 2, 1)
    for matrix, scale in zip(matrices, target.scale, strict=True):
        assert np.linalg.cond(matrix) == pytest.approx(20)
        assert np.trace(matrix) == pytest.approx(30)
        assert np.allclose(np.diag(matrix), scale**2)
    distances = np.linalg.norm(target.loc[:, None] - target.loc, axis=2)[np.triu_indices(4, 1)]
    assert distances.min() > 5 and distances.max() < 12
    assert target.tail_index().tolist() == [2.5] * 30 and target.norm_tail_index() == 2.5


@pytest.mark.parametrize("options", [{"dim": 1}, {"components": 1, "condition": 1.0}])
def test_student_mixture_of_one(options):
    target = StudentMixture(**options)
    x = target.sample(10, np.random.default_rng(0))
    assert np.isfinite(target.score(x)).all() and np.isfinite(target.quantile([0.1])).all()


def test_student_mixture_density():
    target = StudentMixture(dim=4)
    x = target.sample(30, np.random.default_rng(2))
    matrices = target.axes @ np.diag(target.roots[0] ** 2) @ target.axes.transpose(0, 2, 1)
    parts = [
        stats.multivariate_t(m, s, df=2.5).pdf(x) for m, s in zip(target.loc, matrices, strict=True)
    ]
    assert np.allclose(np.exp(target.log_prob(x)), np.mean(parts, axis=0))


def test_student_mixture_has_the_covariance_of_its_scales():
    target = StudentMixture(dim=3, components=1, nu=12.0)
    x = target.sample(200_000, np.random.default_rng(3))
    matrix = target.axes[0] @ np.diag(target.roots[0] ** 2) @ target.axes[0].T
    assert np.allclose(np.cov(x.T), matrix * 12 / 10, atol=0.03)
    assert np.allclose(x.mean(axis=0), target.loc[0], atol=0.02)


def test_nuisance_follows_the_last_but_one():
    target = StudentNuisance(dim=4)
    x = target.sample(50_000, np.random.default_rng(4))
    assert x.shape == (50_000, 4)
    assert stats.kstest(x[:, 3] - x[:, 2], "norm").pvalue > 1e-3
    for values in x[:, :3].T:
        assert stats.kstest(values, stats.t(2).cdf).pvalue > 1e-3
    assert abs(stats.spearmanr(x[:, 0], x[:, 2]).statistic) < 0.02
    assert target.tail_index().tolist() == [2.0] * 4 and target.norm_tail_index() == 2.0


def test_nuisance_density():
    target = StudentNuisance(nu=3.5)
    x = np.random.default_rng(5).normal(size=(20, 5))
    expected = stats.t(3.5).logpdf(x[:, :4]).sum(axis=1) + stats.norm.logpdf(x[:, 4] - x[:, 3])
    assert np.allclose(target.log_prob(x), expected)


@pytest.mark.parametrize("nu", [0.3, 1.0, 2.0, 30.0])
def test_nuisance_last_quantile_by_quadrature(nu):
    from scipy.integrate import quad

    p = np.array([0.5, 0.6, 0.99, 1 - 1e-6])
    x = StudentNuisance(nu=nu, dim=2).quantile(p)[1]
    for value, level in zip(x, p, strict=True):
        tail, _ = quad(
            lambda z, v=value: stats.norm.pdf(z) * stats.t(nu).sf(v - z),
            -12,
            12,
            epsabs=0,
            epsrel=1e-10,
            limit=200,
            points=[max(-11.0, min(value, 11.0))],
        )
        assert tail == pytest.approx(1 - level, rel=1e-7)


def test_components_of_very_different_scale():
    target = StudentMixture(dim=1, nu=300.0, separation=1e5)
    q = target.quantile([1e-6, 0.1, 0.9])[0]
    assert np.isfinite(q).all() and np.all(np.diff(q) > 0)
