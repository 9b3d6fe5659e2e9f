"""GARCH: the parameters of a series are found again, and its stationary law is drawn."""

import sys

import numpy as np
import pytest
from scipy import stats

from tailbench.exceptions import InputError
from tailbench.models.garch import GARCH
from tailbench.stats.garch_law import GarchLaw

TRUE = GarchLaw(
    mean=np.array([0.05, 2e4]),
    omega=np.array([0.05, 1e8]),
    alpha=np.array([0.1, 0.15]),
    beta=np.array([0.85, 0.7]),
    nu=np.array([6.0, 5.0]),
    start=np.array([1.0, 7e8]),
    correlation=np.array([[1.0, 0.5], [0.5, 1.0]]),
    joint_nu=6.0,
)


@pytest.fixture(scope="module")
def series():
    """A series of 4,000 days, by the recursion written out."""
    rng = np.random.default_rng(17)
    w = stats.multivariate_t(np.zeros(2), TRUE.correlation, TRUE.joint_nu).rvs(4000, rng)
    z = stats.t.ppf(stats.t.cdf(w, TRUE.joint_nu), TRUE.nu) * np.sqrt(1.0 - 2.0 / TRUE.nu)
    x, variance = np.empty((4000, 2)), TRUE.start
    for t in range(4000):
        x[t] = np.sqrt(variance) * z[t]
        variance = TRUE.omega + TRUE.alpha * x[t] ** 2 + TRUE.beta * variance
    return TRUE.mean + x


def test_garch_finds_the_parameters_of_a_series(series):
    from arch import arch_model

    state = GARCH().fit(series, verbose=False).states[0]
    assert state["converged"]
    unit = [1.0, 1e4]
    powers = {"mean": 1, "omega": 2, "alpha": 0, "beta": 0, "nu": 0}
    for j in (0, 1):
        options = {"mean": "Constant", "dist": "t", "rescale": False}
        errors = arch_model(series[:, j] / unit[j], **options).fit(disp="off").std_err.to_numpy()
        for (key, power), error in zip(powers.items(), errors, strict=True):
            found, true = (value[key][j] / unit[j] ** power for value in (state, vars(TRUE)))
            assert abs(found - true) < 4.0 * error, key
    error = np.sqrt((6.0 + 4.0) / (6.0 + 2.0)) * (1.0 - 0.5**2) / np.sqrt(4000)  # of a t law
    assert abs(state["correlation"][0, 1] - 0.5) < 4.0 * error
    assert abs(np.log(state["joint_nu"] / 6.0)) < 0.4  # five times the spread of such fits


def test_garch_draws_the_stationary_law_it_has_fitted(series):
    model = GARCH(burn_in=300).fit(series, verbose=False)
    state, squares = (
        model.states[0],
        np.square(model.sample(10_000).astype(np.float64) - model.states[0]["mean"]),
    )
    exact = state["omega"] / (1.0 - state["alpha"] - state["beta"])
    error = squares.std(axis=0) / np.sqrt(len(squares))
    assert (np.abs(squares.mean(axis=0) - exact) < 4.0 * error).all()


def test_rows_without_order_have_a_constant_variance():
    x = np.random.default_rng(18).standard_t(5.0, (4000, 1))
    state = GARCH().fit(x, verbose=False).states[0]
    assert state["alpha"][0] < 0.05 and state["correlation"].tolist() == [[1.0]]
    y = GARCH(burn_in=100).fit(x, verbose=False).sample(10_000)[:, 0]
    assert stats.ks_2samp(y, x[:, 0]).pvalue > 1e-3


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "arch", None)
    with pytest.raises(InputError, match=r"needs the package arch.*'tailbench\[data\]'"):
        GARCH().fit(np.random.default_rng(19).standard_normal((200, 1)), verbose=False)
