import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tailbench.exceptions import InputError
from tailbench.interfaces import Target
from tailbench.stats.quantiles import invert, mixture_quantiles
from tailbench.targets.alpha_stable import AlphaStable
from tailbench.targets.base import BaseTarget, TargetSettings
from tailbench.targets.gaussian_grid import GaussianGrid
from tailbench.targets.gmm import GMM
from tailbench.targets.student_mixture import StudentMixture
from tailbench.targets.student_nuisance import StudentNuisance

CASES = {
    "stable": AlphaStable(),
    "cauchy": AlphaStable(alpha=1.0),
    "cauchy apart": AlphaStable(alpha=1.0, isotropic=False, dim=3),
    "stable 2": AlphaStable(alpha=2.0),
    "grid": GaussianGrid(),
    "gmm": GMM(),
    "gmm 2": GMM(dim=2),
    "student": StudentMixture(),
    "student 100": StudentMixture(dim=100),
    "nuisance": StudentNuisance(),
    "nuisance 1": StudentNuisance(nu=1.0, dim=2),
}


UNKNOWN = {"stable"}
"""Laws whose density has no closed form."""


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def target(request):
    return request.param


@pytest.fixture(params=[name for name in CASES if name not in UNKNOWN])
def known(request):
    """A law whose density is known."""
    return CASES[request.param]


def test_keeps_the_protocol(target):
    assert isinstance(target, Target)
    assert target.target() is target
    assert target.tail_index().shape == (target.dim,)
    assert target.settings.n_train == target.settings.n_test == 20000


def test_samples(target):
    x = target.sample(7, np.random.default_rng(0))
    assert x.shape == (7, target.dim) and x.dtype == np.float64
    assert np.array_equal(x, target.sample(7, np.random.default_rng(0)))


def test_samples_follow_the_marginal_quantiles(target):
    n = 20_000
    x = target.sample(n, np.random.default_rng(1))
    edges = target.quantile(np.arange(1, 40) / 40)
    assert edges.shape == (target.dim, 39)
    values = []
    for column, cuts in zip(x.T, edges, strict=True):
        counts = np.bincount(np.searchsorted(cuts, column), minlength=40)
        values.append(stats.chisquare(counts).pvalue)
    assert min(values) > 1e-3 / target.dim


def test_quantiles_rise_from_minus_to_plus_infinity(target):
    p = np.concatenate([[0, 1e-12, 1e-6], np.linspace(0.001, 0.999, 50), [1 - 1e-6, 1]])
    q = target.quantile(p)
    assert np.all(np.diff(q, axis=1) > 0)
    assert np.all(q[:, 0] == -np.inf) and np.all(q[:, -1] == np.inf)
    assert np.allclose(q[:, [20, 3]], target.quantile(p[[20, 3]]), rtol=1e-11)


def numerical_score(target, x, step):
    columns = []
    for j in range(target.dim):
        move = np.zeros(target.dim)
        move[j] = step
        columns.append((target.log_prob(x + move) - target.log_prob(x - move)) / (2 * step))
    return np.stack(columns, axis=1)


def test_score_is_the_gradient(known):
    x = known.sample(5, np.random.default_rng(2))
    assert known.log_prob(x).shape == (5,) and known.score(x).shape == x.shape
    score = known.score(x)
    assert np.allclose(score, numerical_score(known, x, 1e-6), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_what_has_no_closed_form_is_unknown(name):
    x = CASES[name].sample(5, np.random.default_rng(2))
    assert CASES[name].log_prob(x) is None and CASES[name].score(x) is None


def test_score_is_the_gradient_far_out(known):
    direction = np.random.default_rng(3).normal(size=(4, known.dim))
    x = 1e6 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    score = known.score(x)
    assert np.isfinite(score).all() and np.isfinite(known.log_prob(x)).all()
    assert np.all(np.sum(score * x, axis=1) < 0)
    expected = numerical_score(known, x, 300.0)
    # Rounding of a log-density of order 1e14 between Gaussian modes limits the difference.
    assert np.allclose(score, expected, rtol=2e-5, atol=2e-5 * np.abs(score).max())


def test_density_integrates_to_the_quantiles():
    """A density on the line, from its own quantiles: the mass between them is right."""
    target = StudentMixture(dim=1)
    a, b = target.quantile([0.2, 0.9])[0]
    x = np.linspace(a, b, 20001)
    density = np.exp(target.log_prob(x[:, None]))
    assert np.trapezoid(density, x) == pytest.approx(0.7, abs=1e-6)


def test_splits_are_independent_and_fixed():
    target = AlphaStable(n_train=50, n_test=30)
    one, again, other = target.splits("a", 3), target.splits("a", 3), target.splits("a", 4)
    assert one.train.shape == (50, 2) and one.test.shape == one.floor.shape == (30, 2)
    assert list(one.columns) == ["x1", "x2"]
    for part in ("train", "test", "floor"):
        assert np.array_equal(getattr(one, part), getattr(again, part))
        assert not np.array_equal(getattr(one, part), getattr(other, part))
        assert not np.array_equal(getattr(one, part), getattr(target.splits("b", 3), part))
    assert not np.array_equal(one.test, one.floor)
    assert not np.array_equal(one.train[:30], one.test)
    with pytest.raises(FrozenInstanceError):
        one.train = one.test


def test_test_data_do_not_depend_on_the_number_of_training_points():
    few, many = (GaussianGrid(n_train=n, n_test=30).splits("a", 0) for n in (10, 1000))
    assert np.array_equal(few.test, many.test) and np.array_equal(few.floor, many.floor)


def test_data_beyond_single_precision_are_refused():
    with pytest.raises(InputError, match="'wild' gives values beyond single precision"):
        AlphaStable(alpha=0.05).splits("wild", 0)


def test_too_few_training_points_are_refused():
    GMM(n_train=64).check(64)
    with pytest.raises(InputError, match="n_train of the target 'gmm' is 63, fewer than the 64"):
        GMM(n_train=63).check(64)


def test_settings_object_or_single_settings():
    assert GMM(GMM.Settings(dim=3)).dim == 3
    with pytest.raises(TypeError, match="not both"):
        GMM(GMM.Settings(), dim=3)
    with pytest.raises(ValueError, match="n_train"):
        GMM(n_train=1)


def test_the_base_knows_nothing():
    class Line(BaseTarget):
        dim = 1

    target = Line()
    x = np.zeros((2, 1))
    unknown = [target.tail_index(), target.norm_tail_index(), target.quantile([0.5])]
    unknown += [target.log_prob(x), target.score(x), target.modes()]
    assert unknown == [None] * 6
    with pytest.raises(NotImplementedError):
        target.sample(1, np.random.default_rng(0))


def test_every_setting_is_described():
    for case in [*CASES.values(), BaseTarget]:
        for name, field in case.Settings.model_fields.items():
            assert field.description, f"{case.Settings.__name__}.{name}"
    assert issubclass(AlphaStable.Settings, TargetSettings)


@settings(max_examples=100, deadline=None)
@given(
    loc=st.lists(st.floats(-50, 50), min_size=1, max_size=4),
    nu=st.floats(0.5, 30),
    p=st.floats(1e-9, 1 - 1e-9),
    data=st.data(),
)
def test_mixture_quantiles_invert_the_distribution_function(loc, nu, p, data):
    scale = data.draw(st.lists(st.floats(0.1, 10), min_size=len(loc), max_size=len(loc)))
    weights = np.arange(1.0, len(loc) + 1)
    weights /= weights.sum()
    law = stats.t(nu)
    x = mixture_quantiles(
        [p],
        weights,
        np.array(loc),
        np.array(scale),
        lambda z: law.logsf(z),
        lambda z: law.logpdf(z),
        lambda q: law.isf(q),
    )[0]
    z = (x - np.array(loc)) / np.array(scale)
    below, above = weights @ law.cdf(z), weights @ law.sf(z)
    assert below == pytest.approx(p, rel=1e-8) or above == pytest.approx(1 - p, rel=1e-8)


def test_inversion_falls_back_to_bisection():
    """A tail with a flat part, where the density is zero and Newton's step infinite."""

    def tail(z):
        with np.errstate(divide="ignore"):
            height = np.where(z < 1, 1 - 0.5 * z, np.where(z < 3, 0.5, np.maximum(2 - 0.5 * z, 0)))
            return np.log(height), np.log(np.where((z < 1) | (z > 3), 0.5, 0.0))

    found = invert(tail, np.array([0.75, 0.25]), np.zeros(2), np.full(2, 4.0))
    assert np.allclose(found, [0.5, 3.5])


def test_importing_is_light():
    code = (
        "import sys, tailbench.targets.alpha_stable, tailbench.targets.student_mixture, "
        "tailbench.targets.student_nuisance, tailbench.targets.gmm, "
        "tailbench.targets.gaussian_grid, tailbench.datasets.file, tailbench.datasets.returns\n"
        "heavy = {'scipy', 'pandas', 'torch', 'arch', 'pyarrow', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_single_precision_is_widened(known):
    x = known.sample(4, np.random.default_rng(8)).astype(np.float32)
    assert known.log_prob(x).dtype == known.score(x).dtype == np.float64
    assert np.array_equal(known.log_prob(x), known.log_prob(x.astype(np.float64)))
