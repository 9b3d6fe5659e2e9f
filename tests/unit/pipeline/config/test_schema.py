"""The JSON schema and the reference of the configuration say what the code does."""

import json
import re

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from repository import ROOT
from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.pipeline.config import reference
from tailbench.pipeline.config.entries import DatasetEntry
from tailbench.pipeline.config.json_schema import config_schema
from tailbench.pipeline.config.model import Config, ConfigError
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.config.reference import config_markdown
from tailbench.registry import entry_class, method_types, trainable_types

CONFIGURATIONS = [*ROOT.glob("config.yaml"), *sorted(ROOT.glob("presets/*.yaml"))]
SCHEMA = config_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
SMALL = """
datasets: {gmm: {dim: 4}}
models: {sgm: {}, flow: {}}
methods: {sgm: {}, flow: {}, flow_sgm: {}}
"""
ENTRIES = [
    (section, type_)
    for section, types in {
        "datasets": [*registry.names("targets"), *registry.names("datasets")],
        "models": trainable_types(),
        "methods": sorted(method_types()),
        "metrics": registry.names("metrics"),
    }.items()
    for type_ in types
]


class Loader(yaml.SafeLoader):
    """YAML as editors read it: to PyYAML alone, 1e-3 is a text."""


FLOAT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+0123456789"))


def read(text):
    return yaml.load(text, Loader)


def small(text):
    """The small configuration with some of its keys replaced."""
    return read(SMALL) | read(text)


@pytest.mark.parametrize(
    ("path", "command", "made"),
    [
        (
            "workflow/schemas/config.schema.json",
            "schema",
            lambda: json.dumps(SCHEMA, indent=1) + "\n",
        ),
        ("docs/configuration.md", "config-reference", config_markdown),
    ],
)
def test_the_generated_file_is_in_sync(path, command, made):
    file = ROOT / path
    there = file.read_text(encoding="utf-8") if file.is_file() else None
    if there != made():
        pytest.fail(
            f"{path} is not what the code says. Make it again by\n"
            f"    python -m tailbench {command} --output {path}",
            pytrace=False,
        )


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_every_reference_of_the_schema_leads_somewhere():
    def references(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            node = list(node.values())
        if isinstance(node, list):
            for item in node:
                yield from references(item)

    found = set(references(SCHEMA))
    assert found == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_the_configuration_is_valid(path):
    config = read(path.read_text())
    error = best_match(VALIDATOR.iter_errors(config))
    assert error is None, f"{path.name}: {error.json_path}: {error.message}"
    parse(config)


def test_a_completed_configuration_is_valid():
    VALIDATOR.validate(parse(read(SMALL)).raw())


@pytest.mark.parametrize(("section", "type_"), ENTRIES)
def test_every_setting_is_described_and_has_the_default_of_the_code(section, type_):
    properties = SCHEMA["$defs"][f"{section}.{type_}"]["properties"]
    fields = entry_class(section, type_).model_fields
    assert set(properties) - {"type", *DatasetEntry.limits} == set(fields)
    for name, field in fields.items():
        described = properties[name]
        assert described["description"].endswith("."), f"{section}.{type_}.{name}"
        if not field.is_required():
            assert described["default"] == json.loads(json.dumps(field.default))


def test_every_top_level_key_is_described():
    assert set(SCHEMA["properties"]) == set(Config.model_fields)
    assert all(field["description"] for field in SCHEMA["properties"].values())


@pytest.mark.parametrize(
    "text",
    [
        "datasets: {gmm: }",
        "datasets: [gmm, returns]",
        "datasets: {gmm: {type: gmm}}",
        "datasets: {gmm: {type: file, path: x.csv, columns: [a, b]}}",
        "datasets: {mine: {type: file, path: x.csv, methods: [sgm]}}",
        "datasets: {gmm: {dim: 4.0}}",
        "datasets: {gmm: {support: {x: [0, inf], y: [null, 1]}, atoms: auto}}",
        "datasets: {gmm: {n_samples: 100000}}",
        "models: {sgm: {learning_rate: 1e-3}, flow: {}}",
        "models: {sgm: {}, flow: {}, wide: {type: sgm, width: 512}}",
        "methods: {sgm: {sampling_steps: [4, 8], sigma_min: 0.01}}",
        "methods: {flow_sgm: {sigma_T: auto, sigma_T_grid: [1, 2]}}",
        "methods: {flow_sgm: {sigma_T: [0.5, 1]}}",
        "metrics: [msle, tail_ks]",
        "metrics: ",
        "metrics: {far: {type: msle, level: 0.99}}",
        "figures: []",
        "figures: [survival]",
        "seeds: ['0-2', 3]",
        "device: cuda:1",
        "datasets: {gmm: {methods: [sgm], seeds: ['0-2']}}",
        "name: 2d-grid.v1",
    ],
)
def test_a_good_configuration_passes_schema_and_parser(text):
    config = small(text)
    VALIDATOR.validate(config)
    parse(config)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("dataset: {}", "$"),
        ("threads: 0", "$.threads"),
        ("name: a b", "$.name"),
        ("plugins: parts", "$.plugins"),
        ("datasets: {gmm: {seeds: [a]}}", "$.datasets.gmm.seeds[0]"),
        ("datasets: {gmm: {atoms: all}}", "$.datasets.gmm.atoms"),
        ("datasets: {gmm: {n_samples: 0}}", "$.datasets.gmm.n_samples"),
        ("datasets: {gmm: {methods: }}", "$.datasets.gmm.methods"),
        ("device: gpu", "$.device"),
        ("seeds: []", "$.seeds"),
        ("seeds: ['0..2']", "$.seeds[0]"),
        ("seeds: [-1]", "$.seeds[0]"),
        ("figures: [survivl]", "$.figures[0]"),
        ("figures: ", "$.figures"),
        ("datasets: {}", "$.datasets"),
        ("datasets: ", "$.datasets"),
        ("datasets: [file]", "$.datasets[0]"),
        ("datasets: {gmm: 3}", "$.datasets.gmm"),
        ("datasets: {gmm: {dims: 4}}", "$.datasets.gmm"),
        ("datasets: {gmm: {dim: 1}}", "$.datasets.gmm.dim"),
        ("datasets: {gmm: {dim: 4.5}}", "$.datasets.gmm.dim"),
        ("datasets: {mine: {dim: 4}}", "$.datasets.mine"),
        ("datasets: {mine: }", "$.datasets.mine"),
        ("datasets: {mine: {type: gm}}", "$.datasets.mine.type"),
        ("datasets: {mine: {type: file}}", "$.datasets.mine"),
        ("datasets: {gmm: {type: file, path: x.csv, dim: 4}}", "$.datasets.gmm"),
        ("datasets: {alpha_stable: {alpha: 2.5}}", "$.datasets.alpha_stable.alpha"),
        ("datasets: {a..b: {type: gmm}}", "$.datasets"),
        ("datasets: {1a: {type: gmm}}", "$.datasets"),
        ("datasets: {returns: {series: []}}", "$.datasets.returns.series"),
        ("models: {flow_sgm: {}}", "$.models.flow_sgm"),
        ("models: {sgm: {stpes: 3}, flow: {}}", "$.models.sgm"),
        ("models: {sgm: {train_steps: -3}, flow: {}}", "$.models.sgm.train_steps"),
        ("models: {sgm: {train_steps: [3]}, flow: {}}", "$.models.sgm.train_steps"),
        ("models: {sgm: {methods: [sgm]}, flow: {}}", "$.models.sgm"),
        ("methods: {floor: {type: sgm}}", "$.methods"),
        ("methods: {sgm: {sampler: hean}}", "$.methods.sgm.sampler"),
        ("methods: {flow_sgm: {sigma_T: [0.5, 0]}}", "$.methods.flow_sgm.sigma_T[1]"),
        ("methods: {flow_sgm: {sigma_T: automatic}}", "$.methods.flow_sgm.sigma_T"),
        ("metrics: [mslee]", "$.metrics[0]"),
        ("metrics: {msle: {level: 1}}", "$.metrics.msle.level"),
    ],
)
def test_a_mistake_fails_in_schema_and_parser_and_is_located(text, where):
    config = small(text)
    error = best_match(VALIDATOR.iter_errors(config))
    assert error is not None, "the schema lets it pass"
    assert error.json_path == where
    with pytest.raises(ConfigError):
        parse(config)


def test_the_reference_names_every_setting():
    text = config_markdown()
    for section, type_ in ENTRIES:
        part = text.split(f"### `{section}`, type `{type_}`\n", 1)[1].split("\n#", 1)[0]
        for name in entry_class(section, type_).model_fields:
            assert f"\n| `{name}` |" in part
    assert all(f"\n| `{name}` |" in text for name in registry.names("figures"))


def test_a_setting_without_a_description_is_named(monkeypatch):
    broken = json.loads(json.dumps(SCHEMA))
    del broken["$defs"]["metrics.msle"]["properties"]["level"]["description"]
    monkeypatch.setattr(reference, "config_schema", lambda: broken)
    with pytest.raises(InputError, match="metrics, type 'msle': the setting 'level' has no desc"):
        config_markdown()
