"""Exact scores of noised data by closed forms, slopes of integrals, and Monte Carlo."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import wofz

from tailbench.stats import mixing_laws
from tailbench.stats.stable import log_tail
from tailbench.targets.alpha_stable import AlphaStable
from tailbench.targets.gaussian_grid import GaussianGrid
from tailbench.targets.gmm import GMM
from tailbench.targets.student_mixture import StudentMixture
from tailbench.targets.student_nuisance import StudentNuisance

HEAVY = {
    "stable": AlphaStable(),
    "stable 0.5": AlphaStable(alpha=0.5, dim=3),
    "stable 1.99": AlphaStable(alpha=1.99),
    "stable apart": AlphaStable(isotropic=False, dim=3),
    "cauchy": AlphaStable(alpha=1.0),
    "student": StudentMixture(dim=4, condition=100.0),
    "student 0.7": StudentMixture(dim=3, nu=0.7),
    "nuisance": StudentNuisance(),
    "nuisance 0.8": StudentNuisance(nu=0.8, dim=2),
}
heavy = pytest.mark.parametrize("target", HEAVY.values(), ids=HEAVY.keys())


def voigt_score(x, scale, sigma):
    """The score of a Cauchy variable with Gaussian noise, by Faddeeva's function."""
    z = (x + 1j * scale) / (sigma * np.sqrt(2.0))
    w = wofz(z)
    return (-2.0 * z * w + 2j / np.sqrt(np.pi)).real / (sigma * np.sqrt(2.0)) / w.real


@pytest.mark.parametrize("sigma", [0.1, 1.0, 80.0])
def test_cauchy_on_the_line_is_voigts_profile(sigma):
    x = np.array([0.01, 0.3, 1.0, 5.0, -20.0])[:, None]
    found = AlphaStable(alpha=1.0, scale=0.5, dim=1).noised_score(x, sigma)
    np.testing.assert_allclose(found, voigt_score(x, 0.5, sigma), rtol=1e-9)
    found = StudentNuisance(nu=1.0, dim=3).noised_score(np.tile(x, 3), sigma)
    np.testing.assert_allclose(found[:, :1], voigt_score(x, 1.0, sigma), rtol=1e-9)
    apart = AlphaStable(alpha=1.0, scale=0.5, dim=2, isotropic=False)
    found = apart.noised_score(np.tile(x, 2), [sigma, 2.0 * sigma])
    np.testing.assert_allclose(found[:, 1:], voigt_score(x, 0.5, 2.0 * sigma), rtol=1e-9)


@pytest.mark.parametrize("alpha", [0.6, 1.7])
@pytest.mark.parametrize("sigma", [0.2, 3.0])
def test_stable_on_the_line_is_the_slope_of_its_characteristic_function(alpha, sigma):
    """Density and slope as Fourier integrals; they cancel far out, so points are near."""
    target = AlphaStable(alpha=alpha, scale=1.0, dim=1)
    for x in (0.1, 1.0, 4.0):
        end = 9.0 / sigma

        def envelope(u):
            return np.exp(-(u**alpha) - 0.5 * (sigma * u) ** 2)

        density, _ = integrate.quad(lambda u, x=x: np.cos(u * x) * envelope(u), 0, end, limit=900)
        slope, _ = integrate.quad(
            lambda u, x=x: -u * np.sin(u * x) * envelope(u), 0, end, limit=900
        )
        found = target.noised_score(np.array([[x]]), sigma)
        assert found[0, 0] == pytest.approx(slope / density, rel=1e-6)


def test_stable_with_little_noise_is_the_slope_of_zolotarevs_density():
    target, x, step = AlphaStable(scale=1.0, dim=1), np.array([0.5, 2.0, 30.0, 1e4]), 1e-4
    above, below = (log_tail(x * np.exp(e), 1.7)[1] for e in (step, -step))
    found = target.noised_score(x[:, None], 1e-4)[:, 0]
    np.testing.assert_allclose(found * x, (above - below) / (2.0 * step), rtol=1e-5)


@pytest.mark.parametrize("target", [GaussianGrid(), GMM(dim=5)], ids=["grid", "gmm"])
def test_mixtures_of_gaussians(target):
    """The slope of a density that is written out, with another noise in every coordinate."""
    rng = np.random.default_rng(0)
    sigma = np.linspace(0.3, 2.0, target.dim)
    x = target.sample(8, rng) + sigma * rng.standard_normal((8, target.dim))

    def log_p(points):
        parts = [
            w * stats.multivariate_normal(m, np.diag(target.std**2 + sigma**2)).pdf(points)
            for w, m in zip(target.weights, target.means, strict=True)
        ]
        return np.log(np.sum(parts, axis=0))

    np.testing.assert_allclose(
        target.noised_score(x, sigma), slopes(log_p, x), rtol=1e-5, atol=1e-6
    )


def slopes(log_p, x, step=1e-5):
    """Central differences of a log-density along each coordinate, shape ``(n, d)``."""
    moves = step * np.eye(x.shape[1])
    return np.stack([(log_p(x + m) - log_p(x - m)) / (2.0 * step) for m in moves], axis=1)


@pytest.mark.parametrize("sigma", [0.3, 5.0])
def test_student_mixture_is_the_slope_of_a_fine_integral(sigma):
    """Gaussians of full covariance, written out, at each of many variances."""
    target = StudentMixture(dim=3, nu=1.5, components=2)
    rng = np.random.default_rng(1)
    noise = sigma * np.array([0.5, 1.0, 2.0])
    x = target.sample(6, rng) + noise * rng.standard_normal((6, 3))
    u = np.linspace(-7.0, 25.0, 3000)
    prior = stats.invgamma(0.75, scale=0.75).pdf(np.exp(u)) * np.exp(u) * (u[1] - u[0])

    def log_p(points):
        total = 0.0
        for loc, axes in zip(target.loc, target.axes, strict=True):
            scale = (axes * target.roots[0] ** 2) @ axes.T
            covariances = np.exp(u)[:, None, None] * scale + np.diag(noise**2)
            z = points - loc
            squares = np.einsum("ni,jik,nk->nj", z, np.linalg.inv(covariances), z)
            total += np.exp(-0.5 * squares) @ (prior / np.sqrt(np.linalg.det(covariances)))
        return np.log(total)

    np.testing.assert_allclose(target.noised_score(x, noise), slopes(log_p, x), rtol=1e-5)


@pytest.mark.parametrize("sigma", [0.2, 4.0])
def test_the_pair_of_student_nuisance(sigma):
    """The joint density of the last two coordinates, by an integral over the first of them."""
    target, x = StudentNuisance(dim=2), np.array([[0.5, 1.5], [6.0, 4.0], [-3.0, 2.0]])
    t = np.linspace(-60.0, 60.0, 60_001)
    prior = stats.t.pdf(t, 2.0)

    def log_p(points):
        first = stats.norm.pdf(points[:, :1], t, sigma)
        second = stats.norm.pdf(points[:, 1:], t, np.hypot(1.0, 2.0 * sigma))
        return np.log((first * second) @ prior)

    found = target.noised_score(x, [sigma, 2.0 * sigma])
    np.testing.assert_allclose(found, slopes(log_p, x), rtol=1e-5)


@heavy
@pytest.mark.parametrize("sigma", [1e-3, 1.0, 80.0])
def test_far_beyond_noise_and_scale_the_score_is_that_of_a_power_law(target, sigma):
    """Along x the log-density of a power law falls by index plus dimension times log x."""
    apart = not getattr(target.settings, "isotropic", True)
    dim = 1 if apart or isinstance(target, StudentNuisance) else target.dim
    for radius in (1e8, 1e12) if target.name == "student_nuisance" else (1e8, 1e12, 1e30):
        x = np.ones((1, target.dim)) * radius
        fall = (target.noised_score(x, sigma) * x)[0]
        whole = fall[0] if dim == 1 and target.dim > 2 else fall.sum()
        index = target.norm_tail_index()
        assert whole == pytest.approx(-(index + dim), rel=0.02)


@heavy
@pytest.mark.parametrize("sigma", [1e-3, 0.5, 80.0])
def test_finite_near_and_far(target, sigma):
    rng = np.random.default_rng(0)
    direction = rng.standard_normal((40, target.dim))
    x = direction * np.logspace(-8, 30, 40)[:, None]
    score = target.noised_score(np.concatenate([x, 0.0 * x[:1]]), sigma)
    assert np.isfinite(score).all()
    assert np.isfinite(target.noised_score(x, sigma * np.logspace(-2, 2, target.dim))).all()


@pytest.mark.parametrize("name", [name for name in HEAVY if not name.startswith("student")])
def test_odd_where_the_law_is_symmetric(name):
    target = HEAVY[name]
    x = target.sample(20, np.random.default_rng(0))
    np.testing.assert_allclose(
        target.noised_score(-x, 0.3), -target.noised_score(x, 0.3), rtol=1e-12
    )


@heavy
def test_tweedie(target):
    """E[g(Y) (eps + sigma score(Y))] = 0 for bounded g, since -sigma score is E[eps | Y]."""
    rng = np.random.default_rng(3)
    n, sigma = 40_000, np.linspace(0.5, 1.5, target.dim)
    x, noise = target.sample(n, rng), rng.standard_normal((n, target.dim))
    y = x + sigma * noise
    gap = noise + sigma * target.noised_score(y, sigma)
    for test in (np.tanh(y), np.cos(y), np.exp(-np.abs(y[:, :1]) / 50.0)):
        z = (test * gap).mean(axis=0) / ((test * gap).std(axis=0) / np.sqrt(n))
        assert np.abs(z).max() < 4.5


@heavy
@pytest.mark.parametrize("sigma", [1e-3, 1.0, 80.0])
def test_a_finer_and_longer_rule_gives_the_same(target, sigma, monkeypatch):
    rng = np.random.default_rng(0)
    far = rng.standard_normal((30, target.dim)) * np.logspace(-6, 6, 30)[:, None]
    x = np.concatenate([target.sample(30, rng), far])
    found = target.noised_score(x, sigma)
    usual = mixing_laws._spacing
    monkeypatch.setattr(mixing_laws, "_spacing", lambda index, dim: 0.45 * usual(index, dim))
    monkeypatch.setattr(mixing_laws, "CUT", 60.0)
    forget()
    fine = target.noised_score(x, sigma)
    monkeypatch.undo()
    forget()
    error = np.linalg.norm(found - fine, axis=1) / np.linalg.norm(fine, axis=1)
    assert error.max() < 1e-9


def forget():
    mixing_laws._student_nodes.cache_clear()
    mixing_laws._stable_nodes.cache_clear()


def test_one_noise_for_all_is_that_for_each():
    target = StudentMixture(dim=6)
    x = target.sample(9, np.random.default_rng(0))
    whole = target.noised_score(x, 0.7)
    np.testing.assert_allclose(target.noised_score(x, np.full(6, 0.7)), whole, rtol=1e-10)


def test_the_axes_of_noise_are_found_once(monkeypatch):
    target = StudentMixture(dim=6)
    scales, x = np.linspace(0.5, 3.0, 6), np.zeros((2, 6))
    first = target.noised_score(x, 0.3 * scales)
    monkeypatch.setattr(np.linalg, "svd", None)
    assert np.array_equal(target.noised_score(x, 0.3 * scales), first)
    target.noised_score(x, 17.1 * scales)


@pytest.mark.parametrize("sigma", [0.0, -1.0, np.nan, np.ones(9)])
@pytest.mark.parametrize("target", [GMM(dim=3), *HEAVY.values()], ids=["gmm", *HEAVY])
def test_noise_that_is_none(target, sigma):
    with pytest.raises(ValueError, match="sigma"):
        target.noised_score(np.zeros((1, target.dim)), sigma)
