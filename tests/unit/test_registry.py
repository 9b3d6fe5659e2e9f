"""What exists, and how it is found."""

import sys
import types

import pytest

from tailbench import registry
from tailbench.exceptions import InputError


@pytest.fixture
def module():
    """A module that could hold a target called toy."""
    name = "tailbench.targets.toy"
    made = sys.modules[name] = types.ModuleType(name)
    yield made
    del sys.modules[name]
    registry._registered.pop(("targets", "toy"), None)


def part(module, name="Toy"):
    return type(name, (), {"__module__": module.__name__})


def test_registers_under_the_names_of_its_module(module):
    toy = part(module)
    assert registry.register(toy) is toy
    assert toy.name == "toy"
    assert registry.register(toy) is toy


def test_one_part_per_module(module):
    registry.register(part(module))
    with pytest.raises(ValueError, match=r"tailbench\.targets\.toy registers two parts"):
        registry.register(part(module, "Other"))


@pytest.mark.parametrize("kind", registry.KINDS)
def test_names(kind):
    names = registry.names(kind)
    assert names and list(names) == sorted(names)
    assert not [name for name in names if name.startswith("_")]
    assert registry.module_of(kind, names[0]) == registry.KINDS[kind].replace("*", names[0])


def test_a_helper_is_no_part():
    with pytest.raises(InputError, match="there is no target '_base'"):
        registry.load("targets", "_base")


def test_the_nearest_name_is_suggested():
    with pytest.raises(InputError) as caught:
        registry.load("targets", "alpha_stabel")
    assert str(caught.value) == ("there is no target 'alpha_stabel' (did you mean 'alpha_stable'?)")


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("stepz", ["steps", "width"], " (did you mean 'steps'?)"),
        ("xyz", ["width", "steps"], " (known: steps, width)"),
        ("xyz", [], ""),
    ],
)
def test_nearest(word, known, hint):
    assert registry.nearest(word, known) == hint


def test_summary():
    def documented():
        """Give one.

        And more.
        """

    assert registry.first_line(documented) == "Give one"
    assert registry.first_line(lambda: None) == ""
