"""A record: the metrics of a finished run, and what another run has to share to be compared."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from tailbench.exceptions import InputError
from tailbench.io.checksums import read_plain
from tailbench.pipeline.recording.facts import Facts, facts_of_results
from tailbench.pipeline.results.layout import Layout
from tailbench.pipeline.results.reader import read_metrics
from tailbench.pipeline.runtime.workflow_files import records
from tailbench.registry import nearest
from tailbench.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FILE", "TABLES", "About", "Lite", "Record", "facts_beside"]

FILE = "record.json"
TABLES = ("metrics.csv", "metrics.csv.gz")
"""The table of a record is one of these."""


class Lite(Settings):
    """A part of a record that keeps the order of its methods.

    Attributes:
        datasets: Names of data sets.
        seeds: Seed blocks.
        share: CPU seconds of the part, as a share of the whole.
        agreement: Correlations with the order of the whole, by group of metrics.
    """

    datasets: tuple[str, ...] = Field(min_length=1)
    seeds: tuple[str, ...] = Field(min_length=1)
    share: float
    agreement: dict[str, dict[str, float]]


class About(Settings):
    """What ``record.json`` holds.

    Attributes:
        format: Version of this form.
        name: Name of the configuration.
        commit: Commit of the code that ran; empty if unknown.
        machine: The machine that ran it, in words.
        versions: Versions of Python and of packages.
        cpu_minutes: CPU time of all jobs, by stage.
        config: The completed configuration.
        data: Digest of the rows, by data set and seed; see ``tailbench.io.row_digests``.
        metrics: Version of each metric, by its name in the configuration.
        lite: The part for ``tailbench rank --lite``, if one was chosen.
    """

    format: Literal[1] = 1
    name: str
    commit: str
    machine: dict[str, str]
    versions: dict[str, str]
    cpu_minutes: dict[str, float]
    config: dict[str, Any]
    data: dict[str, dict[int, str]]
    metrics: dict[str, int]
    lite: Lite | None = None


class Record:
    """A folder with ``record.json`` and ``metrics.csv``, or ``metrics.csv.gz``.

    Args:
        folder: The folder.

    Raises:
        InputError: If ``record.json`` is missing or no record.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / FILE
        if not path.is_file():
            raise InputError(f"{folder} holds no record: it has no {FILE}")
        try:
            self.about = About.model_validate(read_plain(path))
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise InputError(f"{path} is no record: {where}: {error.errors()[0]['msg']}") from None

    @classmethod
    def find(cls, record: str) -> Record:
        """Return the record in a folder, or one that comes with the package by its name.

        Raises:
            InputError: If there is neither.
        """
        if Path(record, FILE).is_file():
            return cls(Path(record))
        known = records()
        if record not in known:
            hint = nearest(record, known) or ", and the package brings none"
            raise InputError(f"there is no record {record!r}{hint}")
        return cls(known[record])

    @property
    def name(self) -> str:
        """The name of the configuration."""
        return self.about.name

    @property
    def table(self) -> Path:
        """The file of the metrics.

        Raises:
            InputError: If it is missing.
        """
        for name in TABLES:
            if (self.folder / name).is_file():
                return self.folder / name
        raise InputError(f"the record {self.folder} has no {' and no '.join(TABLES)}")

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """The tidy metrics."""
        return read_metrics(self.table)

    @property
    def facts(self) -> Facts:
        """What another run has to share."""
        entries = self.about.config.get("metrics") or {}
        versions = self.about.metrics
        return Facts(self.about.data, {n: (entries.get(n), v) for n, v in versions.items()})


def facts_beside(table: Path) -> Facts:
    """Return what is known of the run of a table of metrics, from what lies beside it.

    A record says it, the data of a results folder give it; of a table alone nothing is known.

    Raises:
        InputError: If the record is no record, or an array of the data is corrupt.
    """
    if (table.parent / FILE).is_file():
        return Record(table.parent).facts
    if Path(Layout(str(table.parent)).config).is_file():
        return facts_of_results(table.parent)
    return Facts()
