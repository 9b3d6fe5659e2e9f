"""What rules tell Snakemake: the same as the plan says, for every job."""

import inspect
from collections import Counter

import pytest

from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.resources import ResourceRequest
from tailbench.pipeline.planning.snakemake_values import Directives, mem_mb, runtime

RAW = {
    "seeds": ["0"],
    "datasets": {"a": {"type": "alpha_stable"}, "b": {"type": "alpha_stable", "dim": 3}},
    "models": {"sgm": {}, "flow": {}},
    "methods": {"sgm": {}, "flow": {}, "flow_sgm": {}},
    "processes": {"flow": 2},
}


@pytest.fixture(scope="module")
def tell():
    return Directives(Plan(parse(RAW)))


def test_value_of_each_name_is_computed_once(tell):
    asked = Counter()

    def length(*names):
        asked[names] += 1
        return [*names]

    told = tell.per_wildcards(length, "dataset", "block")
    for dataset in "abab":
        wildcards = {"dataset": dataset, "method": "sgm", "block": "0"}
        assert told(wildcards) == [dataset, "0"]
    assert asked == {("a", "0"): 1, ("b", "0"): 1}


def test_what_all_names_agree_on_is_a_value(tell):
    plan = tell.plan
    assert tell.constant_or_callable(lambda dataset: 7, "dataset") == 7
    assert tell.constant_or_callable(lambda dataset: None, "dataset") is None
    assert tell.constant_or_callable(plan.processes_for, "dataset", "method") == 1


def test_what_names_do_not_agree_on_is_a_function(tell):
    plan = tell.plan
    told = tell.constant_or_callable(plan.processes, "model")
    assert [told({"model": name}) for name in plan.models] == [1, 2]
    both = tell.constant_or_callable(lambda dataset, method: (dataset, method), "dataset", "method")
    assert both({"method": "flow", "dataset": "b", "block": "0"}) == ("b", "flow")


def test_nothing_to_agree_on():
    tell = Directives(Plan(parse({"theory": {"score_error": {}}})))
    assert callable(tell.constant_or_callable(lambda dataset: 1, "dataset"))


def test_needs_follow_the_attempt():
    def need(dataset, block):
        return ResourceRequest(memory=1000 * len(dataset), minutes=int(block))

    wildcards = ["ab", "15"]
    assert [mem_mb(need)(wildcards, attempt) for attempt in (1, 3)] == [2000, 6000]
    assert [runtime(need)(wildcards, attempt) for attempt in (1, 3)] == [15, 45]


def test_functions_know_the_signature_that_snakemake_asks_for(tell):
    def need(dataset, block):
        return ResourceRequest(1, 1)

    for function, names in (
        (tell.per_wildcards(len, "dataset"), ["wildcards"]),
        (mem_mb(need), ["wildcards", "attempt"]),
        (runtime(need), ["wildcards", "attempt"]),
    ):
        assert list(inspect.signature(function).parameters) == names
        assert inspect.signature(function) is inspect.signature(function)
