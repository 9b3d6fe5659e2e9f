"""Which jobs of the smoke preset run again after a change of the configuration.

A job runs again where its parameters have changed or a job runs again of which it takes files.
tests/workflow/test_partial.py holds some of these against Snakemake.
"""

import copy

import pytest
import yaml

from repository import ROOT
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan

SMOKE = yaml.safe_load((ROOT / "presets" / "smoke.yaml").read_text())
DATASETS = ("alpha_stable", "returns")
MODELS, METHODS = ("sgm", "flow"), ("sgm", "flow", "flow_sgm")


def jobs(plan):
    """Map each job, by rule, dataset, name and block, to its parameters and the jobs it needs."""
    made = {}
    for dataset in plan.config.datasets:
        for block in plan.blocks_on(dataset):
            data = ("data", dataset, "", block)
            made[data] = (plan.specs.data(dataset), set())
            made["floor", dataset, "", block] = (plan.specs.evaluate(dataset), {data})
    for dataset, model, block in plan.trainings():
        needs = {("data", dataset, "", block)}
        made["train", dataset, model, block] = (plan.specs.train(model), needs)
    for cell in plan.cells():
        where = (cell.dataset, cell.method, cell.block)
        models = plan.models_of(cell.method)
        trained = {("train", cell.dataset, model, cell.block) for model in models}
        made["sample", *where] = (plan.specs.sample(cell.method), trained)
        needs = {("sample", *where), ("data", cell.dataset, "", cell.block)}
        made["evaluate", *where] = (plan.specs.evaluate(cell.dataset), needs)
    return made


def rerun(change):
    """Compute the jobs that run again after a change, and whether the rest is gathered again."""
    config = copy.deepcopy(SMOKE)
    change(config)
    before, after = (Plan(parse(raw)) for raw in (SMOKE, config))
    old, new = jobs(before), jobs(after)
    again = set()
    for job, (spec, needs) in new.items():  # which come in the order in which they run
        if job not in old or old[job][0] != spec or needs & again:
            again.add(job)
    return again, before.config.text() != after.config.text()


def expected(*rules, names=METHODS, datasets=DATASETS, block="0-1"):
    """Name the jobs of some rules for models or methods, on some datasets."""
    return {
        (rule, dataset, name, block)
        for rule in rules
        for dataset in datasets
        for name in ([""] if rule in ("data", "floor") else names)
    }


def everything(datasets=DATASETS, block="0-1"):
    return (
        expected("data", "floor", datasets=datasets, block=block)
        | expected("train", names=MODELS, datasets=datasets, block=block)
        | expected("sample", "evaluate", datasets=datasets, block=block)
    )


def set_steps_of_flow(config):
    config["models"]["flow"]["train_steps"] += 1


def set_steps_of_sampling(config):
    config["methods"]["flow_sgm"]["sampling_steps"] = 9


def add_block(config):
    config["seeds"] = [*config["seeds"], "2"]


def add_dataset(config):
    config["datasets"]["gaussian_grid"] = {"n_train": 1000, "n_test": 1000}


def add_method(config):
    config["methods"]["ode"] = {"type": "sgm", "sampler": "heun", "sampling_steps": 4}


def add_method_with_model(config):
    config["models"]["wide"] = {**config["models"]["sgm"], "type": "sgm", "width": 48}
    config["methods"]["wide"] = {"type": "sgm", "model": "wide", "sampling_steps": 4}


def add_method_on_one_dataset(config):
    add_method(config)
    config["datasets"]["returns"] = {"methods": ["sgm", "flow", "flow_sgm"]}


def remove_method(config):
    del config["methods"]["flow_sgm"]


def remove_dataset(config):
    del config["datasets"]["returns"]


def set_dataset(config):
    config["datasets"]["alpha_stable"]["alpha"] = 1.5


def set_metric(config):
    config["metrics"]["sliced_wasserstein"]["directions"] += 1


def set_threads(config):
    config["threads"] = 2


CHANGES = {
    set_steps_of_flow: expected("train", names=["flow"])
    | expected("sample", "evaluate", names=["flow", "flow_sgm"]),
    set_steps_of_sampling: expected("sample", "evaluate", names=["flow_sgm"]),
    add_block: everything(block="2"),
    add_dataset: everything(["gaussian_grid"]),
    add_method: expected("sample", "evaluate", names=["ode"]),
    add_method_with_model: expected("train", "sample", "evaluate", names=["wide"]),
    add_method_on_one_dataset: expected(
        "sample", "evaluate", names=["ode"], datasets=["alpha_stable"]
    ),
    remove_method: set(),
    remove_dataset: set(),
    set_dataset: everything(["alpha_stable"]),
    set_metric: expected("evaluate", "floor"),
    set_threads: set(),
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_reruns_what_depends_on_it(change):
    assert rerun(change) == (CHANGES[change], True)


def test_defaults_that_are_written_and_the_order_change_nothing():
    def change(config):
        config["models"]["flow"]["tails"] = "auto"
        config["models"] = dict(reversed(config["models"].items()))
        config["models"]["sgm"] = dict(reversed(config["models"]["sgm"].items()))

    assert rerun(change) == (set(), False)
