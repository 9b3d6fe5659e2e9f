"""The configuration: every mistake is one line with the path to the key, and all are told."""

import copy
import json
import math

import pytest

from repository import ROOT
from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.models.settings import TrainingSettings
from tailbench.pipeline.config.entries import parts_of
from tailbench.pipeline.config.errors import sentences
from tailbench.pipeline.config.model import Config, ConfigError
from tailbench.pipeline.config.parse import load, parse
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.planning.plan import Plan
from tailbench.registry import entry_class
from tailbench.stats.exchangeable_copula import ExchangeableCopula

SMALL = {
    "datasets": {"alpha_stable": None, "grid": {"type": "gaussian_grid"}},
    "models": {"sgm": {}, "flow": {}, "wide": {"type": "sgm", "width": 256}},
    "methods": {
        "sgm": {"sampling_steps": [4, 8]},
        "flow": {},
        "flow_sgm": {"sgm": "wide", "sigma_T": 1},
    },
    "metrics": {"msle": {}, "tail_ks": None},
}


def small(**changes):
    return copy.deepcopy(SMALL) | changes


def mistakes(**changes):
    """The lines of the error, without the name of the source."""
    with pytest.raises(ConfigError) as caught:
        parse(small(**changes), "c.yaml")
    lines = str(caught.value).split("\n")
    assert all(line.startswith("c.yaml: ") for line in lines)
    return [line.removeprefix("c.yaml: ") for line in lines]


def test_settings_are_completed():
    config = parse(small())
    assert config.seeds == ("0-2",) and config.device == "auto" and config.threads == 1
    assert config.datasets["grid"].type == "gaussian_grid"
    assert config.datasets["alpha_stable"].settings.alpha == 1.7
    assert config.models["wide"].settings.width == 256
    assert config.models["sgm"].settings.width == 128
    assert config.methods["sgm"].settings.sampling_steps == (4, 8)
    assert config.figures == registry.names("figures")
    assert list(config.methods) == ["sgm", "flow", "flow_sgm"]


def test_the_budget_is_that_of_all_noise_conditional_networks():
    budget = {"train_steps": 70, "width": 32}
    config = parse(small(budget=budget, metrics=["msle"]))
    settings = {name: entry.settings for name, entry in config.models.items()}
    assert (settings["sgm"].train_steps, settings["sgm"].width) == (70, 32)
    assert (settings["wide"].train_steps, settings["wide"].width) == (70, 256)  # its own
    assert settings["flow"] == parse(small()).models["flow"].settings
    again = parse({**small(), "budget": budget, "models": ["sgm"], "methods": ["sgm"]})
    assert again.models["sgm"].settings == settings["sgm"]


@pytest.mark.parametrize("name", ["t3vae", "pareto_gan"])
def test_a_budget_is_for_autoencoders_and_generators_too(name):
    config = parse({**small(), "budget": {"width": 24}, "models": [name], "methods": [name]})
    assert config.models[name].settings.width == 24


def test_a_budget_that_is_none():
    (found,) = mistakes(budget={"steps": 3})
    assert found.startswith("budget.steps")
    (found,) = mistakes(budget={"train_steps": 0})
    assert "budget.train_steps" in found


def test_sections_may_be_lists_of_names():
    config = parse(small(models=["sgm", "flow"], methods=["sgm", "flow"], metrics=["msle"]))
    assert config.models == parse(small(models={"sgm": {}, "flow": {}}, methods=["sgm"])).models
    assert list(config.metrics) == ["msle"]


def test_metrics_and_figures_that_are_left_out_are_all():
    """But for what downloads weights, is a view of another metric, or has costs of its own."""
    raw = small()
    del raw["metrics"]
    config = parse(raw)
    assert {*registry.names("metrics")} - {*config.metrics} == {
        "c2st",
        "energy",
        "inception",
        "memorisation",
        "portfolio",
        "sliced_wasserstein_bulk",
        "sliced_wasserstein_log",
        "sliced_wasserstein_published",
    }
    assert parse(small(figures=[])).figures == ()


def test_methods_of_a_dataset():
    config = parse(small(datasets={"gmm": {"methods": ["flow"]}, "alpha_stable": {}}))
    assert config.methods_on("gmm") == ("flow",)
    assert config.methods_on("alpha_stable") == tuple(config.methods)
    assert "methods" not in config.datasets["gmm"].spec


def test_seeds_of_a_dataset():
    some = {"gmm": {"seeds": [5, "0-2"]}, "alpha_stable": {}}
    config = parse(small(seeds=["0-2", 3, 5], datasets=some))
    assert config.seed_blocks_on("gmm") == ("5", "0-2")
    assert config.seed_blocks_on("alpha_stable") == ("0-2", "3", "5")
    assert "seeds" not in config.datasets["gmm"].spec
    assert parse(config.raw()) == config
    cells = [(cell.dataset, cell.block) for cell in Plan(config).cells()]
    assert {block for dataset, block in cells if dataset == "gmm"} == {"5", "0-2"}
    assert {block for dataset, block in cells if dataset == "alpha_stable"} == {"0-2", "3", "5"}


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (["0-2", "3-4"], ("0-2", "3-4")),
        ([3], ("3",)),
        (["03-04", 7], ("3-4", "7")),
        (["5-5"], ("5",)),
    ],
)
def test_seeds(seeds, expected):
    assert parse(small(seeds=seeds)).seeds == expected


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"seeds": ["0-99999999999"]},
            "seeds.0: invalid seed range '0-99999999999': it has more than the 10,000 seeds that a "
            "block may have",
        ),
        (
            {"seeds": ["9" * 5000]},
            f"seeds.0: invalid seed block '{'9' * 40}': a seed has at most 18 digits",
        ),
        (
            {"datasets": {"gmm": {"dim": 10**12}}},
            "datasets.gmm: 20,000 rows of dim 1,000,000,000,000 are 2e+16 numbers, more than the "
            "1e+12 that can be held",
        ),
        # names that are unknown, with the nearest
        (
            {"models": {"sgm": {}, "flow": {}, "wide": {"type": "sgn"}}},
            "models.wide: there is no model 'sgn' (did you mean 'sgm'?)",
        ),
        (
            {"datasets": {"alpha_stabel": {}}},
            "datasets.alpha_stabel: there is no dataset 'alpha_stabel' "
            "(did you mean 'alpha_stable'?)",
        ),
        (
            {"methods": {"flow_sgn": {}}},
            "methods.flow_sgn: there is no method 'flow_sgn' (did you mean 'flow_sgm'?)",
        ),
        ({"metrics": {"msl": {}}}, "metrics.msl: there is no metric 'msl' (did you mean 'msle'?)"),
        (
            {"figures": ["survivl"]},
            "figures.0: there is no figure 'survivl' (did you mean 'survival'?)",
        ),
        ({"dataset": {}}, "dataset: unknown key (did you mean 'datasets'?)"),
        # a model that only other models are made of cannot be trained
        (
            {"models": {"flow_sgm": {}}},
            "models.flow_sgm: there is no model 'flow_sgm' (did you mean 'flow'?)",
        ),
        # keys that are unknown
        (
            {"models": {"sgm": {"train_stepz": 5}}},
            "models.sgm.train_stepz: unknown key (did you mean 'train_steps'?)",
        ),
        (
            {"metrics": {"msle": {"levl": 1}}},
            "metrics.msle.levl: unknown key (did you mean 'level'?)",
        ),
        (
            {"datasets": {"gmm": {"dims": 3}}},
            "datasets.gmm.dims: unknown key (did you mean 'dim'?)",
        ),
        (
            {"methods": {"flow_sgm": {"sigma": 3}}},
            "methods.flow_sgm.sigma: unknown key (did you mean 'sigma_T'?)",
        ),
        ({"datasets": {"file": {}}}, "datasets.file.path: missing required key"),
        # values out of range
        (
            {"models": {"sgm": {"train_steps": -3}}},
            "models.sgm.train_steps: must be greater than or equal to 1, not -3",
        ),
        (
            {"models": {"sgm": {"train_steps": "many"}}},
            "models.sgm.train_steps: must be a valid integer, not 'many'",
        ),
        (
            {"models": {"sgm": {"schedule": "cos"}}},
            "models.sgm.schedule: must be 'cosine' or 'constant', not 'cos'",
        ),
        (
            {"models": {"sgm": {"learning_rate": float("nan")}}},
            "models.sgm.learning_rate: must be a finite number, not nan",
        ),
        (
            {"datasets": {"alpha_stable": {"alpha": 2.1}}},
            "datasets.alpha_stable.alpha: must be less than or equal to 2, not 2.1",
        ),
        (
            {"datasets": {"alpha_stable": {"alpha": 0}}},
            "datasets.alpha_stable.alpha: must be greater than 0, not 0",
        ),
        (
            {"datasets": {"gmm": {"dim": 2.5}}},
            "datasets.gmm.dim: must be a valid integer, got a number with a fractional part, "
            "not 2.5",
        ),
        (
            {"datasets": {"returns": {"series": ["sp50"]}}},
            "datasets.returns.series.0: must be 'sp500', 'nasdaq', 'wti' or 'vix', not 'sp50'",
        ),
        (
            {"methods": {"sgm": {"sampling_steps": -3}}},
            "methods.sgm.sampling_steps: must be greater than or equal to 1 or a list, not -3",
        ),
        (
            {"methods": {"sgm": {"sampling_steps": [4, -2]}}},
            "methods.sgm.sampling_steps.1: must be greater than or equal to 1, not -2",
        ),
        (
            {"methods": {"flow_sgm": {"sigma_T": "aut"}}},
            "methods.flow_sgm.sigma_T: must be a valid number or 'auto' or 'dip' or a list, "
            "not 'aut'",
        ),
        (
            {"methods": {"flow_sgm": {"sigma_T_grid": []}}},
            "methods.flow_sgm.sigma_T_grid: at least 1 entry is required",
        ),
        (
            {"methods": {"sgm": {"sigma_min": 100}}},
            "methods.sgm: sigma_min must be below sigma_max, 80",
        ),
        (
            {"methods": {"sgm": {"sampling_steps": []}}},
            "methods.sgm: sampling_steps: a sweep needs at least one value",
        ),
        ({"threads": 0}, "threads: must be greater than or equal to 1, not 0"),
        (
            {"device": "gpu"},
            r"device: must match pattern '^(auto|cpu|cuda(:\d+)?)$', not 'gpu'",
        ),
        # seeds
        ({"seeds": []}, "seeds: at least 1 entry is required"),
        ({"seeds": "0-2"}, "seeds: must be a list, not '0-2'"),
        ({"seeds": 3}, "seeds: must be a list, not 3"),
        ({"seeds": ["0-2", "2"]}, "seeds: a seed is in two blocks"),
        ({"seeds": ["0-2", "0-2"]}, "seeds: a seed is in two blocks"),
        (
            {"seeds": ["3-1"]},
            "seeds.0: invalid seed range '3-1': the first seed must not exceed the last",
        ),
        (
            {"seeds": [0, -1]},
            "seeds.1: invalid seed block '-1': expected a seed '3' or a range '0-4'",
        ),
        (
            {"seeds": [1.5]},
            "seeds.0: invalid seed block '1.5': expected a seed '3' or a range '0-4'",
        ),
        # parts of methods
        (
            {"methods": {"sgm": {"model": "wid"}}},
            "methods.sgm.model: there is no model 'wid' under models (did you mean 'wide'?)",
        ),
        (
            {"methods": {"flow": {"model": "sgm"}}},
            "methods.flow.model: model 'sgm' has type 'sgm'; expected 'flow'",
        ),
        (
            {"methods": {"flow_sgm": {"flow": "wide"}}},
            "methods.flow_sgm.flow: model 'wide' has type 'sgm'; expected 'flow' or 'tarflow'",
        ),
        # methods of datasets
        (
            {"datasets": {"gmm": {"methods": ["sg"]}}},
            "datasets.gmm.methods: there is no method 'sg' (did you mean 'sgm'?)",
        ),
        (
            {"datasets": {"gmm": {"methods": "sgm"}}},
            "datasets.gmm.methods: must be a list, not 'sgm'",
        ),
        (
            {"datasets": {"gmm": {"methods": None}}},
            "datasets.gmm.methods: must be a list, not None",
        ),
        (
            {"datasets": {"gmm": {"methods": ["sgm", "sgm"]}}},
            "datasets.gmm.methods: duplicate method 'sgm'",
        ),
        (
            {"seeds": ["0-2"], "datasets": {"gmm": {"seeds": ["0-3"]}}},
            "datasets.gmm.seeds: there is no seed block '0-3' under seeds (did you mean '0-2'?)",
        ),
        ({"datasets": {"gmm": {"seeds": 3}}}, "datasets.gmm.seeds: must be a list, not 3"),
        (
            {"seeds": ["0-2"], "datasets": {"gmm": {"seeds": ["0-2", "0-2"]}}},
            "datasets.gmm.seeds: duplicate seed block '0-2'",
        ),
        ({"datasets": {"gmm": {"seeds": None}}}, "datasets.gmm.seeds: must be a list, not None"),
        # what only entries of datasets have
        ({"select": {"gmm": ["sgm"]}}, "select: unknown key (did you mean 'seeds'?)"),
        # the name, and folders of plug-ins
        (
            {"name": "my run"},
            "name: 'my run' cannot be the name of a folder of results: use letters, digits, '_', "
            "'-' and '.' only, and start with a letter or digit",
        ),
        ({"plugins": ["nowhere"]}, "plugins: the plugin folder nowhere does not exist"),
        ({"plugins": "nowhere"}, "plugins: must be a list, not 'nowhere'"),
        # sections and entries of the wrong kind
        ({"datasets": None}, "datasets: at least one entry is required"),
        ({"models": {}}, "models: must be a mapping of names to settings, or a list of names"),
        ({"methods": "sgm"}, "methods: must be a mapping of names to settings, or a list of names"),
        (
            {"metrics": [{"msle": {}}]},
            "metrics: must be a mapping of names to settings, or a list of names",
        ),
        (
            {"metrics": {"msle": {}, "again": {"type": "msle"}}},
            "metrics.again: the metric 'msle' is already computed by 'msle', "
            "and its columns would have the same names",
        ),
        ({"models": {"sgm": 3}}, "models.sgm: must be a mapping of settings, not 3"),
        ({"figures": "survival"}, "figures: must be a list, not 'survival'"),
        ({"methods": {"floor": {"type": "flow"}}}, "methods.floor: the name 'floor' is reserved"),
    ],
)
def test_one_mistake_is_one_line(changes, line):
    assert mistakes(**changes) == [line]


@pytest.mark.parametrize("section", ["datasets", "models", "methods", "metrics"])
@pytest.mark.parametrize(
    "name",
    [
        "x; touch y",
        "../x",
        "a/b",
        "a..b",
        "",
        "-x",
        ".x",
        "3d",
        "a b",
        "$(id)",
        "a\n",
        "é",
        "x" * 65,
        3,
    ],
)
def test_names_that_are_not_safe(section, name):
    """They become names of folders and words of shell commands."""
    types = {"datasets": "gmm", "models": "sgm", "methods": "flow", "metrics": "msle"}
    (line,) = mistakes(**{section: SMALL[section] | {name: {"type": types[section]}}})
    assert line.startswith(f"{section}.")
    assert line.endswith(
        ": a name has letters, digits, '_', '-' and '.' only, and starts with a letter"
    )


@pytest.mark.parametrize("name", ["x", "A-1", "a.b", "a_b-c.2", "x" * 64])
def test_names_that_are_safe(name):
    assert name in parse(small(datasets={name: {"type": "gmm"}})).datasets


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"processes": {"sgn": 2}}, "processes: there is no model 'sgn' under models"),
        ({"processes": {"sgm": 0}}, "processes.sgm: "),
        (
            {"processes": {"sgm": 12}},
            "processes.sgm: 12 is not a multiple of processes_per_node (8)",
        ),
        (
            {"processes": {"sgm": 1024}},
            "processes.sgm: the batch_size of the model must be at least the number of processes "
            "(1024)",
        ),
    ],
)
def test_processes(changes, line):
    (told,) = mistakes(**changes)
    assert told.startswith(line)


def test_all_mistakes_are_told():
    lines = mistakes(
        seeds=["x"],
        foo=1,
        datasets={"gmm": {"dim": 1, "n_train": 0}, "nowhere": {}},
        models={"sgm": {"train_stepz": 1, "width": 0}},
        figures=["survivl", "x"],
    )
    paths = [line.partition(":")[0] for line in lines]
    assert sorted(paths) == [
        "datasets.gmm.dim",
        "datasets.gmm.n_train",
        "datasets.nowhere",
        "figures.0",
        "figures.1",
        "foo",
        "models.sgm.train_stepz",
        "models.sgm.width",
        "seeds.0",
    ]


def test_what_was_read_stays_as_it_was():
    raw = small(datasets={"gmm": {"methods": ["sgm"]}, "grid": {"type": "gaussian_grid"}})
    before = copy.deepcopy(raw)
    parse(raw, "c.yaml", "c.yaml")
    assert raw == before


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seeds": ["0-2", "7"], "device": "cuda:1", "threads": 4, "figures": ["survival"]},
        {"datasets": {"gmm": {"methods": ["flow"]}, "returns": {"series": ["sp500"]}}},
        {
            "methods": {
                "flow_sgm": {"start": "noisy_flow", "sigma_T": [0.5, 1], "sampling_steps": [4, 8]}
            }
        },
        {"datasets": {"file": {"path": "x.csv", "columns": ["a", 0]}}},
        {"figures": []},
    ],
)
def test_round_trip(changes):
    config = parse(small(**changes))
    assert parse(config.raw()) == config
    assert parse(json.loads(config.text())) == config
    assert config.text() == parse(config.raw()).text()


def test_rows_that_a_batch_needs():
    config = parse(
        small(
            datasets={"gmm": {"methods": ["flow"]}, "grid": {"type": "gaussian_grid"}},
            models={"sgm": {"batch_size": 700}, "flow": {"batch_size": 300}},
            methods={"sgm": {}, "flow": {}},
        )
    )
    assert config.batch_needs("gmm") == 300
    assert config.batch_needs("grid") == 700
    frozen = parse({**small(), "models": {"sgm": {"frozen": "there"}}, "methods": {"sgm": {}}})
    assert frozen.batch_needs("grid") == 1  # nothing is trained


def test_a_model_is_what_a_role_names():
    """Not what another setting, such as the sampler, happens to be called like."""
    config = parse(
        small(
            models={
                "sgm": {"batch_size": 64},
                "flow": {},
                "heun": {"type": "sgm", "batch_size": 5000},
            },
            methods={"sgm": {"sampler": "heun"}, "other": {"type": "sgm", "model": "heun"}},
            datasets={"gmm": {"methods": ["sgm"]}, "grid": {"type": "gaussian_grid"}},
        )
    )
    assert config.methods["sgm"].parts == {"model": "sgm"}
    assert config.batch_needs("gmm") == 64
    assert config.batch_needs("grid") == 5000


def test_parts_of_a_method_as_plain_data():
    settings = {"sampler": "heun", "flow": "a"}
    assert parts_of("flow_sgm", settings) == {"flow": "a", "sgm": "sgm"}
    with pytest.raises(InputError, match="there is no method 'flow_sgn'"):
        parts_of("flow_sgn", settings)


def test_mistakes_in_entries_and_between_keys_are_told_together():
    lines = mistakes(
        datasets={"gmm": {"dims": 3, "methods": 3}, "grid": {"type": "gaussian_grd"}, "a b": {}},
        methods={"sgm": {"sampling_steps": [4, -2]}, "floor": {"type": "flow"}},
        metrics={"msle": 3},
        models={"sgm": {"[key]": 1}, "flow": {3: 4}},
    )
    assert [line.partition(": ")[0] for line in lines] == [
        "datasets.gmm.dims",
        "datasets.gmm.methods",
        "datasets.grid",
        "datasets.a b",
        "models.sgm.[key]",
        "models.flow.3",
        "methods.sgm.sampling_steps.1",
        "methods.floor",
        "metrics.msle",
    ]


def test_values_in_messages_are_short():
    (line,) = mistakes(models={"sgm": {"train_steps": [[["x"] * 1000] * 1000] * 1000}})
    assert (
        line.startswith("models.sgm.train_steps: must be a valid integer, not [[")
        and len(line) < 500
    )


def test_the_name_is_that_of_the_file(tmp_path):
    path = tmp_path / "long-tails.v2.yaml"
    path.write_text(json.dumps(SMALL))
    config = load(path)
    assert config.name == "long-tails.v2"
    assert parse(config.raw()).name == "long-tails.v2"
    assert Plan.of(SMALL, str(path)).config.name == "long-tails.v2"
    path.write_text(json.dumps({"name": "2d", **SMALL}))
    assert load(path).name == "2d"
    bad = path.rename(tmp_path / "my run.yaml")
    bad.write_text(json.dumps(SMALL))
    with pytest.raises(ConfigError, match="name: 'my run' cannot be the name of a folder"):
        load(bad)


USER_FILES = {
    "datasets": {"csv": {"type": "file", "path": "data/x.csv"}},
    "models": ["sgm"],
    "methods": ["sgm"],
    "metrics": {"inception": {"weights": "../weights.pth"}},
    "plugins": ["parts"],
}


def user_files(config):
    csv, inception = config.datasets["csv"], config.metrics["inception"]
    return csv.settings.path, inception.settings.weights, *config.plugins


def write_user_files(folder, **changes):
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    path = folder / "c.yaml"
    path.write_text(json.dumps(USER_FILES | changes))
    return path


def test_relative_paths_start_at_the_folder_of_the_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_user_files(tmp_path / "sub" / "deep")
    expected = ("sub/deep/data/x.csv", "sub/weights.pth", "sub/deep/parts")
    relative = path.relative_to(tmp_path)
    assert user_files(load(relative)) == user_files(load(path)) == expected
    completed = load(relative)
    assert parse(completed.raw()) == completed  # what was resolved stays as it is
    assert str(tmp_path) not in completed.text()
    monkeypatch.chdir(path.parent)
    assert user_files(load("c.yaml")) == ("data/x.csv", "../weights.pth", "parts")
    (tmp_path / "beside").mkdir()
    monkeypatch.chdir(tmp_path / "beside")
    assert user_files(load(path))[0] == "../sub/deep/data/x.csv"


def test_paths_that_do_not_start_at_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir("/")  # which has nothing but the root in common with any folder
    assert user_files(load(write_user_files(tmp_path)))[0] == f"{tmp_path.resolve()}/data/x.csv"
    far = {"type": "cifar10_lt", "path": "https://host.example/a.tar.gz"}
    absolute = {"type": "file", "path": "/data/x.csv"}
    config = load(write_user_files(tmp_path, datasets={"csv": absolute, "far": far, "mnist": {}}))
    assert config.datasets["csv"].settings.path == "/data/x.csv"
    assert config.datasets["far"].settings.path == far["path"]
    assert config.datasets["mnist"].settings.path is None


def test_an_empty_path_is_no_folder(tmp_path):
    path = write_user_files(tmp_path, datasets={"csv": {"type": "file", "path": ""}})
    with pytest.raises(ConfigError, match=r"datasets\.csv\.path: must have at least 1 character"):
        load(path)


def test_a_part_made_without_a_configuration_takes_paths_as_they_are():
    assert entry_class("datasets", "file")(path="x.csv").path == "x.csv"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must be a mapping of keys to values"),
        ("- a\n- b\n", "must be a mapping of keys to values"),
        ("just text", "must be a mapping of keys to values"),
        ("datasets: {a: [}", "is not valid YAML"),
        ("a: 1\n b: 2\n\tc", "is not valid YAML"),
        ("datasets: !!python/object/apply:os.system ['touch pwned']", "is not valid YAML"),
        ("x: !!python/name:os.system", "is not valid YAML"),
        (b"\xff\xfe\x00\x01", "cannot be read"),
        (
            "seeds: [0]\nmodels: {}\nseeds: [1]\n",
            "the key 'seeds' of line 1 is there again.* line 3",
        ),
        ("models:\n  mvt: {}\n  mvt: {nu: 3}\n", "the key 'mvt' of line 2 is there again.* line 3"),
    ],
)
def test_files_that_hold_no_configuration(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "c.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["c.yaml"]


@pytest.mark.parametrize("missing", [True, False])
def test_files_that_cannot_be_read(tmp_path, missing):
    path = tmp_path / "c.yaml" if missing else tmp_path
    with pytest.raises(ConfigError, match="does not exist" if missing else "cannot be read"):
        load(path)


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("*.yaml"), *ROOT.glob("presets/*.yaml")]),
    ids=lambda path: path.name,
)
def test_the_configurations_that_come_with_it(path):
    config = load(path)
    assert parse(config.raw()) == config


def test_entries():
    entry = parse(small()).models["wide"]
    assert json.loads(entry.spec) == {"type": "sgm", **entry.values}
    assert list(json.loads(entry.spec)) == sorted(json.loads(entry.spec))
    assert entry.settings == entry_class("models", "sgm")(width=256)
    changed = entry.changed({"width": 64})
    assert (changed.values["width"], entry.values["width"]) == (64, 256)
    assert json.loads(changed.spec) == json.loads(entry.spec) | {"width": 64}


def test_errors_are_errors_of_input():
    assert issubclass(ConfigError, InputError)


FORMER = [
    ("models", "sgm", "steps", "train_steps"),
    ("models", "flow", "steps", "train_steps"),
    ("models", "tarflow", "steps", "train_steps"),
    ("models", "sgm", "blocks", "num_blocks"),
    ("models", "flow", "blocks", "num_blocks"),
    ("models", "dlpm", "clamp_a", "clip_A"),
    ("methods", "sgm", "steps", "sampling_steps"),
    ("methods", "dlim", "steps", "sampling_steps"),
    ("methods", "flow_sgm", "steps", "sampling_steps"),
    ("methods", "sgm", "delta", "sigma_min"),
    ("methods", "flow_sgm", "delta", "sigma_min"),
    ("methods", "flow_sgm", "prior", "start"),
    ("methods", "flow_sgm", "candidates", "sigma_T_grid"),
    ("metrics", "msle", "xi", "level"),
    ("metrics", "msle", "smallest_ratio", "min_ratio"),
    ("metrics", "tail_index", "against", "reference"),
    ("metrics", "classifier", "neighbourhood", "k"),
    ("metrics", "class_shares", "rare", "rare_fraction"),
]


@pytest.mark.parametrize(("section", "part", "old", "new"), FORMER)
def test_a_former_key_names_the_present_one(section, part, old, new):
    said = mistakes(**{section: {part: {old: 1}}})
    assert f"{section}.{part}.{old}: unknown key (did you mean {new!r}?)" in said


def test_sentences_of_nested_settings():
    """Of settings within settings, too: the path and the nearest key at that place."""

    class Outer(TrainingSettings):
        inner: TrainingSettings = TrainingSettings()

    with pytest.raises(ValueError) as caught:
        Outer(inner={"train_stepz": 1, "warmup": 2})
    assert sentences(caught.value, Outer) == [
        "inner.warmup: must be less than 1, not 2",
        "inner.train_stepz: unknown key (did you mean 'train_steps'?)",
    ]


def test_a_configuration_does_not_change():
    with pytest.raises(ValueError, match="frozen"):
        parse(small()).threads = 3
    assert Config.model_fields.keys() == parse(small()).raw().keys() | {"theory"}


def test_the_grid_of_log_fm_is_whole():
    """Three copulas, three strengths, four dimensions and four indices, and names that say which.

    Joint extremes of the same strength: Hüsler-Reiss has the chi of Gumbel, the Gaussian its tau.
    """
    config = load(ROOT / "presets" / "log-fm-grid.yaml")
    taus = {"weak": 0.25, "medium": 0.5, "strong": 0.75}
    found = set()
    for name, entry in config.datasets.items():
        chosen = entry.settings
        copula, strength, _, _ = name.rsplit("_", 3)
        assert name == f"{chosen.copula}_{strength}_d{chosen.dim}_a{chosen.index:g}"
        assert (chosen.n_train, chosen.n_test, chosen.two_sided) == (10_000, 20_000, False)
        tau = taus[strength]
        joint = ExchangeableCopula(copula, chosen.dependence)
        if copula == "gaussian":
            assert 2 / math.pi * math.asin(chosen.dependence) == pytest.approx(tau, abs=1e-4)
        else:
            assert joint.chi() == pytest.approx(2 - 2 ** (1 - tau), abs=1e-4)
        found.add((copula, strength, chosen.dim, chosen.index))
    assert len(found) == len(config.datasets) == 144
    assert [len(set(axis)) for axis in zip(*found, strict=True)] == [3, 3, 4, 4]
    assert (
        len(config.methods) * sum(len(parse_block(block)) for block in config.seeds) * 144 == 2880
    )
