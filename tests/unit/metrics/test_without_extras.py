"""The metrics need nothing of the workflow, and of the image packages only where images are."""

import subprocess
import sys

SCRIPT = """
import importlib, pkgutil, sys

class Missing:
    names = {"snakemake", "diffusers", "torch_fidelity", "arch", "pyarrow", "jinja2"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import tailbench.metrics

for module in pkgutil.iter_modules(tailbench.metrics.__path__):
    importlib.import_module(f"tailbench.metrics.{module.name}")
assert "torch" not in sys.modules, "torch is imported"

import numpy as np
from tailbench.metrics.sliced_wasserstein import SlicedWasserstein
from tailbench.metrics.tail_index import TailIndex
from tailbench.metrics.tail_ks import TailKS

x, y = np.random.default_rng(0).standard_t(3, (2, 1000, 2))
for metric in (SlicedWasserstein(directions=5), TailIndex(), TailKS()):
    values = metric(x, y, None, np.random.default_rng(0))
    assert all(0 < value < 1 for value in values.values()), values
"""


def test_metrics_work_without_the_packages_of_the_extras():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
