"""What every script of measurements promises; one that is added is tested by being there."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.fixture
def script(request, monkeypatch):
    """A script as a module, forgotten afterwards with those beside it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    with monkeypatch.context() as patch:
        for name in NAMES:
            patch.delitem(sys.modules, name, raising=False)
        yield importlib.import_module(request.param)
        for name in NAMES:
            sys.modules.pop(name, None)


@pytest.mark.parametrize("script", NAMES, indirect=True)
def test_finds_what_it_imports_and_says_what_it_does(script):
    assert script.__doc__ and script.__doc__.splitlines()[0].endswith(".")
    if not script.__name__.startswith("_"):
        assert callable(script.main)
        assert f"python benchmarks/{script.__name__}.py" in script.__doc__
