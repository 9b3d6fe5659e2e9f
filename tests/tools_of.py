"""The scripts of ``tools/`` as modules."""

import importlib.util
import sys

from repository import ROOT


def tool(name):
    """Import a script of ``tools/``, or of a folder in it, by its name without the ending."""
    spec = importlib.util.spec_from_file_location(
        name.replace("/", "_"), ROOT / "tools" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module
