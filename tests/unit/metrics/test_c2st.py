import sys

import numpy as np
import pytest
from scipy.stats import norm

from tailbench.exceptions import InputError
from tailbench.metrics.c2st import ClassifierTwoSample

FAST = {"trees": 30}


def gaussian(n, rng, rho):
    return rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)


def test_equal_laws_are_told_apart_as_by_a_coin():
    rng = np.random.default_rng(0)
    n, found = 1500, []
    for _ in range(6):
        x, y = rng.standard_t(1, (2, n, 3))
        found.append(ClassifierTwoSample(**FAST)(x, y, None, rng))
    # The standard error of an area between n and n points is about 1 / sqrt(6 n).
    error = 1 / np.sqrt(6 * n) / np.sqrt(6)
    assert np.mean([v["c2st_auc"] for v in found]) == pytest.approx(0.5, abs=4 * error)
    assert np.mean([v["c2st_tv"] for v in found]) == pytest.approx(0, abs=8 * error)


def test_a_shift_reaches_the_best_that_can_be_learnt(rng):
    """Of ``N(0, 1)`` and ``N(s, 1)``: area ``Phi(s / sqrt 2)``, distance ``2 Phi(s / 2) - 1``."""
    x, y = rng.normal(1.5, 1, (5000, 1)), rng.normal(0, 1, (5000, 1))
    values = ClassifierTwoSample(**FAST)(x, y, None, rng)
    assert values["c2st_auc"] == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.015)
    assert values["c2st_tv"] == pytest.approx(2 * norm.cdf(0.75) - 1, abs=0.025)


def test_a_change_of_copula_alone_is_seen(rng):
    x, y = gaussian(4000, rng, 0.0), gaussian(4000, rng, 0.7)
    assert ClassifierTwoSample(**FAST)(x, y, None, rng)["c2st_auc"] > 0.65


def test_rising_maps_of_columns_change_nothing(rng):
    x, y = gaussian(800, rng, 0.2), gaussian(700, rng, 0.7)
    plain, mapped = (
        ClassifierTwoSample(**FAST)(*pair, None, np.random.default_rng(1))
        for pair in ((x, y), (1e6 * x**3, 1e6 * y**3))
    )
    assert plain == mapped


def test_too_few_rows(rng):
    with pytest.raises(ValueError, match="3 rows are too few for 5 folds"):
        ClassifierTwoSample()(*rng.normal(size=(2, 3, 2)), None, rng)


def test_without_scikit_learn(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(InputError, match=r"needs scikit-learn: pip install 'tailbench\[data\]'"):
        ClassifierTwoSample()(*rng.normal(size=(2, 30, 2)), None, rng)
