import numpy as np
import pytest
from scipy.stats import norm, t

from tailbench.metrics.expected_shortfall import expected_shortfall
from tailbench.metrics.portfolio import Portfolio, portfolio_weights, tail_risks

N = 100_000
ROOT = np.array([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [-0.5, 0.4, 2.0]])


def elliptical(rng, nu=None, n=N):
    z = rng.standard_normal((n, 3))
    if nu is not None:
        z /= np.sqrt(rng.chisquare(nu, (n, 1)) / nu)
    return z @ ROOT.T


def exact_risks(nu, level):
    """Value at risk and expected shortfall of the standard law, as textbooks have them."""
    if nu is None:
        q = norm.ppf(level)
        return q, norm.pdf(q) / (1 - level)
    q = t.ppf(level, nu)
    return q, t.pdf(q, nu) * (nu + q**2) / ((nu - 1) * (1 - level))


@pytest.mark.parametrize("nu", [None, 4.0])
@pytest.mark.parametrize("level", [0.95, 0.99, 0.999])
def test_risks_of_gaussian_and_student_portfolios_are_exact(nu, level):
    rng = np.random.default_rng(0)
    weights = portfolio_weights(3, 8)
    found = tail_risks(elliptical(rng, nu) @ weights.T, level)
    scale = np.linalg.norm(weights @ ROOT, axis=1)
    # The standard error of a quantile is sqrt(p (1 - p) / n) / density, here of all portfolios
    # at once, which share their rows; that of a shortfall is near it for four moments.
    law = norm() if nu is None else t(nu)
    error = np.sqrt(level * (1 - level) / N) / law.pdf(law.ppf(level))
    for own, exact, factor in zip(found, exact_risks(nu, level), (4, 10), strict=True):
        np.testing.assert_allclose(own / scale, exact, atol=factor * error)


@pytest.mark.parametrize("n", [1, 7, 20, 21, 999, 3000])
def test_risks_are_numpys_quantiles_and_the_means_beyond_them(n):
    losses = np.random.default_rng(n).standard_cauchy((n, 3))
    for level in (0.95, 0.975, 0.99, 0.999):
        at_risk, shortfall = tail_risks(losses, level)
        np.testing.assert_allclose(at_risk, np.quantile(losses, level, axis=0), rtol=1e-12)
        np.testing.assert_allclose(shortfall, expected_shortfall(losses, level), rtol=1e-12)


def test_who_holds_the_opposite_loses_what_others_win(rng):
    x, y = rng.pareto(1.5, (2, 3000, 2))
    plain = Portfolio()(x, y, None, rng)
    assert Portfolio()(-x, -y, None, rng) == pytest.approx(plain, rel=1e-9, nan_ok=True)


def test_wider_samples_have_the_log_of_their_width_as_error():
    rng = np.random.default_rng(1)
    y = elliptical(rng, 4.0)
    values = Portfolio()(1.5 * (y - np.median(y, axis=0)), y - np.median(y, axis=0), None, rng)
    for key in (key for key in values if "_var" in key or "_es" in key):
        assert values[key] == pytest.approx(np.log(1.5), abs=1e-9)
    assert values["kupiec_rejections"] == 1
    # Z_2 of risks that are 1.5 times too high, by the law of the reference.
    q, shortfall = (1.5 * risk for risk in exact_risks(4, 0.975))
    beyond = t.pdf(q, 4) * (4 + q**2) / 3
    assert values["acerbi_szekely_z2"] == pytest.approx(1 - beyond / (0.025 * shortfall), abs=0.03)


def test_a_gaussian_law_against_a_student_one():
    rng = np.random.default_rng(2)
    x, y = elliptical(rng), elliptical(rng, 4.0)
    values = Portfolio()(x, y, None, rng)
    for key, level in (("95", 0.95), ("99", 0.99), ("999", 0.999)):
        exact = np.log(np.array(exact_risks(4, level)) / exact_risks(None, level))
        assert values[f"portfolio_var{key}"] == pytest.approx(exact[0], abs=0.06)
        assert values[f"portfolio_es{key}"] == pytest.approx(exact[1], abs=0.1)


def test_a_right_model_is_refused_as_often_as_two_samples_differ():
    """The value at risk of a sample as large as the reference has its own error besides."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(60):
        x, y = elliptical(rng, 4.0, 4000), elliptical(rng, 4.0, 4000)
        found.append(Portfolio(portfolios=4)(x, y, None, rng)["kupiec_rejections"])
    # Twice the variance: P(|N(0, 2)| > 1.96) = 0.166
    assert np.mean(found) == pytest.approx(2 * norm.sf(1.96 / np.sqrt(2)), abs=0.05)


def test_lost_dependence_is_seen(rng):
    y = np.repeat(rng.standard_t(4, (20_000, 1)), 4, axis=1) + 0.1 * rng.standard_t(4, (20_000, 4))
    values = Portfolio()(rng.permuted(y, axis=0), y, None, rng)
    assert values["portfolio_var99"] > 0.2 and values["kupiec_rejections"] > 0.5


def test_units_do_not_matter(rng):
    x, y = rng.standard_t(3, (2, 3000, 2))
    scale = np.array([1e-4, 1e4])
    plain = Portfolio()(x, y, None, rng)
    assert Portfolio()(x * scale + 7, y * scale + 7, None, rng) == pytest.approx(
        plain, rel=1e-6, nan_ok=True
    )


def test_levels_with_too_few_rows_and_laws_without_a_mean_are_empty(truth, rng):
    x, y = rng.standard_t(3, (2, 3000, 2))
    values = Portfolio()(x, y, None, rng)
    assert {key for key in values if np.isnan(values[key])} == {
        "portfolio_var999",
        "portfolio_es999",
    }
    assert not np.isnan(list(Portfolio(min_rows=3)(x, y, None, rng).values())).any()
    values = Portfolio()(x, y, truth(dim=2, index=np.array([0.9, 3.0])), rng)
    assert np.isnan(values["portfolio_es95"]) and np.isnan(values["acerbi_szekely_z2"])
    assert values["portfolio_var95"] < 0.2


def test_samples_without_risk_and_columns_without_risk(rng):
    y = rng.pareto(0.7, (5000, 2))
    values = Portfolio()(np.full_like(y, np.median(y)), y, None, rng)
    assert values["portfolio_var99"] > 1 and values["kupiec_rejections"] > 0.9
    still = np.concatenate([y, np.ones((5000, 1))], axis=1)
    assert np.isfinite(Portfolio()(still, still, None, rng)["portfolio_var99"])


def test_weights():
    weights = portfolio_weights(3, 64)
    assert weights.shape == (68, 3)
    assert np.abs(weights).sum(axis=1) == pytest.approx(1)
    assert np.all(weights[:32] > 0) and np.any(weights[32:64] < 0)
    assert np.array_equal(weights[64:], [[1 / 3] * 3, *np.eye(3)])
    assert np.array_equal(weights, portfolio_weights(3, 64))
