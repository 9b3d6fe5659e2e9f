"""What every experiment on a theorem promises; one that is added is tested by being there."""

import json
import re
import subprocess
import sys

import pytest
from pydantic import BaseModel

from tailbench import registry
from tailbench.pipeline.config.model import ConfigError
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.summary import stages
from tailbench.theory.base import Experiment

NAMES = registry.names("theory")
TEXTS = ("title", "theorem", "assumption", "measured", "refuted_by", "caption")


@pytest.fixture(params=NAMES)
def experiment(request):
    return registry.load("theory", request.param)


def test_every_experiment_has_its_claims():
    assert registry.names("claims") == NAMES


def test_registers_under_its_own_name(experiment):
    assert issubclass(experiment, Experiment)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", experiment.name)
    assert experiment.__module__ == registry.module_of("theory", experiment.name)
    first = experiment.__doc__.partition("\n")[0]
    assert 10 < len(first) <= 100 and first[0].isupper() and first.endswith(".")


def test_settings_are_described_and_keep_their_rules(experiment):
    cls = experiment.Settings
    assert issubclass(cls, BaseModel)
    assert cls.model_config["extra"] == "forbid" and cls.model_config["frozen"]
    for key, field in cls.model_fields.items():
        assert len(field.description) > 10 and field.description.endswith("."), key
        assert not field.is_required()
    settings = cls()
    assert cls.model_validate(settings.model_dump(mode="json")) == settings
    with pytest.raises(ValueError, match="no_such_setting"):
        cls(no_such_setting=1)


def test_cells_are_plain_and_safe_in_paths(experiment):
    cells = experiment().cells()
    assert cells
    for name, spec in cells.items():
        assert re.fullmatch(r"[A-Za-z0-9_.=-]+", name)
        assert json.loads(json.dumps(spec)) == spec
    assert experiment().cells() == cells


def test_the_claims_say_what_they_have_to(experiment):
    claims = registry.load("claims", experiment.name)
    assert claims.name == experiment.name
    for text in TEXTS:
        said = getattr(claims, text)
        assert said[0].isupper() and (text == "title" or said.endswith(".")), text


def test_a_changed_claim_computes_nothing_again(experiment):
    from tailbench.pipeline.planning import code_digest

    modules = code_digest.closure(f"tailbench.theory.{experiment.name}.experiment")
    assert f"tailbench.theory.{experiment.name}.experiment" in modules
    assert not [name for name in modules if name.endswith(".claims")]


def test_an_experiment_may_be_all_there_is(experiment):
    config = parse({"theory": [experiment.name]})
    plan = Plan(config)
    assert parse(config.raw()) == config
    assert plan.cells() == [] and config.figures == ()
    cells = plan.experiments.cells()
    assert {name for name, _ in cells} == {experiment.name}
    assert stages(plan) == {
        "theory": len(cells),
        "claims": 1,
        "collect": 1,
        "report": 1,
        "finish": 1,
    }
    assert f"results/benchmark/theory/{experiment.name}/slopes.csv" in plan.inputs.report()
    assert "results/benchmark/tables" not in plan.inputs.report()


@pytest.mark.parametrize(
    ("theory", "message"),
    [
        ({"w2_rates": {}}, "theory.w2_rates: there is no experiment 'w2_rates' .*'w2_rate'"),
        ({"a": {"type": "w2_rate", "horizon": -1}}, "theory.a.horizon: must be greater than 0"),
        ({}, "theory: must be a mapping"),
        (None, "theory: must be a mapping|theory: at least one"),
        ({"w2_rate": {"step": 3}}, "theory.w2_rate.step: unknown key .*'steps'"),
    ],
)
def test_mistakes_are_one_sentence(theory, message):
    with pytest.raises(ConfigError, match=message):
        parse({"theory": theory})


def test_figures_and_metrics_need_datasets():
    with pytest.raises(ConfigError, match="figures: at least one dataset is required"):
        parse({"theory": ["w2_rate"], "figures": ["nfe"]})
    with pytest.raises(ConfigError, match="models: at least one entry is required"):
        parse({"theory": ["w2_rate"], "datasets": ["gmm"]})


def test_nothing_heavy_is_imported_before_it_is_needed():
    script = """
import sys
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench import registry
plan = Plan(parse({"theory": list(registry.names("theory"))}))
plan.experiments.cells()
heavy = ["torch", "scipy", "pandas", "matplotlib"]
print(*[module for module in heavy if module in sys.modules])
"""
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == []
