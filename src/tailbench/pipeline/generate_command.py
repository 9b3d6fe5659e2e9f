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
LARGEST = 2.0**63  # from which a whole number does not fit into 64 bits
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

    text: str
    position: int
    holds: Callable[[Any, Any], Any]
    value: float


@dataclass
class Draws:
    """Samples of a fitted model, of which those that satisfy conditions are kept.

    Attributes:
        model: The model.
        seed: Seed of the samples.
        conditions: What rows have to satisfy.
        whole: Columns whose samples are rounded to whole numbers, shape ``(d,)``.
        count: Number of samples drawn so far.
    """

    model: Any
    seed: int
    conditions: Sequence[Condition]
    whole: NDArray[np.bool_]
    count: int = 0

    @property
    def wanted(self) -> str:
        """The conditions as they were written."""
        return " and ".join(condition.text for condition in self.conditions)

    def pieces(self, n: int) -> Iterator[Array]:
        """Yield ``n`` rows in pieces.

        Raises:
            InputError: If none of many samples satisfies the conditions.
        """
        import numpy as np

        from tailbench.rng.seeds import seed_for

        kept, empty = 0, 0
        most = max(1, PIECE // self.model.dim)
        size = min(max(n, AT_LEAST) if self.conditions else n, most)
        while kept < n:
            own = seed_for("generate", self.seed, self.count // size) if self.count else self.seed
            rows = np.array(self.model.sample(size, seed=own), np.float64).reshape(size, -1)
            rows[:, self.whole] = np.rint(rows[:, self.whole]) + 0.0  # no minus zero
            self.count += size
            fits = [c.holds(rows[:, c.position], c.value) for c in self.conditions]
            rows = (rows[np.all(fits, axis=0)] if fits else rows)[: n - kept]
            kept, empty = kept + len(rows), 0 if len(rows) else empty + 1
            if empty == FRUITLESS:
                raise InputError(f"of the last {empty * size} samples none satisfies {self.wanted}")
            yield rows


@dataclass(frozen=True)
class Columns:
    """What is written of the columns: names, and whether all of their values are whole numbers."""

    names: tuple[str, ...]
    whole: NDArray[np.bool_]


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
    from tailbench.pipeline.results.trained import load, source_of

    if output.suffix.lower() not in WRITERS:
        raise InputError(f"{output} does not end in {', '.join(WRITERS)}")
    fitted = load(model, method, dataset=dataset, seed=trained, variant=variant, device=device)
    if fitted.num_seeds != 1:
        raise InputError(f"{model} holds {fitted.num_seeds} seeds; name the folder of the run")
    source = source_of(model, dataset, trained)
    numbered = tuple(str(j) for j in range(fitted.dim))
    columns = source.columns or tuple(getattr(fitted, "feature_names_in_", numbered))
    conditions = [_condition(text, columns, source.train) for text in given or ()]
    draws = Draws(fitted, seed, conditions, _whole(source.train, fitted.dim))
    with replacing(output) as temporary, temporary.open("wb") as file:
        WRITERS[output.suffix.lower()](file, Columns(columns, draws.whole), n, draws.pieces(n))
    typer.echo(f"{n} samples of {', '.join(columns)} in {output}")
    if conditions:
        typer.echo(f"{n / draws.count:.3g} of {draws.count} draws satisfied {draws.wanted}")


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
            return Condition(text, position, holds, float(value))
        except ValueError:
            raise InputError(f"--given {text!r}: {value!r} is no number and no q99") from None
    if train is None:
        raise InputError(
            f"--given {text!r}: quantiles need a choice or a run: a model knows no data"
        )
    share = float(level["digits"]) / 100.0
    if not 0 < share < 1:
        raise InputError(f"--given {text!r}: a quantile is between q0 and q100")
    return Condition(text, position, holds, float(np.quantile(train[:, position], share)))


def _whole(train: Array | None, dim: int) -> NDArray[np.bool_]:
    """Return which columns hold whole numbers alone, as counts do: their samples are rounded."""
    import numpy as np

    if train is None:
        return np.zeros(dim, dtype=bool)
    return np.asarray((train == np.rint(train)).all(axis=0))


def _write_csv(file: IO[bytes], columns: Columns, n: int, pieces: Iterator[Array]) -> None:
    import pandas as pd

    for number, rows in enumerate(pieces):
        frame = pd.DataFrame(rows, columns=list(columns.names))
        for name in frame.columns[columns.whole]:
            frame[name] = pd.Series([int(value) for value in frame[name]], dtype=object)
        file.write(frame.to_csv(index=False, header=number == 0, lineterminator="\n").encode())


def _write_parquet(file: IO[bytes], columns: Columns, n: int, pieces: Iterator[Array]) -> None:
    import numpy as np
    import pyarrow
    import pyarrow.parquet

    types = np.where(columns.whole, "int64", "float64")
    known = zip(columns.names, map(pyarrow.type_for_alias, types), strict=True)
    schema = pyarrow.schema(list(known))
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        for rows in pieces:
            numbers = rows[:, columns.whole]
            if (large := numbers[np.abs(numbers) >= LARGEST]).size:
                raise InputError(
                    f"a sample of a column of whole numbers is {large[0]:g}, too large for 64 "
                    "bits: write a file that ends in .csv"
                )
            arrays = [one.astype(kind) for one, kind in zip(rows.T, types, strict=True)]
            writer.write_table(pyarrow.table(arrays, schema=schema))


def _write_npy(file: IO[bytes], columns: Columns, n: int, pieces: Iterator[Array]) -> None:
    import numpy as np

    header = {"descr": "<f8", "fortran_order": False, "shape": (n, len(columns.names))}
    np.lib.format.write_array_header_1_0(file, header)
    for rows in pieces:
        file.write(np.ascontiguousarray(rows, "<f8").tobytes())


WRITERS = {".csv": _write_csv, ".parquet": _write_parquet, ".npy": _write_npy}
