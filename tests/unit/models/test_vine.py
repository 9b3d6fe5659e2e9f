"""Vine copulas; what needs pyvinecopulib is skipped where it is not installed."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tailbench.data import DataShape
from tailbench.models.vine import Vine
from tailbench.stats.exchangeable_copula import ExchangeableCopula


@pytest.fixture
def library():
    return pytest.importorskip("pyvinecopulib", reason="vine needs pyvinecopulib")


def mixed_pairs(n, seed=0):
    """A pair that is extreme together below, and a third column apart from them."""
    p, _ = ExchangeableCopula("clayton", 3.0).draw(n, 2, np.random.default_rng(seed))
    other = np.random.default_rng(seed + 1).standard_t(2.0, n)
    return np.column_stack([-np.log(p), other])


def share(x, level, columns):
    """How often two columns are beyond a level together, over the level's rest."""
    beyond = x[:, columns] > np.quantile(x[:, columns], level, axis=0)
    return np.mean(beyond.all(axis=1)) / (1 - level)


def test_each_pair_has_its_own_dependence(library):
    model = Vine().fit(mixed_pairs(10_000), verbose=False)
    x = model.sample(100_000)
    exact = ExchangeableCopula("clayton", 3.0)
    assert abs(share(x, 0.99, [0, 1]) - exact.chi(0.99, "lower")) < 0.05
    assert abs(share(-x, 0.99, [0, 1]) - exact.chi(0.99, "upper")) < 0.03
    assert share(x, 0.99, [0, 2]) < 0.04
    assert (x[:, :2] > 0).all() and np.abs(x[:, 2]).max() > 30
    families = {pair["fam"] for pair in pairs(model)}
    assert families <= {"Clayton", "Independence"} and "Clayton" in families


def pairs(model):
    trees = json.loads(model.states[0]["vine"])["pair copulas"]
    return [pair for tree in trees.values() for pair in tree.values()]


def test_it_finds_the_student_copula(library):
    p, _ = ExchangeableCopula("t", 0.5, 2.5).draw(10_000, 3, np.random.default_rng(0))
    x = Vine(families=("gaussian", "student")).fit(p, verbose=False).sample(100_000)
    exact = ExchangeableCopula("t", 0.5, 2.5).chi(0.99)
    for columns in ([0, 1], [0, 2], [1, 2]):
        assert abs(share(x, 0.99, columns) - exact) < 0.04


def test_rain_keeps_its_dependence(library):
    """Latent Student-t columns, two of three cut at one half, as by days without rain."""
    exact = ExchangeableCopula("t", 0.6, 4.0)
    p, _ = exact.draw(10_000, 3, np.random.default_rng(0))
    x = -np.log1p(-p)
    x[:, :2] = np.maximum(x[:, :2] - np.log(2.0), 0.0)
    model = Vine(families=("student",)).fit(x, verbose=False)
    drawn = model.sample(50_000)
    for columns in ([0, 1], [0, 2], [1, 2]):
        assert abs(share(drawn, 0.98, columns) - exact.chi(0.98)) < 0.07
    both = exact.chi(0.5, "lower") * 0.5
    assert abs(np.mean((drawn[:, :2] == 0).all(axis=1)) - both) < 0.02
    for pair in pairs(model)[:2]:
        rho, nu = pair["par"]["data"]
        assert abs(rho - 0.6) < 0.03 and 3.2 < nu < 5.0


def test_runs_of_one_seed_are_equal_to_the_bit(library):
    x = mixed_pairs(500)
    first, second = (Vine().fit(x, seed=4, verbose=False) for _ in range(2))
    assert first.states[0]["vine"] == second.states[0]["vine"]
    assert np.array_equal(first.sample(3000, seed=7), second.sample(3000, seed=7))
    assert not np.array_equal(first.sample(50, seed=7), first.sample(50, seed=8))


def test_settings_choose_families_and_trees(library):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1000, 5)) + rng.standard_normal((1000, 1))
    model = Vine(families=("frank",), truncation=1).fit(x, verbose=False)
    assert {pair["fam"] for pair in pairs(model)} == {"Frank"}
    assert len(pairs(model)) == Vine(truncation=1).settings.pairs(5) == 4
    assert len(pairs(Vine(families=("gaussian",)).fit(x, verbose=False))) == 10


def test_the_state_is_text_and_arrays(library, tmp_path):
    model = Vine().fit(mixed_pairs(500), verbose=False)
    model.save(tmp_path)
    spec = json.loads((tmp_path / "spec.json").read_text())
    assert json.loads(spec["states"][0]["texts"]["vine"]).keys() >= {"pair copulas", "structure"}
    assert np.array_equal(Vine.load(tmp_path).sample(99), model.sample(99))


def test_more_pairs_cost_more():
    data = DataShape(1000, 20)
    costs = [Vine(truncation=t).settings.cost(data).operations for t in (1, 3, None)]
    assert costs == sorted(costs) and costs[0] < costs[2] / 5
    assert Vine().settings.pairs(20) == 190 and Vine(truncation=30).settings.pairs(20) == 190


@pytest.mark.parametrize(
    "bad", [{"families": ()}, {"families": ("bb1",)}, {"truncation": 0}, {"threshold": 0.5}]
)
def test_bad_settings(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        Vine(**bad)


def test_without_the_package_it_says_so():
    code = """
import sys
sys.modules["pyvinecopulib"] = None
import numpy as np
from tailbench.exceptions import InputError
from tailbench.models.vine import Vine
try:
    Vine().fit(np.random.default_rng(0).standard_normal((50, 2)), verbose=False)
except InputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "the model 'vine' needs the package pyvinecopulib: pip install 'tailbench[vine]' "
        "(it has no wheels for Linux on ARM)\n"
    )
