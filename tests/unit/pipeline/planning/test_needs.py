"""Methods that sample from more than trained models: data, and the exact law of a target."""

import json

import pytest

from tailbench.data import DataShape
from tailbench.models.oracle import OracleSampling
from tailbench.pipeline.config.model import ConfigError
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.resources import JobResources, sampling
from tailbench.pipeline.planning.summary import describe

RAW = {
    "seeds": ["0-1"],
    "datasets": {
        "stable": {"type": "alpha_stable"},
        "gmm": {},
        "returns": {"methods": ["sgm", "exact_start"]},
    },
    "models": {"sgm": {}},
    "methods": {
        "sgm": {},
        "oracle": {},
        "from_data": {"type": "oracle", "start": "data", "sigma_T": [1, 2]},
        "exact_start": {"type": "oracle_start"},
    },
    "metrics": {"msle": {}},
    "figures": [],
}


@pytest.fixture(scope="module")
def plan():
    return Plan(parse(RAW))


def files(plan, method, dataset="stable"):
    return [
        path.removeprefix("results/benchmark/")
        for path in plan.inputs.sample(dataset, method, "0-1")
    ]


def test_inputs(plan):
    data, model = "data/stable/0-1", "models/stable/sgm/0-1"
    trained = [f"{model}/model.safetensors", f"{model}/spec.json"]
    assert files(plan, "sgm") == trained
    assert files(plan, "oracle") == [f"{data}/train.npy"]
    assert files(plan, "from_data") == [f"{data}/train.npy", f"{data}/floor.npy"]
    assert files(plan, "exact_start") == [*trained, f"{data}/floor.npy"]


def test_the_code_of_the_target_counts_where_it_is_sampled_from(plan):
    for method in ("oracle", "from_data"):
        assert plan.code("sample", method, "stable") != plan.code("sample", method, "gmm")
    for method in ("sgm", "exact_start"):
        assert plan.code("sample", method, "stable") == plan.code("sample", method, "gmm")


def test_without_a_model_there_is_one_process_and_nothing_is_trained(plan):
    assert plan.processes_of("oracle") == 1 and plan.models_of("oracle") == []
    assert {model for _, model, _ in plan.trainings()} == {"sgm"}
    assert describe(plan)["methods"]["oracle"] == {"type": "oracle", "models": []}


def test_resources(plan):
    need = JobResources(plan).sample("gmm", "oracle", "0-1")
    assert need.memory >= 900 and need.minutes > 10
    few, many = (
        sampling(OracleSampling(sampling_steps=steps), [], DataShape(20_000, 20), 3)
        for steps in (10, 1000)
    )
    assert many.minutes > few.minutes


def test_a_dataset_without_an_exact_score_is_refused():
    datasets = {**RAW["datasets"], "returns": {}}
    with pytest.raises(ConfigError) as caught:
        parse({**RAW, "datasets": datasets}, "c.yaml")
    assert str(caught.value) == (
        "c.yaml: datasets.returns: the method 'oracle' needs the exact score of data plus noise, "
        "which is not known of the type 'returns'; leave the method out of datasets.returns.methods"
    )


def test_a_completed_configuration_is_read_again(plan):
    assert parse(plan.config.raw()).methods == plan.config.methods


TRUTH = {
    "datasets": {
        "cauchy": {"type": "alpha_stable", "alpha": 1.0},
        "mixture": {"type": "student_mixture", "nu": 3.0},
    },
    "models": {"t_edm": {"nu": "truth"}, "same": {"type": "t_edm", "nu": 3.0}},
    "methods": {"t_edm": {}, "same": {"type": "t_edm", "model": "same"}},
}


def test_a_training_is_told_the_index_of_its_target():
    """The number is in the job's specification, as if it had been written."""
    made = Plan(parse(TRUTH)).specs
    assert json.loads(made.train("t_edm", "cauchy"))["nu"] == 1.0
    assert made.train("t_edm", "mixture") == made.train("same", "mixture")
    assert json.loads(made.train("t_edm"))["nu"] == "truth"
    assert made.train("same", "cauchy") == made.train("same")


@pytest.mark.parametrize("data", [{"type": "gmm"}, {"type": "returns"}])
def test_the_index_of_data_that_have_none_is_a_mistake(data):
    expected = (
        "c.yaml: models.t_edm.nu: 'truth' needs data with a known, finite tail index of the norm; "
        f"the type '{data['type']}' of datasets.other has none, so leave the method out of "
        "datasets.other.methods"
    )
    datasets = TRUTH["datasets"] | {"other": data}
    with pytest.raises(ConfigError) as caught:
        parse(TRUTH | {"datasets": datasets}, "c.yaml")
    assert str(caught.value) == expected
    without = {**data, "methods": ["same"]}
    parse(TRUTH | {"datasets": TRUTH["datasets"] | {"other": without}}, "c.yaml")
