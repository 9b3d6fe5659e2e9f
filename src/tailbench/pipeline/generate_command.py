"""The command ``tailbench generate``: samples of a trained model, as many as are wanted."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tailbench.exceptions import InputError
from tailbench.io.atomic import replacing

if TYPE_CHECKING:
    from typing import IO

    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["generate"]

PIECE = 2**21  # numbers that are drawn and written at once
AT_LEAST = 10_000  # samples that are drawn at once where some are discarded
FRUITLESS = 20  # pieces without one row that fits, after which there is no hope
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
CONDITION = re.compile(r"\s*(?P<column>.+?)\s*(?P<sign>>=|<=|>|<)\s*(?P<value>\S+)\s*")
LEVEL = re.compile(r"q(?P<digits>\d{1,6}(\.\d+)?)")


@dataclass(frozen=True)
class Condition:
    """What a row has to satisfy: a column beyond a value."""

    position: int
    holds: Callable[[Any, Any], Any]
    value: float


def generate(
    model: Annotated[
        Path, typer.Argument(help="Folder of a model, or results/NAME of a run with its methods.")
    ],
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="Number of samples.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", dir_okay=False, help="File to write: .csv, .parquet or .npy."
        ),
    ],
    method: Annotated[str | None, typer.Option(help="Method of the run.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Dataset of the run.")] = None,
    trained: Annotated[
        int | None, typer.Option(help="Seed of the run whose model is sampled; its first if none.")
    ] = None,
    variant: Annotated[str | None, typer.Option(help="Variant of a method with a sweep.")] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"COLUMN > VALUE"',
            help="Keep rows that satisfy this; q99 as value is the 99 % quantile of the training "
            "data. Repeatable: all have to hold.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the samples.")] = 0,
    device: Annotated[str, typer.Option(help="Where to sample: auto, cpu or cuda.")] = "auto",
) -> None:
    """Draw samples of a trained model into a file, with the names of its columns."""
    import numpy as np

    from tailbench.pipeline.results.trained import load, source_of
    from tailbench.rng.seeds import seed_for

    if output.suffix.lower() not in WRITERS:
        raise InputError(f"{output} does not end in {', '.join(WRITERS)}")
    fitted = load(model, method, dataset=dataset, seed=trained, variant=variant, device=device)
    if fitted.num_seeds != 1:
        raise InputError(f"{model} holds {fitted.num_seeds} seeds; name the folder of the run")
    source = source_of(model, dataset, trained)
    columns = source.columns or tuple(str(j) for j in range(fitted.dim))
    conditions = [_condition(text, columns, source.train) for text in given or ()]
    drawn = 0

    def pieces() -> Iterator[Array]:
        nonlocal drawn
        kept, empty = 0, 0
        most = max(1, PIECE // fitted.dim)
        size = min(max(n, AT_LEAST) if conditions else n, most)
        while kept < n:
            own = seed if drawn == 0 else seed_for("generate", seed, drawn // size)
            rows = np.asarray(fitted.sample(size, seed=own)).reshape(size, -1)
            drawn += size
            fits = np.all([c.holds(rows[:, c.position], c.value) for c in conditions], axis=0)
            rows = (rows[fits] if conditions else rows)[: n - kept]
            kept, empty = kept + len(rows), 0 if len(rows) else empty + 1
            if empty == FRUITLESS:
                wanted = " and ".join(given or ())
                raise InputError(f"of the last {empty * size} samples none satisfies {wanted}")
            yield rows

    with replacing(output) as temporary, temporary.open("wb") as file:
        WRITERS[output.suffix.lower()](file, columns, n, pieces())
    typer.echo(f"{n} samples of {', '.join(columns)} in {output}")
    if conditions:
        typer.echo(f"{n / drawn:.3g} of {drawn} draws satisfied {' and '.join(given or ())}")


def _condition(text: str, columns: Sequence[str], train: Array | None) -> Condition:
    """Read a condition.

    Raises:
        InputError: If it is not one, or has an unknown column, or a quantile of unknown data.
    """
    import numpy as np

    from tailbench.registry import nearest

    found = CONDITION.fullmatch(text)
    if found is None:
        raise InputError(f"--given {text!r} is not of the form COLUMN > VALUE, such as 'a > q99'")
    column, value = found["column"], found["value"]
    if column not in columns:
        raise InputError(f"--given {text!r}: no column {column!r}{nearest(column, columns)}")
    position = list(columns).index(column)
    holds = COMPARISONS[found["sign"]]
    level = LEVEL.fullmatch(value)
    if level is None:
        try:
            return Condition(position, holds, float(value))
        except ValueError:
            raise InputError(f"--given {text!r}: {value!r} is no number and no q99") from None
    if train is None:
        raise InputError(f"--given {text!r}: quantiles need the results of a run, not a model")
    share = float(level["digits"]) / 100.0
    if not 0 < share < 1:
        raise InputError(f"--given {text!r}: a quantile is between q0 and q100")
    return Condition(position, holds, float(np.quantile(train[:, position], share)))


def _write_csv(file: IO[bytes], columns: Sequence[str], n: int, pieces: Iterator[Array]) -> None:
    import pandas as pd

    for number, rows in enumerate(pieces):
        frame = pd.DataFrame(rows, columns=list(columns))
        file.write(frame.to_csv(index=False, header=number == 0, lineterminator="\n").encode())


def _write_parquet(
    file: IO[bytes], columns: Sequence[str], n: int, pieces: Iterator[Array]
) -> None:
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([(name, pyarrow.float64()) for name in columns])
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        for rows in pieces:
            writer.write_table(pyarrow.table(list(rows.T), schema=schema))


def _write_npy(file: IO[bytes], columns: Sequence[str], n: int, pieces: Iterator[Array]) -> None:
    import numpy as np

    header = {"descr": "<f8", "fortran_order": False, "shape": (n, len(columns))}
    np.lib.format.write_array_header_1_0(file, header)
    for rows in pieces:
        file.write(np.ascontiguousarray(rows, "<f8").tobytes())


WRITERS = {".csv": _write_csv, ".parquet": _write_parquet, ".npy": _write_npy}
