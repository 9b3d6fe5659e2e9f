"""POT's import loads no array library, and leaves the environment as it was."""

import os
import subprocess
import sys

SCRIPT = """
import os, sys
from tailbench.stats.pot import BACKENDS, import_pot

ot = import_pot()
left = {key: value for key, value in os.environ.items() if key.startswith("POT_")}
assert left == {"POT_BACKEND_DISABLE_JAX": "yes"}, left
loaded = sorted(set(BACKENDS.values()) & set(sys.modules))
assert not loaded, loaded
print([backend.__name__ for backend in ot.backend.get_available_backend_implementations()])
"""


def test_no_array_library_is_loaded():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        env=os.environ | {"POT_BACKEND_DISABLE_JAX": "yes"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['NumpyBackend']"
