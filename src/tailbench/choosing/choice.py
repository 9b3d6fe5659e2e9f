"""The model that suits a table best, of a few that are tried in a given time."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.choosing.candidates import CONTROL, Candidate, candidates
from tailbench.choosing.judge import Ranked, choose_simplest, outputs_for, tidy
from tailbench.choosing.search import Outcome, Search
from tailbench.choosing.table_facts import TableFacts, facts_of
from tailbench.choosing.verdict import sentences
from tailbench.exceptions import InputError
from tailbench.io.atomic import atomic_write, replacing
from tailbench.io.checksums import write_record
from tailbench.metrics.group_scores import QUALITY, scores
from tailbench.metrics.verdicts import judgements
from tailbench.rng.seeds import seed_for
from tailbench.training.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FEWEST_ROWS", "Choice", "check_folder", "choose"]

FEWEST_ROWS = 120
TABLE, RECORD, ROWS = "choice.csv", "choice.json", "columns.npy"
MOST_KEPT = 20_001  # values of a column
COLUMNS = ("method", "role", "worst", *QUALITY, "outside", "steps", "seconds", "reason")


@dataclass(frozen=True)
class Choice:
    """What was tried, and what is best.

    Attributes:
        name: Name of the chosen method.
        best: Its model, fitted on all rows; ``best.sample(n)`` has the shape ``(n, d)``.
        table: One row for each method, the simplest first: ``method``; ``role`` (``best``,
            ``control`` or empty); as multiples of the floor, geometric means over the folds,
            ``bulk``, ``margins`` and ``joint``, and the ``worst`` of them; ``outside``, the share
            of samples beyond a bound of the data; ``steps`` of the training of a network;
            ``seconds`` of a fold; ``reason``, why there is no score.
        verdict: Sentences: what is chosen and why, what it does not reproduce, and, where the data
            have bounds, whether samples keep to them.
        columns: Names of the columns of the samples.
        facts: What the table holds.
    """

    name: str
    best: Any
    table: pd.DataFrame
    verdict: tuple[str, ...]
    columns: tuple[str, ...]
    facts: TableFacts

    def save(self, folder: str | Path) -> None:
        """Write the model, the table and what is known of the data into a folder, all or nothing.

        ``tailbench.load`` and ``tailbench generate`` read it: beside the model ``choice.csv``,
        ``choice.json`` with the names of the columns, and ``columns.npy``, each column sorted by
        itself, at most 20,001 values of it, by which quantiles are known. A folder that is there
        is replaced if it is one of ``save``.

        Raises:
            InputError: If the folder is there and has something else in it.
        """
        folder = Path(folder)
        check_folder(folder, True)
        with replacing(folder.resolve()) as temporary:
            temporary.mkdir()
            self.best.save(temporary)
            atomic_write(temporary / TABLE, self.table.to_csv(index=False, lineterminator="\n"))
            np.save(temporary / ROWS, _thinned(self.facts.values))
            record = {"method": self.name, "columns": self.columns, "verdict": self.verdict}
            write_record(temporary / RECORD, record)


def _thinned(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values of each column, rising; of many rows those at evenly spaced ranks."""
    kept = np.linspace(0, len(x) - 1, min(len(x), MOST_KEPT)).round().astype(int)
    return np.sort(x, axis=0)[kept]


def check_folder(folder: Path, replace: bool) -> None:
    """Check that a choice can be written into a folder: that nothing else would be lost.

    Args:
        folder: The folder.
        replace: Whether an earlier choice may be replaced.

    Raises:
        InputError: If not.
    """
    parent = next(parent for parent in folder.absolute().parents if parent.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK)):
        raise InputError(f"{folder} cannot be made: {parent} is no folder that can be written to")
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / RECORD).is_file():
        raise InputError(f"{folder} is there and holds no earlier choice; name another folder")
    if not replace:
        raise InputError(f"{folder} holds an earlier choice; --force replaces it")


def choose(
    data: Any,
    *,
    budget: float = 600.0,
    columns: Sequence[str | int] | None = None,
    ordered: bool | None = None,
    seed: int = 0,
    verbose: bool = True,
    methods: Sequence[Candidate] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Choice:
    """Train the models that suit a table, and choose one by cross-validation.

    Each is fitted on every fold but one, and its samples are compared with the held-out rows by
    metrics of the bulk, of the columns' tails and of joint tails, each a multiple of its floor;
    the median of a group is its score. Of each method the worst group counts, by its mean over the
    folds. Of the methods within one standard error of the best the simplest is chosen, in the order
    of :func:`tailbench.choosing.candidates.candidates`. Those that draw beyond a bound of the data,
    such as negative losses, are not, unless all do. ``bootstrap`` never is: it copies rows.

    Args:
        data: Path of a file, a data frame, or an array ``(n, d)`` or ``(n,)``.
        budget: Seconds that the whole may take; the number of training steps follows from it.
        columns: Names of the columns to use, or their numbers from zero; by default all that hold
            numbers to learn from.
        ordered: Hold out blocks of neighbouring rows; by default where there are dates that rise.
        seed: Seed of all random choices. Networks also depend on the time that steps take.
        verbose: Show progress.
        methods: What to try in place of the methods that suit the size, the simplest first.
        clock: Seconds since some moment.

    Returns:
        The choice.

    Raises:
        InputError: If the data cannot be used, have fewer than 120 rows, or no method can learn
            them.
    """
    if not (budget > 0 and math.isfinite(budget)):
        raise InputError(f"the budget must be a positive number of seconds, not {budget}")
    facts = facts_of(data, columns)
    n = len(facts.values)
    if n < FEWEST_ROWS:
        raise InputError(f"{n} rows are too few to choose a model by; {FEWEST_ROWS} are needed")
    ordered = facts.order == "rising" if ordered is None else ordered
    began = clock()
    with Progress("choosing", max(round(budget), 1), quiet=not verbose) as progress:

        def report(note: str) -> None:
            progress.step(note, max(0, round(clock() - began) - progress.done))

        search = Search(facts, budget, ordered=ordered, seed=seed, clock=clock, report=report)
        found, why = candidates(facts, search.rows)
        outcomes = search.run(found if methods is None else methods)
        ranked, metrics, table = _ranked(search, outcomes)
        best = outcomes[ranked.chosen]
        report(f"{ranked.chosen}, on all rows")
        model: Any = best.candidate.build(best.steps)
        model.fit(facts.values, seed=seed_for("choose", "all", seed), verbose=False)
    rows = _rows(outcomes, ranked, {} if methods is not None else why)
    judged = judgements(metrics, table).set_index("method")
    direction = judged["direction"].get(ranked.chosen, "")
    worst = judged["worst"].get(ranked.chosen, "")
    said = sentences(rows, ranked, {worst: direction}, len(search.judges), facts)
    return Choice(ranked.chosen, model, rows, said, facts.names, facts)


def _ranked(
    search: Search, outcomes: dict[str, Outcome]
) -> tuple[Ranked, pd.DataFrame, pd.DataFrame]:
    """Return the choice, the tidy metrics and the scores."""
    done = {name: one for name, one in outcomes.items() if one.values}
    values = {(name, fold): v for name, one in done.items() for fold, v in one.values.items()}
    able = [name for name in done if name != CONTROL]
    if not able:
        reasons = "; ".join(f"{name}: {one.reason}" for name, one in outcomes.items() if one.reason)
        raise InputError(f"no method could be fitted within the budget: {reasons}")
    metrics = tidy(values, search.judges)
    table = scores(metrics, outputs_for(len(search.facts.columns)))
    inside = [name for name in able if not done[name].outside]
    return choose_simplest(table, list(outcomes), inside or able), metrics, table


def _rows(outcomes: dict[str, Outcome], ranked: Ranked, why: dict[str, str]) -> pd.DataFrame:
    """Return the table of a choice."""
    import pandas as pd

    floors = ranked.table.apply(np.exp).to_dict("index")
    rows = []
    for name, one in outcomes.items():
        role = "control" if name == CONTROL else "best" if name == ranked.chosen else ""
        row: dict[str, Any] = {"method": name, "role": role, "reason": one.reason}
        if name in floors:
            of = floors[name]
            row |= {key: float(of.get(key, math.nan)) for key in ("worst", *QUALITY)}
            row |= {"outside": one.outside / one.drawn, "steps": one.steps}
            row["seconds"] = round(sum(one.seconds) / len(one.seconds), 3)
        rows.append(row)
    rows += [{"method": name, "role": "", "reason": reason} for name, reason in why.items()]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"steps": "Int64"})
