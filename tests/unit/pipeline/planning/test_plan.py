"""The plan: which jobs there are, and what each depends on."""

import json
import re

import pytest

from repository import ROOT
from tailbench.pipeline.config.model import ConfigError
from tailbench.pipeline.config.parse import load, parse
from tailbench.pipeline.planning.plan import Cell, Plan
from tailbench.pipeline.planning.summary import describe, stages

RAW = {
    "seeds": ["0-1", "2"],
    "datasets": {"stable": {"type": "alpha_stable"}, "gmm": {"methods": ["sgm", "both"]}},
    "models": {"sgm": {}, "flow": {}, "unused": {"type": "sgm"}},
    "methods": {
        "sgm": {},
        "ode": {"type": "sgm", "sampler": "heun", "sampling_steps": [4, 8]},
        "flow": {},
        "both": {"type": "flow_sgm", "sigma_T": 1},
        "noisy": {"type": "flow_sgm", "start": "noisy_flow", "sigma_T": [0.5, 2]},
    },
    "metrics": {"msle": {}, "tail_ks": {}},
    "figures": ["survival", "training", "comparison"],
}
SECTIONS = ("datasets", "models", "methods", "metrics")


def raw(**changes):
    """The configuration with the settings of some entries changed: ``models={"sgm": {...}}``."""
    made = json.loads(json.dumps(RAW))
    for section, value in changes.items():
        if section in SECTIONS:
            for name, settings in value.items():
                made[section].setdefault(name, {}).update(settings)
        else:
            made[section] = value
    return made


def plan(**changes):
    return Plan(parse(raw(**changes)))


def specs(made):
    """Everything that a job's parameters are made of, by job."""
    config = made.config
    return {
        **{("data", name): made.specs.data(name) for name in config.datasets},
        **{("train", name): made.specs.train(name) for name in made.models},
        **{("sample", name): made.specs.sample(name) for name in config.methods},
        **{("evaluate", name): made.specs.evaluate(name) for name in config.datasets},
    }


def changed(**changes):
    """The jobs of the configuration whose parameters are not what they were."""
    before, after = specs(plan()), specs(plan(**changes))
    return {job for job in before if before[job] != after[job]}


def test_cells():
    cells = plan().cells()
    methods = {"stable": list(RAW["methods"]), "gmm": ["sgm", "both"]}
    assert cells == [
        Cell(dataset, method, block)
        for dataset in ("stable", "gmm")
        for method in methods[dataset]
        for block in ("0-1", "2")
    ]
    assert cells[0].seeds == [0, 1] and cells[1].seeds == [2]


def test_several_methods_share_a_training():
    assert plan().trainings() == [
        *((dataset, model, block) for dataset, model, block in [
            ("stable", "sgm", "0-1"),
            ("stable", "sgm", "2"),
            ("stable", "flow", "0-1"),
            ("stable", "flow", "2"),
            ("stable", "flow@noise-0.5", "0-1"),
            ("stable", "flow@noise-2", "0-1"),
            ("stable", "flow@noise-0.5", "2"),
            ("stable", "flow@noise-2", "2"),
            ("gmm", "sgm", "0-1"),
            ("gmm", "sgm", "2"),
            ("gmm", "flow", "0-1"),
            ("gmm", "flow", "2"),
        ])
    ]  # fmt: skip


def test_what_is_not_needed_is_not_trained():
    models = {model for _, model, _ in plan().trainings()}
    assert "unused" not in models
    assert not {model for d, model, _ in plan().trainings() if d == "gmm" and "@" in model}


def test_parts():
    made = plan()
    assert made.parts("ode") == {"model": ("sgm",)}
    assert made.parts("both") == {"flow": ("flow",), "sgm": ("sgm",)}
    assert made.parts("noisy") == {"flow": ("flow@noise-0.5", "flow@noise-2"), "sgm": ("sgm",)}
    assert made.models_of("noisy") == ["flow@noise-0.5", "flow@noise-2", "sgm"]


def test_models_that_are_derived():
    made = plan(models={"flow": {"layers": 7}})
    for level in (0.5, 2.0):
        entry = made.models[f"flow@noise-{level:g}"]
        assert entry.type == "flow"
        assert entry.values == made.models["flow"].values | {"noise": level}
    assert made.models["flow"].settings.noise == 0.0


@pytest.mark.parametrize("levels", [[0.25, 1e-5, 8.0], [1e6, 1e20, 0.012345]])
def test_names_of_derived_models_are_safe_in_paths(levels):
    rules = (ROOT / "workflow" / "rules" / "common.smk").read_text()
    (pattern,) = re.findall(r'model=r"(.+)"', rules)
    made = plan(methods={"noisy": {"sigma_T": levels, "sigma_min": 1e-6}})
    names = made.parts("noisy")["flow"]
    assert len(set(names)) == len(levels)
    for name in names:
        assert re.fullmatch(pattern, name)
        assert name not in made.config.models


def test_auto_trains_a_flow_for_every_candidate():
    made = plan(methods={"noisy": {"sigma_T": "auto", "sigma_T_grid": [1, 4]}})
    assert made.parts("noisy")["flow"] == ("flow@noise-1", "flow@noise-4")
    made = plan(methods={"noisy": {"sigma_T": "dip", "sigma_T_grid": [1, 4]}})
    assert made.parts("noisy")["flow"] == ("flow@noise-1", "flow@noise-4")


# A parameter holds what its job depends on and nothing else


def test_changing_a_model_changes_its_training_alone():
    assert changed(models={"sgm": {"train_steps": 77}}) == {("train", "sgm")}
    assert changed(models={"flow": {"train_steps": 77}}) == {
        ("train", "flow"),
        ("train", "flow@noise-0.5"),
        ("train", "flow@noise-2"),
    }


def test_changing_a_method_changes_its_sampling_alone():
    assert changed(methods={"ode": {"sampling_steps": [4]}}) == {("sample", "ode")}
    assert changed(methods={"both": {"sgm": "unused"}}) == {("sample", "both")}


def test_changing_a_level_changes_no_flow_of_another_level():
    after = plan(methods={"noisy": {"sigma_T": [0.5, 4]}})
    assert after.specs.train("flow@noise-0.5") == plan().specs.train("flow@noise-0.5")
    assert after.specs.sample("noisy") != plan().specs.sample("noisy")


def test_changing_a_dataset_changes_its_data_alone():
    assert changed(datasets={"stable": {"alpha": 1.5}}) == {("data", "stable")}


def test_changing_a_metric_changes_the_evaluation_alone():
    assert changed(metrics={"msle": {"level": 0.9}}) == {
        ("evaluate", "stable"),
        ("evaluate", "gmm"),
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": ["0-1", "2", "3-9"]},
        {"datasets": {"gaussian_grid": {}}},
        {"models": {"flow2": {"type": "flow"}}},
        {"methods": {"flow2": {"type": "flow"}}},
        {"figures": ["survival"]},
        {"device": "cuda"},
        {"threads": 8},
        {"datasets": {"gmm": {"methods": ["sgm"]}}},
        {"models": {"sgm": {"width": 128}}},  # what it is by default
    ],
)
def test_what_changes_no_parameter(changes):
    assert changed(**changes) == set()


def test_new_seeds_leave_the_other_cells():
    more = plan(seeds=["0-1", "2", "3-9"])
    assert set(plan().cells()) < set(more.cells())
    assert set(plan().trainings()) < set(more.trainings())


def test_parameters_are_canonical():
    """Sorted, compact in one line, and the same whatever the order of the keys."""
    swapped = {
        key: dict(reversed(value.items())) if isinstance(value, dict) else value
        for key, value in reversed(raw(models={"sgm": {"width": 9, "train_steps": 5}}).items())
    }
    first, second = plan(models={"sgm": {"train_steps": 5, "width": 9}}), Plan(parse(swapped))
    assert specs(first) == specs(second)
    for text in specs(first).values():
        assert "\n" not in text
        assert text == json.dumps(json.loads(text), sort_keys=True)


def test_number_of_jobs():
    assert stages(plan()) == {
        "data": 2 * 2,
        "train": 12,
        "sample": (5 + 2) * 2,
        "evaluate": (5 + 2) * 2 + 4,
        "collect": 1,
        "tables": 1,
        "figure": 3,
        "report": 1,
        "finish": 1,
    }


def test_description_is_plain_data():
    made = plan()
    described = json.loads(json.dumps(describe(made)))
    assert {row["name"]: row["jobs"] for row in described["stages"]} == stages(made)
    assert described["models"]["flow@noise-2"] == {"type": "flow", "base": "flow"}
    assert described["methods"]["both"] == {"type": "flow_sgm", "models": ["flow", "sgm"]}
    assert len(described["cells"]) == len(made.cells())


def test_inputs_of_figures():
    made = plan()
    common = ["results/benchmark/metrics.csv", "results/benchmark/config.json"]
    assert made.inputs.figure("comparison") == common
    histories = made.inputs.figure("training")
    assert histories[:2] == common and len(histories) == 2 + 12
    assert "results/benchmark/models/stable/flow@noise-2/2/history.csv" in histories
    survival = made.inputs.figure("survival")
    assert "results/benchmark/data/gmm/0-1/test.npy" in survival
    assert "results/benchmark/samples/gmm/both/2/samples.npy" in survival
    assert "results/benchmark/samples/gmm/both/2/record.json" in survival
    assert not [path for path in survival if "gmm/flow/" in path]
    assert len(set(survival)) == len(survival) == 2 + 4 * 4 + 14 * 2
    samples = made.inputs.figure("samples")
    assert set(samples) == {path for path in survival if "/2" not in path}
    assert len(samples) == 2 + 2 * 4 + 7 * 2


def test_inputs_of_tables():
    """The risks are taken from held-out rows and samples, as the figure of tails is."""
    made = plan()
    found, survival = made.inputs.tables(), set(made.inputs.figure("survival"))
    assert "results/benchmark/plan.json" in found and "results/benchmark/metrics.csv" in found
    read = {path for path in survival if not path.endswith(("train.npy", "floor.npy"))}
    assert set(found) == read | {"results/benchmark/plan.json"}
    assert len(found) == len(set(found))


@pytest.mark.parametrize("rule", ["auto", "dip"])
def test_inputs_of_samples(rule):
    made = plan(methods={"chosen": {"type": "flow_sgm", "sigma_T": rule}})
    for cell in made.cells():
        folder = f"results/benchmark/models/{cell.dataset}"
        models = [
            f"{folder}/{model}/{cell.block}/{file}"
            for model in made.models_of(cell.method)
            for file in ("model.safetensors", "spec.json")
        ]
        chosen_from = [f"results/benchmark/data/{cell.dataset}/{cell.block}/train.npy"]
        assert made.inputs.sample(cell.dataset, cell.method, cell.block) == (
            models + chosen_from if cell.method == "chosen" else models
        )


def test_files_of_the_user(tmp_path):
    path = tmp_path / "mine.csv"
    mine = {"mine": {"type": "file", "path": str(path)}}
    with pytest.raises(ConfigError) as caught:
        Plan.of(raw(datasets=mine), "c.yaml")
    assert str(caught.value) == f"c.yaml: datasets.mine.path: the file {path} does not exist"
    path.write_text("a\n1\n")
    made = Plan.of(raw(datasets=mine), "c.yaml")
    assert made.inputs.files("mine") == [str(path)]
    assert made.inputs.files("stable") == made.inputs.files("gmm") == []


def test_the_default_benchmark():
    made = Plan(load(ROOT / "config.yaml"))
    jobs = stages(made)
    trained = {model for _, model, _ in made.trainings()}
    assert trained == set(made.config.models)
    assert {"bootstrap", "mvt", "copula_gpd", "fm", "log_fm", "t_edm", "sgm", "flow"} <= trained
    methods = {cell.method for cell in made.cells()}
    assert {"sgm", "flow", "flow_sgm", "dlpm", "dlim", "lim_ode", "oracle"} <= methods
    assert jobs["train"] == len(made.trainings())
    assert jobs["sample"] == len(made.cells())
    for dataset, model, block in made.trainings():
        assert dataset in made.config.datasets and model in made.models and block in made.blocks


# Images


def images(**changes):
    """A plan with a set of images, in two blocks, beside a target."""
    metrics = {"sliced_wasserstein": {}, "classifier": {}, "class_shares": {}} | changes
    return Plan(
        parse(
            {
                "seeds": ["0-1", "2"],
                "device": "cuda",
                "threads": 4,
                "datasets": {"digits": {}, "gmm": {"seeds": ["2"]}},
                "models": ["sgm"],
                "methods": ["sgm"],
                "metrics": {name: given for name, given in metrics.items() if given is not None},
                "figures": [],
            }
        )
    )


def test_metrics_of_images_are_those_of_sets_of_images_alone():
    made = images(inception={})
    assert list(made.features.metrics_on("gmm")) == ["sliced_wasserstein"]
    assert list(made.features.metrics_on("digits")) == list(made.config.metrics)
    assert made.features.spaces("gmm") == []
    assert made.features.spaces("digits") == ["classifier", "inception"]
    assert json.loads(made.specs.evaluate("gmm")).keys() == {"sliced_wasserstein"}


def test_metrics_of_images_change_nothing_for_other_data():
    first, second = images(), images(classifier={"k": 5}, class_shares=None)
    assert first.specs.evaluate("digits") != second.specs.evaluate("digits")
    for made in (second, images(inception={}), images(classifier=None, class_shares=None)):
        assert made.specs.evaluate("gmm") == first.specs.evaluate("gmm")
        assert made.code("evaluate", "gmm") == first.code("evaluate", "gmm")


def test_sets_that_hold_no_labelled_pixels(monkeypatch):
    monkeypatch.setattr("tailbench.datasets.digits.Digits.classes", ())
    assert images(inception={}).features.spaces("digits") == ["inception"]
    monkeypatch.setattr("tailbench.datasets.digits.Digits.pixels", False, raising=False)
    assert images(inception={}).features.spaces("digits") == []


def test_jobs_of_features():
    none = stages(images(classifier=None, class_shares=None))
    assert "classifier" not in none and "features" not in none
    only = stages(images(classifier=None, class_shares=None, inception={}))
    assert "classifier" not in only and only["features"] == 2
    both = stages(images(inception={}))
    assert (both["classifier"], both["features"]) == (2, 4)
    assert none == {k: v for k, v in both.items() if k not in ("classifier", "features")}


def test_inputs_of_metrics_of_images(tmp_path):
    weights = str(tmp_path / "weights.pth")
    made = images(inception={"weights": weights}).features
    folder = "results/benchmark/features/digits/0-1"
    assert made.inputs("gmm", "2") == []
    assert made.inputs("digits", "0-1") == [
        f"{folder}/classifier/features.npy",
        f"{folder}/classifier/record.json",
        f"{folder}/network/classifier.safetensors",
        f"{folder}/network/classifier.json",
        f"{folder}/inception/features.npy",
        f"{folder}/inception/record.json",
        weights,
    ]
    assert made.weights("digits", "0-1", "inception") == [weights]
    assert images(inception={}).features.weights("digits", "0-1", "inception") == []


def test_what_features_depend_on():
    first = images(inception={}).features.spec("inception")
    assert json.loads(first) == {"batch_size": 64, "weights": None}
    assert images(inception={"k": 4}).features.spec("inception") == first
    assert images(inception={"batch_size": 4}).features.spec("inception") != first
    assert images(classifier={"k": 4}).features.spec("classifier") == "{}"


def test_where_metrics_are_computed():
    for made, device in ((images().features, "cpu"), (images(inception={}).features, "cuda")):
        assert (made.device("digits"), made.threads("digits")) == (device, 4)
        assert (made.device("gmm"), made.threads("gmm")) == ("cpu", 1)


def test_weights_that_are_not_there(tmp_path):
    path = tmp_path / "weights.pth"
    made = images(inception={"weights": str(path)})
    with pytest.raises(ConfigError) as caught:
        made.check_files("c.yaml")
    assert str(caught.value) == f"c.yaml: metrics.inception.weights: the file {path} does not exist"
    path.touch()
    made.check_files("c.yaml")
    plan(metrics={"inception": {"weights": "nowhere.pth"}}).check_files("c.yaml")  # no images


def test_the_files_of_a_frozen_model_are_inputs_of_its_job(tmp_path):
    given = {"sgm": {"frozen": str(tmp_path)}}
    files = [tmp_path / "model.safetensors", tmp_path / "spec.json"]
    with pytest.raises(ConfigError) as caught:
        Plan.of(raw(models=given), "c.yaml")
    assert str(caught.value).splitlines() == [
        f"c.yaml: models.sgm.frozen: the file {path} does not exist" for path in files
    ]
    for path in files:
        path.touch()
    made = Plan.of(raw(models=given), "c.yaml")
    assert made.inputs.frozen("sgm") == [str(path) for path in files]
    assert made.inputs.frozen("flow") == made.inputs.frozen("unused") == []


def test_a_file_that_is_not_there_is_fetched_by_a_job_of_its_own():
    data = {"mnist": {}, "far": {"type": "cifar10_lt", "path": "https://host.example/a.tar.gz"}}
    made = plan(datasets=data)
    made.check_files("config.yaml")
    assert made.inputs.fetched("mnist") == ["results/benchmark/downloads/mnist/mnist.pkl.gz"]
    assert made.inputs.fetched("far") == ["results/benchmark/downloads/far/cifar-10-binary.tar.gz"]
    assert made.inputs.fetched("stable") == [] and made.inputs.files("far") == []
    assert stages(made)["fetch"] == 2 and "fetch" not in stages(plan())
    other = plan(datasets={"far": data["far"] | {"test": "balanced"}})
    assert made.specs.fetch("far") == other.specs.fetch("far")
    assert made.specs.data("far") != other.specs.data("far")


def test_processes_of_models_and_of_what_samples_from_them():
    made = plan(processes={"flow": 4, "sgm": 2})
    assert made.processes("sgm") == 2 and made.processes("unused") == 1
    assert made.processes("flow@noise-0.5") == 4  # a flow that a method derives
    assert made.processes_of("ode") == 2 and made.processes_of("both") == 4
    assert made.processes_for("stable", "both") == 1  # no features of images
    assert specs(made) == specs(plan())  # their number is no reason to compute again


def test_levels_that_agree_to_six_digits_are_two_models():
    noisy = {"type": "flow_sgm", "start": "noisy_flow", "sigma_T": "auto"}
    noisy["sigma_T_grid"] = [0.1234567, 0.1234568, 1, 4]
    plan = Plan(parse(raw(methods={"noisy": noisy}), "config"))
    assert plan.parts("noisy")["flow"] == (
        "flow@noise-0.1234567", "flow@noise-0.1234568", "flow@noise-1", "flow@noise-4"
    )  # fmt: skip
    for name, level in zip(plan.parts("noisy")["flow"], noisy["sigma_T_grid"], strict=True):
        assert plan.models[name].settings.noise == level
