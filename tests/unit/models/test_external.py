"""Models of other libraries, by import path."""

import os
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.mixture import GaussianMixture

from tailbench.exceptions import InputError
from tailbench.models import external
from tailbench.models.external import External
from tailbench.pipeline.config.parse import parse

MIXTURE = {"object": "sklearn.mixture:GaussianMixture", "options": {"n_components": 2}}
KDE = {"object": "sklearn.neighbors:KernelDensity", "options": {"bandwidth": 0.2}}


class Constant:
    """A model of the tests: its median, which it forgets to draw as a table."""

    def __init__(self, flat=False):
        self.flat = flat

    def fit(self, x):
        self.centre = np.median(x, axis=0)

    def sample(self, n, seed):
        drawn = self.centre + np.random.default_rng(seed).standard_normal((n, len(self.centre)))
        return drawn.ravel() if self.flat else drawn


class Half:
    def fit(self, x):
        return self


HERE = "external_models_of_the_tests"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setitem(sys.modules, HERE, sys.modules[__name__])
    monkeypatch.setenv(external.ALLOWED, "")


@pytest.fixture
def x():
    rng = np.random.default_rng(0)
    side = np.sign(rng.standard_normal((4000, 1)))
    return np.array([10.0, -3.0]) + side * np.array([4.0, 1.0]) + rng.standard_normal((4000, 2))


@pytest.mark.parametrize("units", ["data", "robust"])
def test_a_mixture_of_scikit_learn_is_that_mixture(x, units):
    drawn = External(**MIXTURE, units=units).fit(x, verbose=False).sample(20_000)
    theirs = GaussianMixture(2, random_state=0).fit(x)
    for sign in (-1, 1):
        lump = drawn[sign * (drawn[:, 0] - 10) > 0]
        centre = min(theirs.means_, key=lambda mean: abs(mean[0] - 10 - 4 * sign))
        np.testing.assert_allclose(lump.mean(0), centre, atol=0.06)
        np.testing.assert_allclose(lump.std(0), 1.0, atol=0.06)


def test_a_kernel_density_is_the_data_and_its_kernel(x):
    drawn = External(**KDE).fit(x, verbose=False).sample(300)
    nearest = np.array([np.linalg.norm(x - row, axis=1).min() for row in drawn])
    assert 0.01 < np.median(nearest) < 0.3  # in units of the data: a bandwidth of 0.2


def test_loaded_it_is_fitted_again_and_draws_the_same(x, tmp_path):
    model = External(**MIXTURE).fit(x, seed=3, verbose=False)
    model.save(tmp_path)
    assert np.array_equal(External.load(tmp_path).sample(50, seed=1), model.sample(50, seed=1))


def test_what_a_folder_names_is_not_run(x, tmp_path, monkeypatch):
    External(**MIXTURE).fit(x, verbose=False).save(tmp_path)
    monkeypatch.setenv(external.ALLOWED, "")
    with pytest.raises(InputError, match=r"would run 'sklearn\.mixture:GaussianMixture': if you"):
        External.load(tmp_path)
    external.allow(MIXTURE["object"])
    assert External.load(tmp_path).sample(3).shape == (3, 2)


def test_a_configuration_allows_what_it_names_and_checking_it_runs_nothing():
    named = "tailbench_no_such_package:Model"
    parse(
        {
            "seeds": ["0"],
            "datasets": {"gaussian_grid": {}},
            "models": {"mine": {"type": "external", "object": named}},
            "methods": {"mine": {"type": "external", "model": "mine"}},
        }
    )
    done = subprocess.run(
        [sys.executable, "-c", "from tailbench.models import external; print(external._allowed())"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == f"['{named}']"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"object": "no_such_package:Model"}, "'no_such_package:Model' cannot be imported"),
        ({"object": "sklearn.mixture:Nothing"}, "'sklearn.mixture:Nothing' cannot be imported"),
        ({"object": MIXTURE["object"], "options": {"k": 2}}, "cannot be made: .*'k'"),
        ({"object": f"{HERE}:Half"}, "has no sample"),
    ],
)
def test_what_cannot_be_used_is_said(x, given, message):
    with pytest.raises(InputError, match=message):
        External(**given).fit(x, verbose=False)


def test_samples_of_another_shape_are_refused(x):
    model = External(object=f"{HERE}:Constant", options={"flat": True}).fit(x, verbose=False)
    with pytest.raises(InputError, match=r"drew samples of shape \(2048,\) instead of \(1024, 2\)"):
        model.sample(10)


def test_it_is_given_a_seed_where_it_takes_one(x):
    model = External(object=f"{HERE}:Constant").fit(x, verbose=False)
    first = model.sample(10, seed=1)
    assert np.array_equal(first, model.sample(10, seed=1))
    assert not np.array_equal(first, model.sample(10, seed=2))


@pytest.mark.parametrize("path", ["os.system", "a:b;c", "../a:b", "a:b c", ":b"])
def test_an_import_path_has_a_module_and_a_name(path):
    with pytest.raises(ValidationError):
        External(object=path)
