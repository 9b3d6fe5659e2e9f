"""Write the record of a finished run."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailbench.exceptions import InputError
from tailbench.io.atomic import atomic_write
from tailbench.io.checksums import write_record
from tailbench.pipeline.recording.facts import facts_of_results, metric_versions
from tailbench.pipeline.recording.record import FILE, TABLES, About
from tailbench.pipeline.reporting import run_info
from tailbench.pipeline.reporting.tables import missing_rows
from tailbench.pipeline.results.reader import ResultsReader
from tailbench.plots.base import ALL
from tailbench.registry import nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CONTENTS", "contents", "write_record_of"]

CONTENTS = "contents.csv"
LARGE = 1_000_000
"""Bytes of a table above which it is compressed."""


def write_record_of(
    results: Path, folder: Path, figures: Sequence[str] = (), commit: str = ""
) -> list[Path]:
    """Write the metrics, ``record.json``, ``contents.csv`` and figures of a run into a folder.

    What else lies in the folder stays. The table is compressed if it is larger than 1 MB. The
    machine and the versions are those of this process.

    Args:
        results: Folder of the results.
        folder: Folder of the record; it is made.
        figures: Figures to copy, ``ranking`` or ``survival/losses``; without a data set, all
            pictures of the figure.
        commit: Commit of the code that ran; that of this package if empty.

    Returns:
        The files.

    Raises:
        InputError: If the run has not been collected, or has no such figure.
    """
    reader = ResultsReader(results)
    metrics = reader.metrics
    if not reader.config.get("datasets") or not reader.plan:
        raise InputError(f"{results} has no plan of a benchmark; run it to its end first")
    pictures = [picture for text in figures for picture in _pictures(reader, text)]
    about = About(
        name=str(reader.config.get("name") or results.resolve().name),
        commit=commit or run_info.commit(),
        machine=run_info.machine(),
        versions=run_info.versions(),
        cpu_minutes=_cpu_minutes(reader),
        config=reader.config,
        data={name: dict(of) for name, of in facts_of_results(results).data.items()},
        metrics=metric_versions(reader.config),
    )
    folder.mkdir(parents=True, exist_ok=True)
    written = [_write_table(Path(reader.layout.metrics_table), folder)]
    write_record(folder / FILE, about.model_dump(mode="json"))
    rows = contents(reader, metrics)
    atomic_write(folder / CONTENTS, rows.to_csv(index=False, lineterminator="\n"))
    written += [folder / FILE, folder / CONTENTS]
    for source, name in pictures:
        shutil.copyfile(source, folder / name)
        written.append(folder / name)
    return written


def contents(reader: ResultsReader, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return what a run holds of each data set.

    Returns:
        One row for each data set: ``dataset``, ``type``, ``columns``, ``train_rows``,
        ``held_out_rows``, ``seeds``, ``methods``, ``values`` (of metrics), ``cpu_minutes`` (of
        training and sampling), and ``missing``, the methods that lack a seed.
    """
    import pandas as pd

    lacking = missing_rows(reader.plan, metrics)
    cells = metrics.drop_duplicates(["dataset", "method", "variant", "seed"])
    rows = []
    for name, of in metrics.groupby("dataset", sort=False):
        meta, own = reader.meta(str(name)), cells[cells["dataset"] == name]
        seconds = own[["train_seconds", "sample_seconds"]].sum().sum()
        methods = lacking.loc[lacking["dataset"] == name, "method"].unique()
        rows.append(
            {
                "dataset": name,
                "type": meta.get("type", ""),
                "columns": len(meta.get("columns") or []),
                "train_rows": (meta.get("rows") or {}).get("train"),
                "held_out_rows": (meta.get("rows") or {}).get("test"),
                "seeds": own["seed"].nunique(),
                "methods": own["method"].nunique(),
                "values": len(of),
                "cpu_minutes": round(float(seconds) / 60, 1),
                "missing": " ".join(methods),
            }
        )
    return pd.DataFrame(rows)


def _write_table(source: Path, folder: Path) -> Path:
    """Copy the metrics, compressed if they are large, so that equal tables give equal files."""
    content = source.read_bytes()
    plain, packed = (folder / name for name in TABLES)
    path, other = (packed, plain) if len(content) > LARGE else (plain, packed)
    atomic_write(path, gzip.compress(content, mtime=0) if path == packed else content)
    other.unlink(missing_ok=True)
    return path


def _pictures(reader: ResultsReader, text: str) -> list[tuple[Path, str]]:
    """Return the pictures of a figure, and what to call each in the folder of the record."""
    figure, _, dataset = text.partition("/")
    there = sorted(Path(reader.layout.figure(figure)).glob("*.png"))
    found = [path for path in there if dataset in ("", path.stem)]
    if not found:
        drawn = [path.parent.name for path in Path(reader.layout.figures).glob("*/*.png")]
        known = [f"{figure}/{path.stem}" for path in there] or drawn
        raise InputError(f"{reader.results} has no figure {text!r}{nearest(text, set(known))}")
    return [(p, f"{figure}{'' if p.stem == ALL else f'-{p.stem}'}.png") for p in found]


def _cpu_minutes(reader: ResultsReader) -> dict[str, float]:
    """Add up the CPU time of the jobs by stage; where it was not measured, the time that passed."""
    import pandas as pd

    seconds: dict[str, float] = {}
    folder = Path(reader.layout.benchmarks)
    for path in sorted(folder.rglob("*.tsv")):
        table: Any = pd.read_csv(path, sep="\t").apply(pd.to_numeric, errors="coerce")
        used = table.get("cpu_time", table["s"]).fillna(table["s"]).sum()
        stage = path.relative_to(folder).parts[0].removesuffix(".tsv")
        seconds[stage] = seconds.get(stage, 0.0) + float(used)
    return {stage: round(value / 60, 2) for stage, value in seconds.items()}
