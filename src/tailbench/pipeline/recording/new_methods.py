"""Run new methods on the data of a record, and set them among its methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tailbench.io.atomic import atomic_write
from tailbench.metrics.merging import merge_metrics
from tailbench.pipeline.config.model import FLOOR, Config
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.summary import describe
from tailbench.pipeline.recording.agreement import check_agreement, check_versions
from tailbench.pipeline.recording.method_config import merged_config, method_config
from tailbench.pipeline.recording.record import Record
from tailbench.pipeline.results.layout import METRIC_FILES
from tailbench.pipeline.runtime.snakemake_run import run_snakemake
from tailbench.pipeline.stages.collect import COLUMNS, table_of_cells, write_collected

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FIGURES", "NewMethods", "write_pages"]

FIGURES = ("ranking", "pareto")
"""What is drawn from the merged metrics; other figures need the samples of all methods."""


@dataclass(frozen=True)
class NewMethods:
    """New methods, to be run on the data of a record.

    Attributes:
        config: Their configuration; see ``method_config``.
        record: The record.
    """

    config: Config
    record: Record

    @classmethod
    def read(
        cls, file: Path, record: Record, datasets: Sequence[str] = (), lite: bool = False
    ) -> NewMethods:
        """Read and check the file of new methods.

        Raises:
            ConfigError: If it holds a mistake; see ``method_config``.
            InputError: If this package computes a metric in another way than the record.
        """
        new = cls(method_config(file, record, datasets, lite), record)
        new.plan.check_files(str(file))
        check_versions(new.plan, record)
        return new

    @property
    def plan(self) -> Plan:
        """The plan of the run."""
        return Plan(self.config)

    @property
    def results(self) -> Path:
        """The folder of the results."""
        return Path(self.plan.layout.root)

    def run(self, cores: str, options: Sequence[str]) -> int:
        """Run what is not there yet: data and floors, which are checked, then the methods.

        Args:
            cores: Number of CPU cores, or ``all``.
            options: Further options of Snakemake.

        Returns:
            The exit status of Snakemake.

        Raises:
            InputError: If data or floors are not those of the record.
        """
        import yaml

        file = self.results / "rank.yaml"
        atomic_write(file, yaml.safe_dump(self.config.raw(), sort_keys=False, allow_unicode=True))
        floors = self._targets(FLOOR)
        status = run_snakemake(file, cores, options, targets=floors).status
        if status:
            return status
        if all(Path(floor).is_file() for floor in floors):  # not after a dry run
            check_agreement(self.results, self.plan, self.record)
        methods = [target for name in self.config.methods for target in self._targets(name)]
        return run_snakemake(file, cores, options, targets=methods).status

    def _targets(self, method: str) -> list[str]:
        """Return the files of the metrics of a method, or of the floor."""
        layout = self.plan.layout
        return [
            f"{layout.metrics(dataset, method, block)}/{METRIC_FILES[0]}"
            for dataset in self.config.datasets
            for block in self.plan.blocks_on(dataset)
        ]

    @property
    def complete(self) -> bool:
        """Whether every new method has its metrics."""
        return all(Path(t).is_file() for name in self.config.methods for t in self._targets(name))

    def merge(self) -> pd.DataFrame:
        """Write ``metrics.csv`` of the new and the recorded methods, and return it.

        Of the record these are the data sets and seeds that have been run. Of the new methods these
        are the metrics that the record has there, and beside them stand the floors of the record.

        Raises:
            InputError: If a file of a cell is missing or corrupt.
        """
        places = [(cell.dataset, seed) for cell in self.plan.cells() for seed in cell.seeds]
        of = self.record.metrics.set_index(["dataset", "seed"])
        recorded = of[of.index.isin(places)].reset_index()
        keys = ["dataset", "seed", "metric"]
        floors = recorded.drop_duplicates(keys)[[*keys, "floor"]]
        fresh = table_of_cells(self.results, describe(self.plan)).drop(columns="floor")
        fresh = fresh.merge(floors, on=keys, how="inner")
        fresh["ratio"] = fresh["value"] / fresh["floor"].where(fresh["floor"] > 0)
        tables = {f"the record {self.record.name}": recorded, str(self.results): fresh}
        merged = merge_metrics(tables).reindex(columns=COLUMNS)
        config = merged_config(self.config, self.record)
        write_collected(self.results, merged, config.raw(), describe(Plan(config)))
        return merged


def write_pages(results: Path) -> Path:
    """Write the tables, the figures of ``FIGURES`` and the report; return the report.

    Raises:
        InputError: If the metrics are missing.
    """
    from tailbench.pipeline.results.layout import Layout
    from tailbench.pipeline.stages import figure, report, tables

    tables.run(results)
    for name in FIGURES:
        figure.run(results, name)
    page = Path(Layout(str(results)).report)
    report.run(results, page)
    return page
