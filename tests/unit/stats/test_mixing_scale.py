"""The random scale that makes Student-t vectors of Gaussian ones."""

import numpy as np
import pytest
from scipy import stats

from tailbench.stats.student import mixing_scale, quartile_ratio


@pytest.mark.parametrize("nu", [0.5, 1.0, 3.0, 30.0])
def test_is_the_inverse_root_of_chi_square(nu):
    u = np.array([1e-12, 1e-3, 0.5, 0.999])
    kappa = stats.chi2.ppf(u, nu) / nu
    np.testing.assert_allclose(mixing_scale(u, nu), kappa**-0.5, rtol=1e-9)


@pytest.mark.parametrize("nu", [0.7, 2.5])
def test_makes_student_vectors(nu):
    rng = np.random.default_rng(0)
    x = mixing_scale(rng.uniform(size=20_000), nu) * rng.standard_normal(20_000)
    assert stats.kstest(x, stats.t(nu).cdf).pvalue > 0.01


def test_each_seed_has_its_own():
    u = np.full((3, 4, 1), 0.3)
    found = mixing_scale(u, np.array([2.0, 1e6, np.inf]).reshape(3, 1, 1))
    assert found.shape == (3, 4, 1)
    assert found[:, 0, 0] == pytest.approx([mixing_scale(u[0, 0], 2.0)[0], 1.0, 1.0], rel=2e-3)
    assert found[2, 0, 0] == 1.0


@pytest.mark.parametrize(("nu", "ratio"), [(1.0, 1.0 / stats.norm.ppf(0.75)), (np.inf, 1.0)])
def test_quartiles(nu, ratio):
    assert quartile_ratio(nu) == pytest.approx(ratio, rel=1e-12)
    assert quartile_ratio(1e7) == pytest.approx(1.0, abs=1e-6)
