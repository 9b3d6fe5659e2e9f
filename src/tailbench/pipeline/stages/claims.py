"""Stage ``claims``: fit what an experiment has measured, beside what is claimed, and draw it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tailbench import registry
from tailbench.io.atomic import replacing
from tailbench.io.checksums import read_text
from tailbench.pipeline.results.failures import read_failure
from tailbench.pipeline.results.layout import Layout
from tailbench.pipeline.stages.options import Experiment, OutputFolder
from tailbench.theory.claims import Slope

if TYPE_CHECKING:
    import pandas as pd
    import rich.table

__all__ = ["run", "slopes", "slopes_table"]


def run(
    experiment: Experiment,
    type_: Annotated[str, typer.Option("--type", help="Type of the experiment.")],
    cells: Annotated[list[Path], typer.Argument(help="CSV files of the cells.")],
    folder: OutputFolder,
) -> None:
    """Write ``points.csv``, ``slopes.csv``, ``figure.png`` and ``figure.pdf`` into a folder.

    Cells that failed are left out.

    Raises:
        InputError: If there is no such experiment, or a file is missing or corrupt.
    """
    import pandas as pd

    from tailbench.plots import style

    texts = [io.StringIO(read_text(path)) for path in cells if not read_failure(path.parent)]
    tables = [pd.read_csv(text, float_precision="round_trip") for text in texts]
    part = registry.load("claims", type_)()
    points = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    rows = [slope.row() for slope in part.slopes(points)] if tables else []
    found = pd.DataFrame(rows, columns=Slope.columns())
    found.insert(0, "experiment", experiment)
    for name, table in {"points": points, "slopes": found}.items():
        with replacing(folder / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")
    with style.theme():
        drawn = part.draw(points, found) if tables else style.panels(1)[0]
        style.save(drawn, folder, "figure")
    print(
        found.to_string(columns=["quantity", "case", "slope", "low", "high", "claimed", "verdict"])
    )


def slopes(results: Path) -> pd.DataFrame | None:
    """Read the slopes of all experiments of the last run; ``None`` if it had none.

    Args:
        results: Folder of the results; experiments are those that its ``config.json`` names.
    """
    import pandas as pd

    from tailbench.pipeline.results.reader import ResultsReader

    named = ResultsReader(results).config.get("theory") or {}
    paths = [Path(Layout(str(results)).theory(name), "slopes.csv") for name in named]
    # an empty place is no number, but a word without letters
    empty = {name: [""] for name in ("slope", "low", "high", "claimed")}
    tables = [
        pd.read_csv(path, keep_default_na=False, na_values=empty)
        for path in paths
        if path.is_file()
    ]
    return pd.concat(tables, ignore_index=True) if tables else None


def slopes_table(found: pd.DataFrame) -> rich.table.Table:
    """Lay out slopes beside what is claimed, for a terminal."""
    from rich import box
    from rich.table import Table

    from tailbench.pipeline.reporting.number_format import number

    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption="slopes on double logarithms")
    for name in ("experiment", "quantity", "case"):
        grid.add_column(name, overflow="fold")
    for name in ("slope", "95 % interval", "claimed", "verdict"):
        grid.add_column(name, justify="right")
    rows: list[dict[Any, Any]] = found.to_dict("records")
    for row in rows:
        grid.add_row(
            *(str(row[name]) for name in ("experiment", "quantity", "case")),
            number(row["slope"]),
            f"{number(row['low'])} to {number(row['high'])}",
            f"{row['relation']} {number(row['claimed'])}" if row["relation"] else "",
            str(row["verdict"]),
        )
    return grid
