"""Imports without what no job uses of them."""

import subprocess
import sys

CODE = """
import sys
import numpy as np
from tailbench.pipeline.runtime.light_imports import import_tailestim
from tailbench.stats.tail_index import extreme_value_index

if sys.argv[1] == "light":
    import_tailestim()
    assert "tailestim" in sys.modules and "matplotlib" not in sys.modules
values = np.random.default_rng(0).pareto(2.0, 2000) + 1.0
print(*(repr(extreme_value_index(values, 100, e)) for e in ("hill", "moment")))
if sys.argv[1] == "light":
    assert "matplotlib" not in sys.modules
import matplotlib
matplotlib.use("agg")
from matplotlib import pyplot
pyplot.plot([1, 2])
pyplot.savefig(f"{sys.argv[1]}.png")
import_tailestim()  # does nothing where both are there
assert sys.modules["matplotlib"] is matplotlib
"""


def test_estimates_are_the_same_and_plots_are_drawn_afterwards(tmp_path):
    printed = []
    for how in ("light", "usual"):
        command = [sys.executable, "-c", CODE, how]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
        assert (tmp_path / f"{how}.png").stat().st_size > 1000
    assert printed[0] == printed[1] and len(printed[0].split()) == 2
