"""What every script of measurements promises; one that is added is tested by being there."""

import importlib
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


@pytest.fixture
def script(request, monkeypatch):
    """A script as a module, forgotten afterwards with those beside it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    names = [path.stem for path in FOLDER.glob("*.py")]
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module(request.param)
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("script", SCRIPTS, indirect=True)
def test_it_starts_and_takes_the_options_that_it_names(script, monkeypatch, capsys):
    usage = re.findall(rf"python benchmarks/{script.__name__}\.py.*", script.__doc__)
    assert usage and callable(script.main)
    if not hasattr(script, "argparse"):
        assert not re.search("--", "".join(usage))
        return
    monkeypatch.setattr(sys, "argv", [script.__name__, "--help"])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 0
    offered = set(re.findall(r"--[\w-]+", capsys.readouterr().out.partition("\n\n")[0]))
    assert set(re.findall(r"--[\w-]+", "".join(usage))) <= offered
