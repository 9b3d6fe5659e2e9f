"""Which methods suit a table."""

import numpy as np
import pytest

from tailbench import registry
from tailbench.choosing.candidates import Method, batch_rows, candidates
from tailbench.choosing.table_facts import facts_of

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


def test_bounds_and_tails_decide():
    rng = np.random.default_rng(0)
    losses = rng.pareto(0.9, (2000, 2))
    found, why = names(losses)
    assert not {"flow", "flow_sgm"} & set(found) and "bounds" in why["flow"]
    by_name = {method.name: method.settings for method in candidates(facts_of(losses), 2000)[0]}
    assert by_name["fm"]["margins"] == by_name["sgm"]["margins"] == "tail"
    light = candidates(facts_of(rng.standard_normal((2000, 2))), 2000)[0]
    by_name = {method.name: method.settings for method in light}
    assert by_name["fm"]["margins"] == by_name["sgm"]["margins"] == "none"


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
