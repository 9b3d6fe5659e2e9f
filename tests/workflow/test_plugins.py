"""One file adds a part: five parts from a folder in the smoke preset, and no file is edited."""

import hashlib

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

PARTS = {
    "gaussian_fit": '''
"""A Gaussian with the mean and the covariance of the data."""

import numpy as np

from tailbench.models.settings import SamplingSettings
from tailbench.models.simple import SimpleModel
from tailbench.registry import register


class GaussianSampling(SamplingSettings):
    """Settings of the sampling."""

    parts = {"model": ("gaussian_fit",)}
    model: str = "gaussian_fit"


@register
class GaussianFit(SimpleModel):
    """Gaussian of the same mean and covariance."""

    methods = {"gaussian_fit": GaussianSampling}

    def fit_one(self, x, rng):
        return {"mean": x.mean(0), "root": np.linalg.cholesky(np.cov(x.T))}

    def sample_one(self, state, n, settings, rng):
        return state["mean"] + rng.standard_normal((n, len(state["mean"]))) @ state["root"].T
''',
    "two_points": '''
"""Two points with Gaussian noise."""

from tailbench.registry import register
from tailbench.targets.base import BaseTarget


@register
class TwoPoints(BaseTarget):
    """Two points on the diagonal, with noise."""

    dim = 2

    def sample(self, n, rng):
        return rng.choice([-1.0, 1.0], size=(n, 1)) + 0.1 * rng.standard_normal((n, 2))
''',
    "waves": '''
"""Two noisy waves."""

import numpy as np

from tailbench.datasets.base import BaseDataset
from tailbench.registry import register


@register
class Waves(BaseDataset):
    """Sine and cosine with noise."""

    def read(self):
        t = np.arange(1200.0)
        x = np.stack([np.sin(t), np.cos(t)], axis=1)
        return x + 0.1 * np.random.default_rng(0).standard_normal(x.shape), ("sine", "cosine")
''',
    "median_error": '''
"""The error of the median."""

import numpy as np

from tailbench.interfaces import MetricOutput
from tailbench.metrics.base import BaseMetric
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench_plugins.helper import SCALE


@register
class MedianError(BaseMetric):
    """Error of the median, summed over columns."""

    Settings = Settings
    outputs = {"median_error": MetricOutput("error of the median")}

    def compare(self, samples, reference, truth, rng):
        error = np.median(samples, axis=0) - np.median(reference, axis=0)
        return {"median_error": SCALE * float(np.abs(error).sum())}
''',
    "medians": '''
"""The errors of the median as bars."""

from tailbench.plots.base import Figure, Need
from tailbench.registry import register


@register
class Medians(Figure):
    """Errors of the median, one bar per method."""

    needs = frozenset({Need.METRICS})
    caption = "Error of the median."

    def draw(self, data, dataset):
        from matplotlib.figure import Figure as Canvas

        of = data.metrics[data.metrics["dataset"] == dataset]
        means = of[of["metric"] == "median_error"].groupby("method")["value"].mean()
        figure = Canvas()
        figure.subplots().bar(list(means.index), list(means))
        return figure
''',
    "helper": "SCALE = 1.0\n",
}


def digest(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_five_parts_from_a_folder_run_in_the_smoke_preset(fresh):
    before = digest(fresh.repo)
    folder = fresh.run / "parts"
    folder.mkdir()
    for name, text in PARTS.items():
        (folder / f"{name}.py").write_text(text)
    fresh.preset("smoke")

    def plug_in(config):
        config["plugins"] = ["parts"]
        config["seeds"] = ["0"]
        config["datasets"] = {"two_points": {"n_train": 500, "n_test": 500}, "waves": {}}
        config["models"] = {"sgm": config["models"]["sgm"], "gaussian_fit": {}}
        config["methods"] = {"sgm": {"sampling_steps": 4}, "gaussian_fit": {}}
        config["metrics"] = {"msle": {}, "median_error": {}}
        config["figures"] = ["survival", "medians"]

    fresh.configure(plug_in)
    fresh.snakemake()
    metrics = pd.read_csv(fresh.results / "metrics.csv", keep_default_na=False)
    assert set(metrics["dataset"]) == {"two_points", "waves"}
    assert set(metrics["method"]) == {"sgm", "gaussian_fit"}
    of = metrics[(metrics["metric"] == "median_error") & (metrics["dataset"] == "waves")]
    assert (of[of["method"] == "gaussian_fit"]["value"].astype(float) < 0.3).all()
    assert (fresh.results / "figures" / "medians" / "waves.png").is_file()
    assert "Errors of the median" in (fresh.results / "report.html").read_text()
    assert fresh.pending() == set()

    # the code of plug-ins and their helpers counts
    helper = folder / "helper.py"
    helper.write_text("SCALE = 1.0  # as it was\n")
    assert fresh.pending() == set()
    helper.write_text("SCALE = 2.0\n")
    again = fresh.pending()
    assert "evaluate/waves/sgm/0" in again and "floor/waves/0" in again
    assert not {job for job in again if job.startswith(("train", "sample", "data"))}

    # no file of the tree was changed
    assert digest(fresh.repo) == before
