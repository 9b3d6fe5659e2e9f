"""What every part promises, whatever its kind: a new file is tested by being there."""

import re
import subprocess
import sys

import pytest
from pydantic import BaseModel

from tailbench import registry
from tailbench.data import DataShape
from tailbench.exceptions import InputError

PARTS = [(kind, name) for kind in registry.KINDS for name in registry.names(kind)]
SETTINGS = [
    *(
        (kind, name, registry.load(kind, name).Settings)
        for kind, name in PARTS
        if kind not in ("figures", "claims")
    ),
    *(
        ("methods", method, registry.entry_class("methods", method))
        for method in registry.method_types()
    ),
]


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_registers_under_its_own_name(kind, name):
    part = registry.load(kind, name)
    assert part.name == name
    assert part.__module__ == registry.module_of(kind, name)
    assert part.__name__ in sys.modules[part.__module__].__all__


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_names_are_safe_in_paths_and_rules(kind, name):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    if kind == "figures":  # the wildcard of the workflow
        assert re.fullmatch(r"[a-z_]+", name)


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_says_what_it_is(kind, name):
    """The first line of the docstring is what ``list`` and the documentation show."""
    part = registry.load(kind, name)
    first = (part.__doc__ or "").partition("\n")[0]
    assert 10 < len(first) <= 100
    assert first[0].isupper() and first.endswith(".")
    assert registry.first_line(part) == first.rstrip(".")


@pytest.mark.parametrize(("kind", "name", "cls"), SETTINGS)
def test_every_setting_is_described(kind, name, cls):
    assert issubclass(cls, BaseModel)
    assert cls.model_config["extra"] == "forbid" and cls.model_config["frozen"]
    for key, field in cls.model_fields.items():
        text = field.description or ""
        assert len(text) > 10, f"{kind}.{name}.{key}"
        assert text[0].isupper() or not text[0].isalpha(), f"{kind}.{name}.{key}"
        assert text.endswith((".", ")")), f"{kind}.{name}.{key}"


def required(cls):
    """Test values of the settings that have no default: files of the user's."""
    return {k: cls.test_settings[k] for k, f in cls.model_fields.items() if f.is_required()}


@pytest.mark.parametrize(("kind", "name", "cls"), SETTINGS)
def test_defaults_keep_their_own_rules(kind, name, cls):
    """Defaults are not validated by pydantic; they are here, except what has to be given."""
    settings = cls(**required(cls))
    assert cls.model_validate(settings.model_dump()) == settings
    assert cls.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(("kind", "name", "cls"), SETTINGS)
def test_unknown_settings_are_refused(kind, name, cls):
    with pytest.raises(ValueError, match="no_such_setting"):
        cls(**required(cls), no_such_setting=1)


@pytest.mark.parametrize(("kind", "name", "cls"), SETTINGS)
def test_settings_for_tests_are_settings(kind, name, cls):
    assert set(cls.test_settings) <= set(cls.model_fields)
    cls(**{**required(cls), **cls.test_settings})


@pytest.mark.parametrize("kind", ["datasets", "targets"])
def test_every_source_says_its_size(kind):
    for name in registry.names(kind):
        part = registry.load(kind, name)
        shape = part.Settings(**required(part.Settings)).shape()
        assert shape.rows >= 2 and shape.dim >= 1, name
        assert shape.side == 1 or shape.dim % shape.side**2 == 0, name
        if kind == "targets":
            assert shape.dim == part().dim, name


def test_sizes_follow_the_settings():
    stable = registry.entry_class("datasets", "alpha_stable")
    assert stable(dim=3, n_train=50, n_test=80).shape() == DataShape(80, 3)
    assert registry.entry_class("datasets", "returns")(series=["sp500", "vix"]).shape().dim == 2
    images = registry.entry_class("datasets", "image_folder")
    assert images(path="x", size=16, channels=3).shape().dim == 768
    cifar = registry.entry_class("datasets", "cifar10_lt")
    assert cifar(path="x").shape() == DataShape(60_000, 3072, 32)


@pytest.mark.parametrize("kind", registry.KINDS)
def test_unknown_parts_are_refused(kind):
    with pytest.raises(InputError, match=f"there is no {kind[:-1]} 'no_such_part'"):
        registry.load(kind, "no_such_part")


def test_names_of_data_are_unique():
    """Targets and data sets share one section of the configuration."""
    assert not set(registry.names("targets")) & set(registry.names("datasets"))


def test_nothing_is_imported_before_it_is_needed():
    """The Snakefile reads settings and plans without torch, and lists names without parts."""
    heavy = ["torch", "zuko", "pandas", "matplotlib", "seaborn", "sklearn", "ot", "arch"]
    script = f"""
import sys
from tailbench import registry
names = {{kind: registry.names(kind) for kind in registry.KINDS}}
assert not [m for m in sys.modules if m.startswith(("torch", "scipy"))]
for kind, found in names.items():
    for name in found:
        registry.load(kind, name)
import tailbench.pipeline.config.parse, tailbench.pipeline.planning.plan, tailbench.pipeline.cli
print(*[module for module in {heavy!r} if module in sys.modules])
"""
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == []
