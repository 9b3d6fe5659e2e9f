"""The library in an environment that has no package of the extras."""

import re
import subprocess
import sys
import tomllib

from packaging.requirements import Requirement

from repository import ROOT

IMPORTS = {"pillow": "PIL", "scikit-learn": "sklearn", "pyyaml": "yaml"}
LOADED_BY_THE_CORE = {"matplotlib", "pillow"}
"""tailestim, which the core needs, imports them."""
CODE = """
import importlib, pkgutil, sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
import tailbench

found = pkgutil.walk_packages(tailbench.__path__, "tailbench.")
names = [module.name for module in found]
library = [n for n in names if not n.startswith(("tailbench.pipeline", "tailbench.__main__"))]
for name in library:
    importlib.import_module(name)
print(len(library), "modules")

import numpy as np

x = np.random.default_rng(0).standard_t(3, (200, 2))
settings = {"train_steps": 3, "width": 8, "batch_size": 32, "device": "cpu"}
drawn = tailbench.Flow(layers=1, **settings).fit(x).sample(5)
assert drawn.shape == (5, 2) and np.isfinite(drawn).all()
print(len(set(sys.argv[1:]) & {name.partition(".")[0] for name in sys.modules}), "blocked")
"""


def absent():
    """What the extras bring, by the names of imports."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    texts = [text for name in ("pipeline", "images", "data", "vine") for text in extras[name]]
    names = {Requirement(text).name for text in texts} - LOADED_BY_THE_CORE
    return sorted(IMPORTS.get(name, re.sub("-", "_", name)) for name in names)


def test_the_library_works_without_the_extras():
    names = absent()
    assert {"snakemake", "diffusers", "torch_fidelity", "arch", "pyarrow", "jinja2"} <= set(names)
    done = subprocess.run(
        [sys.executable, "-c", CODE, *names], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    count, blocked = done.stdout.splitlines()
    assert int(count.split()[0]) > 100 and blocked == "0 blocked"
