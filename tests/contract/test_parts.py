"""What every part promises, whatever its kind: a new file is tested by being there."""

import re
import subprocess
import sys

import pytest
from pydantic import BaseModel

from tailbench import registry
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
    assert registry.summary(part) == first.rstrip(".")


@pytest.mark.parametrize(("kind", "name", "cls"), SETTINGS)
def test_every_setting_is_described(kind, name, cls):
    assert issubclass(cls, BaseModel)
    assert cls.model_config["extra"] == "forbid" and cls.model_config["frozen"]
    for key, field in cls.model_fields.items():
        text = field.description or ""
        assert len(text) > 10, f"{kind}.{name}.{key}"
        assert text[0].isupper() or not text[0].isalpha(), f"{kind}.{name}.{key}"
        assert text.endswith((".", ")")), f"{kind}.{name}.{key}"


def required(name):
    """Values of the settings that have no default: files of the user's."""
    own = {
        "file": {"path": "data.csv"},
        "fashion_mnist": {"path": "folder"},
        "cifar10_lt": {"path": "cifar-10-python.tar.gz"},
        "image_folder": {"path": "folder", "size": 64},
        "latents": {"path": "folder"},
    }
    return own.get(name, {})


@pytest.mark.parametrize(("kind", "name", "cls"), SETTINGS)
def test_defaults_keep_their_own_rules(kind, name, cls):
    """Defaults are not validated by pydantic; they are here, except what has to be given."""
    needed = required(name)
    assert {key for key, field in cls.model_fields.items() if field.is_required()} == set(needed)
    settings = cls(**needed)
    assert cls.model_validate(settings.model_dump()) == settings
    assert cls.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(("kind", "name", "cls"), SETTINGS)
def test_unknown_settings_are_refused(kind, name, cls):
    with pytest.raises(ValueError, match="no_such_setting"):
        cls(**required(name), no_such_setting=1)


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
