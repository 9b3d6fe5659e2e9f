"""Every path below ``results``, once: the rules, the plan, the stages and the readers ask here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tailbench.exceptions import InputError
from tailbench.io.checksums import SUMS

__all__ = [
    "CELL_FILES",
    "CLAIMS_FILES",
    "CLASSIFIER_FILES",
    "COLLECTED",
    "DATA_FILES",
    "FEATURE_FILES",
    "METRIC_FILES",
    "MODEL_FILES",
    "PARTS",
    "ROOT",
    "SAMPLE_FILES",
    "SEALED",
    "SUMS",
    "Layout",
    "classifier_folder",
    "only_results",
    "space_folder",
]

ROOT = "results"
"""The folder of all results, one folder for each configuration."""
PARTS = ("train", "test", "floor")
"""The parts of the data; the file of each has its name."""
DATA_FILES = (
    *(f"{part}.npy" for part in PARTS),
    *(f"{part}_labels.npy" for part in PARTS),
    "meta.json",
    SUMS,
)
MODEL_FILES = ("model.safetensors", "history.csv", "spec.json", SUMS)
SAMPLE_FILES = ("samples.npy", "record.json", SUMS)
CLASSIFIER_FILES = ("classifier.safetensors", "classifier.json", SUMS)
FEATURE_FILES = ("features.npy", "record.json", SUMS)
METRIC_FILES = ("metrics.csv", SUMS)
CLAIMS_FILES = ("points.csv", "slopes.csv", "figure.png", "figure.pdf")
CELL_FILES = ("points.csv", SUMS)
COLLECTED = ("metrics.csv", "plan.json", "config.json", SUMS)
"""What ``collect`` writes, at the root."""
SEALED = (
    "",
    "data/*/*",
    "models/*/*/*",
    "samples/*/*/*",
    "features/*/*/*",
    "metrics/*/*/*",
    "theory/*/cells/*",
)
"""The folders, below the root, that hold a file of checksums."""


@dataclass(frozen=True)
class Layout:
    """The paths of the results of a configuration.

    Where a name is left out, a path holds the wildcard of the rules in its place.

    Args:
        root: The folder of the configuration, such as ``results/default``.
    """

    root: str

    @classmethod
    def of(cls, name: str) -> Layout:
        """Return the layout of the configuration of a name."""
        return cls(f"{ROOT}/{name}")

    @property
    def metrics_table(self) -> str:
        """The metrics of all cells."""
        return f"{self.root}/metrics.csv"

    @property
    def config(self) -> str:
        """The completed configuration."""
        return f"{self.root}/config.json"

    @property
    def plan(self) -> str:
        """What the configuration amounts to."""
        return f"{self.root}/plan.json"

    @property
    def sums(self) -> str:
        """The checksums of the table, the configuration and the plan."""
        return f"{self.root}/{SUMS}"

    @property
    def report(self) -> str:
        """The report."""
        return f"{self.root}/report.html"

    @property
    def incomplete(self) -> str:
        """The report of a run that ended before all cells had results or recorded failures."""
        return f"{self.root}/incomplete.html"

    @property
    def finished(self) -> str:
        """The file that says that all cells have results."""
        return f"{self.root}/finished.txt"

    @property
    def tables(self) -> str:
        """The folder of the tables."""
        return f"{self.root}/tables"

    @property
    def figures(self) -> str:
        """The folder of the figures."""
        return f"{self.root}/figures"

    @property
    def benchmarks(self) -> str:
        """The folder of the run times of the jobs."""
        return f"{self.root}/benchmarks"

    @property
    def checkpoints(self) -> str:
        """The folder of the states of trainings."""
        return f"{self.root}/.checkpoints"

    @property
    def lock(self) -> str:
        """The file that a run locks."""
        return f"{self.root}/.lock"

    def download(self, dataset: str = "{dataset}", file: str = "{file}") -> str:
        """Return the path of a file that is fetched for a dataset."""
        return f"{self.root}/downloads/{dataset}/{file}"

    def data(self, dataset: str = "{dataset}", block: str = "{block}") -> str:
        """Return the folder of the data of a block of seeds, which holds ``DATA_FILES``."""
        return f"{self.root}/data/{dataset}/{block}"

    def models(self, dataset: str = "{dataset}") -> str:
        """Return the folder of the models of a dataset."""
        return f"{self.root}/models/{dataset}"

    def model(
        self, dataset: str = "{dataset}", model: str = "{model}", block: str = "{block}"
    ) -> str:
        """Return the folder of a trained model, which holds ``MODEL_FILES``."""
        return f"{self.root}/models/{dataset}/{model}/{block}"

    def checkpoint(
        self, dataset: str = "{dataset}", model: str = "{model}", block: str = "{block}"
    ) -> str:
        """Return the folder of the states of a training."""
        return f"{self.checkpoints}/{dataset}/{model}/{block}"

    def samples(
        self, dataset: str = "{dataset}", method: str = "{method}", block: str = "{block}"
    ) -> str:
        """Return the folder of the samples of a method, which holds ``SAMPLE_FILES``."""
        return f"{self.root}/samples/{dataset}/{method}/{block}"

    def features(self, dataset: str = "{dataset}", block: str = "{block}") -> str:
        """Return the folder of the features of the held-out images, in all spaces."""
        return f"{self.root}/features/{dataset}/{block}"

    def metrics(
        self, dataset: str = "{dataset}", method: str = "{method}", block: str = "{block}"
    ) -> str:
        """Return the folder of the metrics of a method, or ``floor``: ``METRIC_FILES``."""
        return f"{self.root}/metrics/{dataset}/{method}/{block}"

    def cell(self, experiment: str = "{experiment}", cell: str = "{cell}") -> str:
        """Return the folder of a cell of an experiment, which holds ``CELL_FILES``."""
        return f"{self.root}/theory/{experiment}/cells/{cell}"

    def theory(self, experiment: str = "{experiment}") -> str:
        """Return the folder of an experiment: points, slopes, the figure and the cells."""
        return f"{self.root}/theory/{experiment}"

    def figure(self, figure: str = "{figure}") -> str:
        """Return the folder of a figure."""
        return f"{self.figures}/{figure}"

    def log(self, job: str) -> str:
        """Return the path of the log of a job, such as ``train/{dataset}/{model}/{block}``."""
        return f"{self.root}/logs/{job}.log"

    def benchmark(self, job: str) -> str:
        """Return the path of the run times of a job."""
        return f"{self.benchmarks}/{job}.tsv"


def classifier_folder(features: str | Path) -> str:
    """Return the folder of the classifier of a dataset: ``CLASSIFIER_FILES``.

    Args:
        features: The folder of the dataset's features.
    """
    return f"{features}/network"


def space_folder(features: str | Path, space: str = "{space}") -> str:
    """Return the folder of the features in a space: ``FEATURE_FILES``.

    Args:
        features: The folder of the dataset's features.
        space: The feature space.
    """
    return f"{features}/{space}"


def only_results(root: str | Path = ROOT) -> Path:
    """Return the folder of the one configuration that has results.

    Args:
        root: The folder of all results.

    Raises:
        InputError: If none has, or several have; the message lists them.
    """
    root = Path(root)
    found = sorted(path for path in root.glob("[!.]*/") if path.is_dir())
    if not found:
        raise InputError(f"{root} holds no results; run the benchmark first, or use --results")
    if len(found) > 1:
        names = ", ".join(map(str, found))
        raise InputError(f"there are several results, choose one of them by --results: {names}")
    return found[0]
