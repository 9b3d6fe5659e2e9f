"""Which methods suit a table."""

import numpy as np
import pytest

from tailbench import registry
from tailbench.choosing.candidates import Method, batch_rows, candidates
from tailbench.choosing.table_facts import facts_of
from tailbench.models.on_support import OnSupport

ALWAYS = ["bootstrap", "gaussian", "mvt", "copula_gpd", "kde"]


def names(x, rows=None):
    found, why = candidates(facts_of(x), rows or len(x))
    assert not {method.name for method in found} & set(why)
    return [method.name for method in found], why


def test_classical_methods_are_always_there():
    rng = np.random.default_rng(0)
    for shape in ((130, 1), (130, 20), (1000, 50), (5000, 3)):
        found, _ = names(rng.standard_normal(shape))
        assert [name for name in found if name in ALWAYS] == ALWAYS


def test_size_decides():
    rng = np.random.default_rng(0)
    networks = ["flow", "fm", "sgm", "flow_sgm"]
    found, why = names(rng.standard_normal((150, 10)))
    assert found == ALWAYS and set(why) == {"mvt_mixture", *networks}
    found, why = names(rng.standard_normal((1000, 3)))
    assert found == [*ALWAYS[:4], "mvt_mixture", "kde", *networks] and not why


def by_name(x):
    return {method.name: method for method in candidates(facts_of(x), 2000)[0]}


def test_tails_decide():
    rng = np.random.default_rng(0)
    for x, margins in (
        (rng.pareto(0.9, (2000, 2)), "tail"),
        (rng.standard_normal((2000, 2)), "none"),
    ):
        found = by_name(x)
        assert found["fm"].settings["margins"] == found["sgm"].settings["margins"] == margins
        assert found["flow_sgm"].settings["sgm_settings"]["margins"] == margins


def test_all_but_the_control_are_behind_bounds_and_atoms():
    rng = np.random.default_rng(0)
    two_sided, losses = rng.standard_t(3, 2000), rng.pareto(1.5, 2000)
    rain = np.where(rng.random(2000) < 0.4, 0.0, losses)
    assert not any(m.support or m.atoms for m in by_name(two_sided).values())
    for x, atoms in ((losses, None), (rain, "auto")):
        found = by_name(np.stack([two_sided, x], axis=1))
        assert {"flow", "fm", "sgm", "flow_sgm"} < set(found)
        control = found.pop("bootstrap")
        assert control.support is None and control.atoms is None
        for method in found.values():
            assert method.support == {"1": (0.0, np.inf)} and method.atoms == atoms
            model = method.build(7 if method.trained else None)
            assert isinstance(model, OnSupport) and model.name == method.name
    rounded = by_name(np.where(two_sided > 1, 1.0, two_sided))["mvt"]
    assert rounded.atoms == "auto" and rounded.support == {"0": (-np.inf, 1.0)}


@pytest.mark.parametrize("name", ["flow", "fm", "sgm", "flow_sgm"])
def test_a_network_behind_bounds_keeps_to_them(name):
    """After a few steps, when it has not learned where the data end."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.pareto(1.5, 400), 1e6 - rng.pareto(3.0, 400), rng.standard_t(3, 400)], axis=1)
    x[:40, 1] = 1e6  # a limit
    model = by_name(x)[name].build(5).fit(x, verbose=False)
    samples = model.sample(500, seed=0)
    assert (samples[:, 0] >= 0).all() and (samples[:, 1] <= 1e6).all()
    assert (samples[:, 1] == 1e6).any() and samples[:, 2].min() < 0 < samples[:, 2].max()


@pytest.mark.parametrize(("rows", "batch"), [(16, 8), (100, 32), (300, 128), (10**6, 256)])
def test_a_batch_is_a_part_of_the_rows(rows, batch):
    assert batch_rows(rows) == batch <= rows / 2


def test_steps_reach_all_parts():
    x = np.random.default_rng(0).standard_normal((1000, 2))
    for method in candidates(facts_of(x), 800)[0]:
        model = method.build(77 if method.trained else None)
        assert isinstance(model, registry.load("models", method.name))
        if method.name == "flow_sgm":
            steps = {flow.settings.train_steps for flow in model.flows.values()}
            assert steps | {model.sgm.settings.train_steps} == {77}
        elif method.trained:
            assert model.settings.train_steps == 77
    assert Method("mvt").build().settings == registry.load("models", "mvt")().settings
