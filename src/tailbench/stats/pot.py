"""POT, imported without the array libraries that nothing here asks it to work on."""

from __future__ import annotations

import os
import sys
from types import ModuleType

__all__ = ["import_pot"]

BACKENDS = {"PYTORCH": "torch", "JAX": "jax", "CUPY": "cupy", "TENSORFLOW": "tensorflow"}


def import_pot() -> ModuleType:
    """Return the package ``ot``, imported with NumPy as its backend.

    At import POT loads each array library that it finds, which takes seconds. Those that the
    process has not loaded itself are disabled for that moment, by POT's own environment
    variables; a value that is set already is kept.

    Returns:
        The module ``ot``.

    References:
        Flamary et al., POT: Python Optimal Transport, 2021.
    """
    unused = {
        f"POT_BACKEND_DISABLE_{name}": "1"
        for name, module in BACKENDS.items()
        if module not in sys.modules
    }
    added = [key for key in unused if key not in os.environ]
    os.environ.update({key: unused[key] for key in added})
    try:
        import ot
    finally:
        for key in added:
            del os.environ[key]
    return ot
