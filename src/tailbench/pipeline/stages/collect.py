"""Stage ``collect``: gather the metrics, floors and costs of all cells into one table."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tailbench.io.atomic import replacing
from tailbench.io.checksums import read_record, read_text, seal, write_record
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.summary import describe
from tailbench.pipeline.results.cell_status import failures
from tailbench.pipeline.results.layout import COLLECTED, SUMS, Layout
from tailbench.pipeline.stages.options import Results

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "floor_of", "gather", "run", "table_of_cells", "write_collected"]

COLUMNS = [
    "dataset",
    "method",
    "variant",
    "seed",
    "metric",
    "value",
    "floor",
    "ratio",
    "nfe",
    "train_seconds",
    "sample_seconds",
    "settings",
    "model",
    "sigma_T",
    "peak_memory_mb",
]


def run(
    results: Results,
    config: Annotated[str, typer.Option(help="The completed configuration, as JSON.")],
) -> None:
    """Write ``metrics.csv``, ``plan.json`` and ``config.json`` into the results folder.

    Cells that failed are listed in ``plan.json`` and have no rows.

    Raises:
        InputError: If a file of a cell is missing or corrupt.
    """
    parsed = parse(json.loads(config))
    plan, layout = Plan(parsed), Layout(str(results))
    gather(results, parsed.raw(), {**describe(plan), "failures": failures(plan, layout)})


def gather(results: Path, config: Mapping[str, Any], described: dict[str, Any]) -> None:
    """Write the three files from the cells that have not failed.

    Args:
        results: The results folder.
        config: The completed configuration.
        described: The plan as plain data, with its ``failures``.
    """
    write_collected(results, table_of_cells(results, described), config, described)


def write_collected(
    results: Path, metrics: pd.DataFrame, config: Mapping[str, Any], described: Mapping[str, Any]
) -> None:
    """Write ``metrics.csv``, ``plan.json`` and ``config.json``, and their checksums."""
    layout = Layout(str(results))
    with replacing(layout.metrics_table) as temporary:
        metrics[COLUMNS].to_csv(temporary, index=False, lineterminator="\n")
    write_record(Path(layout.config), config)
    write_record(Path(layout.plan), described)
    seal(results, [name for name in COLLECTED if name != SUMS])


def table_of_cells(results: Path, described: Mapping[str, Any]) -> pd.DataFrame:
    """Return the tidy metrics of the cells that have not failed, with ``COLUMNS``.

    Args:
        results: The results folder.
        described: The plan as plain data; of ``failures`` the cells are left out.
    """
    import pandas as pd

    failed = {tuple(failure["cell"]) for failure in described.get("failures") or []}
    tables = []
    floors: dict[tuple[str, str], Any] = {}
    for dataset, method, block in described["cells"]:
        if (dataset, method, block) in failed:
            continue
        if (dataset, block) not in floors:
            floors[dataset, block] = floor_of(results, dataset, block)
        table = _metrics(results, dataset, method, block)
        table = table.merge(floors[dataset, block], on=["seed", "metric"], how="left")
        tables.append(table.merge(_costs(results, dataset, method, block), on=["variant", "seed"]))
    metrics = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
    # an unbiased estimate of a distance may be below zero, and is then no measure of others
    metrics["ratio"] = metrics["value"] / metrics["floor"].where(metrics["floor"] > 0)
    return metrics[COLUMNS]


def floor_of(results: Path, dataset: str, block: str) -> pd.DataFrame:
    """Read the values of real data: ``seed``, ``metric`` and ``floor``."""
    floor = _metrics(results, dataset, "floor", block)
    return floor.rename(columns={"value": "floor"})[["seed", "metric", "floor"]]


def _metrics(results: Path, dataset: str, method: str, block: str) -> pd.DataFrame:
    """Read the metrics of a cell, or of the floor."""
    import pandas as pd

    folder = Path(Layout(str(results)).metrics(dataset, method, block))
    text = read_text(folder / "metrics.csv")
    table = pd.read_csv(
        io.StringIO(text),
        keep_default_na=False,  # a variant without a name, a dataset called NA
        dtype={"dataset": str, "method": str, "variant": str, "value": str},
    )
    return table.assign(value=[float(value) for value in table["value"]])  # to the last digit


def _costs(results: Path, dataset: str, method: str, block: str) -> Any:
    """Return the cost of each variant and seed of a cell."""
    import pandas as pd

    layout = Layout(str(results))
    meta = read_record(Path(layout.samples(dataset, method, block), "record.json"))
    specs = [
        read_record(Path(layout.model(dataset, model, block), "spec.json"))
        for model in meta["models"]
    ]
    rows = []
    for cost in meta["variants"]:
        for e, seed in enumerate(meta["seeds"]):
            rows.append(
                {
                    "variant": cost["variant"],
                    "settings": json.dumps(cost["settings"], sort_keys=True),
                    "seed": seed,
                    "model": "+".join(meta["models"]),
                    "nfe": cost["nfe"],
                    "sigma_T": cost["sigma_T"][e] if cost["sigma_T"] else None,
                    "train_seconds": sum(spec["seconds"][e] for spec in specs),
                    "sample_seconds": cost["sample_seconds"],
                    "peak_memory_mb": max(part["peak_memory_mb"] for part in (meta, *specs)),
                }
            )
    return pd.DataFrame(rows)
