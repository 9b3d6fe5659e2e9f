"""The models of classical statistics: each against its closed form."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from tailbench.exceptions import InputError
from tailbench.models.bootstrap import Bootstrap
from tailbench.models.garch import GARCH
from tailbench.models.gaussian import Gaussian
from tailbench.models.kde import KDE
from tailbench.models.mvt import MVT
from tailbench.models.mvt_mixture import MVTMixture
from tailbench.targets.student_mixture import StudentMixture

EVERY = {
    "gaussian": Gaussian,
    "bootstrap": Bootstrap,
    "kde": KDE,
    "mvt": MVT,
    "mvt_mixture": lambda: MVTMixture(max_components=2, starts=2),
    "garch": lambda: GARCH(burn_in=20),
}
ROOT = np.array([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [-0.5, 0.3, 0.2]])


def fitted(model, x):
    return model.fit(x, verbose=False)


def draw(model, n, **options):
    return model.sample(n, **options).astype(np.float64)


def covariance_is(samples, exact):
    """Whether a sample covariance is within four standard errors of an exact one."""
    z = samples - samples.mean(axis=0)
    products = z[:, :, None] * z[:, None, :]
    error = products.std(axis=0) / np.sqrt(len(z))
    return bool((np.abs(products.mean(axis=0) - exact) < 4.0 * error).all())


# All of them


DATA = {
    "one side": lambda x: np.abs(x),
    "a million": lambda x: 1e6 * (1.0 + 1e-3 * x),
    "no mean": lambda x: x * (1.0 + x**2) ** 1.5,  # index 3/4
    "one column": lambda x: x[:, :1],
    "many equal values": lambda x: np.where(x < 0.5, 0.0, x),
    "units far apart": lambda x: x * [1e-6, 1e6],
}


@pytest.mark.parametrize("case", DATA)
@pytest.mark.parametrize("name", EVERY)
def test_data_of_all_kinds(name, case):
    x = DATA[case](np.random.default_rng(0).standard_t(3.0, (400, 2)))
    model = fitted(EVERY[name](), x)
    y = draw(model, 400)
    assert np.isfinite(y).all() and y.shape == x.shape
    if name != "gaussian" and case != "many equal values":
        width = np.subtract(*np.quantile(x, [0.9, 0.1], axis=0))
        assert (np.abs(np.median(y, axis=0) - np.median(x, axis=0)) < width).all()
        ratio = np.subtract(*np.quantile(y, [0.9, 0.1], axis=0)) / width
        assert (ratio > 0.3).all() and (ratio < 3.0).all()


# gaussian


def test_the_gaussian_has_mean_and_covariance_of_the_data():
    x = np.random.default_rng(1).exponential(size=(500, 3)) @ ROOT.T * [1.0, 1e4, 1e-4]
    y = draw(fitted(Gaussian(), x), 50_000)
    error = x.std(axis=0) / np.sqrt(len(y))
    assert (np.abs(y.mean(axis=0) - x.mean(axis=0)) < 4.0 * error).all()
    assert covariance_is(y, np.cov(x.T))
    assert stats.kstest(y[:, 0], stats.norm(x[:, 0].mean(), x[:, 0].std()).cdf).pvalue > 1e-3


def test_a_singular_gaussian_stays_on_its_plane():
    x = np.random.default_rng(2).standard_normal((3, 5))
    y = draw(fitted(Gaussian(), x), 100) - x.mean(axis=0)
    singular = np.linalg.svd(y, compute_uv=False)
    assert (singular[2:] < 1e-5 * singular[0]).all()


def test_without_moments_the_gaussian_is_far_wider_than_the_bulk():
    x = np.random.default_rng(3).standard_cauchy((20_000, 1))
    y = draw(fitted(Gaussian(), x), 1000)
    assert np.subtract(*np.quantile(y, [0.75, 0.25])) > 10.0 * 2.0


# bootstrap and kde


def test_the_bootstrap_draws_rows_equally_often():
    x = np.random.default_rng(4).standard_t(1.0, (50, 2))
    y = fitted(Bootstrap(), x).sample(20_000)
    rows, counts = np.unique(y, axis=0, return_counts=True)
    np.testing.assert_array_equal(rows, np.unique(x, axis=0))
    assert stats.chisquare(counts).pvalue > 1e-3


def test_without_bandwidth_the_kde_is_the_bootstrap():
    x = np.random.default_rng(5).standard_t(0.7, (300, 3)) + 1e5
    y = fitted(KDE(bandwidth=0), x).sample(2000)
    rows = {row.tobytes() for row in x}
    assert {row.tobytes() for row in y} <= rows
    assert len({row.tobytes() for row in y}) > 250


@pytest.mark.parametrize("bandwidth", ["auto", 2.0])
@pytest.mark.parametrize("law", ["normal", "laplace"])
def test_samples_of_the_kde_have_the_covariance_of_the_data(law, bandwidth):
    x = getattr(np.random.default_rng(6), law)(size=(400, 3)) @ ROOT.T + [0.0, 9.0, -1e3]
    y = draw(fitted(KDE(bandwidth=bandwidth), x), 50_000)
    assert covariance_is(y, np.cov(x.T, ddof=0))
    error = x.std(axis=0) / np.sqrt(len(y))
    assert (np.abs(y.mean(axis=0) - x.mean(axis=0)) < 4.0 * error).all()


def test_without_correction_the_kernel_widens():
    x = np.random.default_rng(7).standard_normal((4000, 2)) @ ROOT[:2, :2].T
    h = (4.0 / (4.0 * 4000)) ** (1.0 / 6.0)
    y = draw(fitted(KDE(bandwidth=3.0, correct_variance=False), x), 50_000)
    wider = np.cov(y.T) / np.cov(x.T)
    # kernel and data have the same covariance up to the errors of both
    np.testing.assert_allclose(wider, 1.0 + 9.0 * h**2, rtol=0.04)


def test_the_kde_is_the_mixture_of_its_kernels():
    """In one dimension: a Gaussian about each row, all drawn towards the mean."""
    x = np.random.default_rng(8).gamma(2.0, size=(200, 1))
    y = draw(fitted(KDE(), x), 20_000)[:, 0]
    low, high = np.quantile(x, [0.25, 0.75])
    h = (4.0 / (3.0 * 200)) ** 0.2 * (high - low) / 1.3489795
    shrunk = x.std(ddof=1) / np.sqrt(x.var(ddof=1) + h**2)
    centres = x.mean() + shrunk * (x - x.mean())
    assert (
        stats.kstest(y, lambda t: stats.norm.cdf((t - centres) / (shrunk * h)).mean(0)).pvalue
        > 1e-3
    )


def test_the_correction_leaves_heavy_tails_alone():
    """Equal draws with and without it: on light tails they differ, on Cauchy data they do not."""
    rng = np.random.default_rng(9)
    for x, near in (
        (rng.standard_cauchy((5000, 2)), True),
        (rng.standard_normal((5000, 2)), False),
    ):
        with_it, without = (
            draw(fitted(KDE(correct_variance=value), x), 5000) for value in (True, False)
        )
        assert np.allclose(with_it, without, rtol=2e-3, atol=2e-3) is near


# mvt


def test_the_student_law_of_its_own_draws():
    rng = np.random.default_rng(10)
    factor = (
        np.linalg.cholesky(0.6 * np.eye(5) + 0.4) * np.array([1.0, 5.0, 0.1, 1e3, 1.0])[:, None]
    )
    x = rng.standard_normal((20_000, 5)) @ factor.T / np.sqrt(rng.chisquare(3.0, (20_000, 1)) / 3.0)
    model = fitted(MVT(), x + 100.0)
    state = model.states[0]
    size = np.sqrt(np.diag(state["scatter"]))
    assert abs(state["nu"] - 3.0) < 0.15 and state["converged"]
    exact = 0.6 * np.eye(5) + 0.4
    np.testing.assert_allclose(state["scatter"] / np.outer(size, size), exact, atol=0.02)
    np.testing.assert_allclose(size, [1.0, 5.0, 0.1, 1e3, 1.0], rtol=0.03)
    y = draw(model, 20_000)
    for j in range(5):
        own = stats.t(state["nu"], state["loc"][j], size[j])
        assert stats.kstest(y[:, j], own.cdf).pvalue > 1e-3


def test_density_of_the_fitted_laws():
    target = StudentMixture(dim=2, components=2, nu=1.5)
    x = target.sample(3000, np.random.default_rng(11))
    held_out = target.sample(3000, np.random.default_rng(12))
    block = np.stack([x, 2.0 * x + 1.0])
    for model in (MVT(), MVTMixture(components=2)):
        fitted(model, block)
        values = model.log_prob(np.stack([held_out, 2.0 * held_out + 1.0]))
        assert values.shape == (2, 3000)
        # twice the data have a quarter of the density; the starts of the two are not the same
        np.testing.assert_allclose(values[1], values[0] - np.log(4.0), atol=0.02)
        gap = target.log_prob(held_out).mean() - values[0].mean()
        assert gap < 0.01 if isinstance(model, MVTMixture) else gap > 0.1
        with pytest.raises(ValueError, match="has 2 seeds"):
            model.log_prob(x)
    with pytest.raises(RuntimeError, match="has not been fitted"):
        MVT().log_prob(x)


@pytest.mark.parametrize("value", [0.05, 2000, "none"])
def test_degrees_of_freedom_out_of_range(value):
    with pytest.raises(ValidationError, match="nu"):
        MVT(nu=value)


def test_given_degrees_of_freedom():
    x = np.random.default_rng(13).standard_t(2.0, (500, 2))
    assert fitted(MVT(nu=5), x).states[0]["nu"] == 5.0


# mvt_mixture


def test_the_mixture_chooses_the_components_of_the_target():
    target = StudentMixture(dim=3, components=3, nu=2.5)
    x = target.sample(4000, np.random.default_rng(14))
    state = fitted(MVTMixture(starts=3), x).states[0]
    assert len(state["weights"]) == 3
    error = np.sqrt(1.0 / 3.0 * 2.0 / 3.0 / 4000)
    np.testing.assert_allclose(state["weights"], 1.0 / 3.0, atol=4.0 * error + 0.02)  # overlap
    for centre in target.loc:
        assert np.abs(state["loc"] - centre).max(axis=1).min() < 0.2
    assert (np.abs(np.log(state["nu"] / 2.5)) < 0.35).all()
    again = MVTMixture(components=3, shared_nu=True, starts=3)
    shared = fitted(again, x).states[0]
    assert np.ptp(shared["nu"]) == 0.0 and abs(np.log(shared["nu"][0] / 2.5)) < 0.15
    assert shared["bic"] < state["bic"]
    count = 3 * (3 + 6) + 2 + 1
    likelihood = again.log_prob(x).sum()
    assert shared["bic"] == pytest.approx(count * np.log(4000) - 2.0 * likelihood)


def test_one_component_of_the_mixture_is_the_student_law():
    x = np.random.default_rng(15).standard_t(2.0, (2000, 3)) @ ROOT.T
    one, law = fitted(MVTMixture(components=1, tolerance=1e-12), x), fitted(MVT(), x)
    np.testing.assert_allclose(one.log_prob(x), law.log_prob(x), atol=1e-3)


def test_more_components_than_the_rows_bear():
    x = np.random.default_rng(16).standard_normal((60, 2))
    with pytest.raises(InputError, match="give fewer components"):
        fitted(MVTMixture(components=30), x)
