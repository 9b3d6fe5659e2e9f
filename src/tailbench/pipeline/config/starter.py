"""A first configuration for a table of the user's, with comments on what was found in it."""

from __future__ import annotations

import json
import math
import os
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from tailbench.choosing.candidates import batch_rows, candidates, network_width
from tailbench.choosing.table_facts import ColumnFacts, TableFacts
from tailbench.pipeline.config.errors import line
from tailbench.stats.tail_index import Tail

__all__ = ["TEST_FRACTION", "notes", "starter_config", "summary"]

TEST_FRACTION = 0.25
FEWEST_FOR_INDEX = 200  # held-out rows that tail_index needs
WIDTH, COMMENT = 80, 96
INTERVAL = 1.96
ROW = "{:<14} {:>9} {:>9} {:>9} {:>17} {:>17}"


def starter_config(facts: TableFacts, data: Path, output: Path) -> str:
    """Write a configuration that trains what suits the size of a table in some minutes.

    Args:
        facts: What the table holds.
        data: Path of the table.
        output: Where the configuration will lie; the path in it starts there.

    Returns:
        YAML with comments.
    """
    n = len(facts.values)
    n_train = n - round(n * TEST_FRACTION)
    found, why = candidates(facts, n_train)
    networks = [method for method in found if method.trained]
    lines = [
        f"# Written by tailbench init from {line(data.name)}. tailbench validate checks it, and",
        "# tailbench run runs it. tailbench config-reference lists all keys.",
        "#",
        *(part for note in notes(facts) for part in _comment(note)),
        "",
        '# Three trainings of each model. Add a block, such as "3-5", for more.',
        'seeds: ["0-2"]',
        "",
        "datasets:",
        *_dataset(facts, data, output),
        "",
    ]
    if networks:
        budget = f"batch_size: {batch_rows(n_train)}, width: {network_width(len(facts.columns))}"
        lines += [
            "# Of every network but the flow: minutes in all. Longer trainings are better ones.",
            f"budget: {{train_steps: 500, {budget}, num_blocks: 2}}",
            "",
        ]
    lines += [
        "# Without a number of steps: closed forms and EM. bootstrap copies rows: the control."
    ]
    lines += ["models:"]
    for method in found:
        if method.name != "flow_sgm":
            lines.append(f"  {method.name}: {_model_settings(method.name, method.settings)}")
    lines += ["", "methods:"]
    lines += [f"  {method.name}: {_sampling(method.name)}" for method in found]
    lines += [
        part for name, reason in why.items() for part in _comment(f"Not here: {name}, {reason}.", 2)
    ]
    names = _metrics(len(facts.columns), n - n_train)
    lines += ["", "metrics:", *(f"  {name}: {settings}" for name, settings in names)]
    return "\n".join([*lines, ""])


def summary(facts: TableFacts) -> str:
    """Write what was found as a table of at most 80 columns, with notes."""
    rows = [ROW.format("column", "least", "median", "largest", "xi of low side", "xi of high side")]
    for column in facts.columns:
        name = textwrap.shorten(line(column.name), 14, placeholder="…") or line(column.name)[:14]
        values = (f"{value:.3g}" for value in (column.low, column.median, column.high))
        rows.append(ROW.format(name, *values, *map(_tail_text, column.tails)).rstrip())
    said = [
        "xi is the extreme value index, one over the tail index, of each side of the median, by "
        "its largest 5 %, with 95 %; * is heavy.",
        *notes(facts),
    ]
    return "\n".join([*rows, "", *(textwrap.fill(text, WIDTH) for text in said)])


def notes(facts: TableFacts) -> list[str]:
    """Return what was found in sentences: rows, split, columns left out, bounds, atoms, copies."""
    n, count = len(facts.values), len(facts.columns)
    found = [f"{n:,} rows of {count} column{'s' if count > 1 else ''}. {_order(facts)}"]
    if facts.form:
        found.append(f"Read as a file with {facts.form}.")
    if facts.left_out:
        said = "; ".join(
            f"{line(name) or '(no name)'} {why}" for name, why in facts.left_out.items()
        )
        found.append(f"Left out: {said}.")
    found += [text for column in facts.columns if (text := _column_text(column))]
    found += [
        f"{line(first)} and {line(second)} are nearly copies, with rank correlation {value:.4f}: "
        "leave one of them out."
        for first, second, value in facts.twins
    ]
    return found


def _order(facts: TableFacts) -> str:
    """Say how the rows follow each other, and which are held out."""
    share = f"{TEST_FRACTION:.0%}".replace("%", " %")
    if facts.order == "rising":
        first, last = facts.period
        return f"{facts.dates} rises, {first} to {last}: the last {share} are held out."
    if facts.order == "mixed":
        return (
            f"{facts.dates} does not rise: a random {share} are held out. Sort the file by it, and "
            "set split: chronological, to hold out the latest."
        )
    if facts.order == "alike":
        return f"Neighbouring rows are alike, as in time: the last {share} are held out."
    return f"Rows have no dates and no order: a random {share} are held out."


def _column_text(column: ColumnFacts) -> str:
    """Say what is special about a column: bounds and a value that is frequent."""
    said = []
    if math.isfinite(column.lower):
        said.append(f"is never below {column.lower:g}")
    if math.isfinite(column.upper):
        said.append(f"is never above {column.upper:g}")
    if column.atom_share:
        share = f"{100 * column.atom_share:.2g} %"
        said.append(f"is equal to {column.atom:g} in {share} of the rows")
    return f"{line(column.name)} {', and '.join(said)}." if said else ""


def _tail_text(tail: Tail | None) -> str:
    if tail is None:
        return "-"
    mark = "*" if tail.tail == "heavy" else ""
    return f"{tail.xi:.2f} ± {INTERVAL * tail.xi_se:.2f}{mark:1}"


def _comment(text: str, indent: int = 0) -> Iterator[str]:
    """Yield the lines of a comment."""
    for part in textwrap.wrap(text, COMMENT - indent):
        yield f"{' ' * indent}# {part}"


def _dataset(facts: TableFacts, data: Path, output: Path) -> Iterator[str]:
    """Yield the lines of the dataset."""
    start = output.resolve().parent
    whole = data.resolve()
    path = os.path.relpath(whole, start) if whole.anchor == start.anchor else str(whole)
    chronological = facts.order in ("rising", "alike")
    name = re.sub(r"[^A-Za-z0-9_-]", "_", data.stem)[:60]
    yield f"  {name if name[:1].isalpha() else f'data_{name}'}:"
    yield "    type: file"
    yield f"    path: {_text(path)}"
    yield f"    columns: [{', '.join(map(_text, facts.names))}]"
    yield f"    split: {'chronological' if chronological else 'random'}"
    yield f"    test_fraction: {TEST_FRACTION}"
    bounded = [column for column in facts.columns if column.bounded]
    if bounded:
        said = [
            f"{_text(column.name)}: [{_bound(column.lower)}, {_bound(column.upper)}]"
            for column in bounded
        ]
        yield "    # No sample of any model passes these bounds."
        yield f"    support: {{{', '.join(said)}}}"
    if facts.has_atoms:
        yield "    # Values that come again and again are so in the samples too."
        yield "    atoms: auto"


def _bound(value: float) -> str:
    """Write a bound: whole digits, and without a point where it is none of its own."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _text(value: str) -> str:
    """Write a text so that YAML reads it as one."""
    return json.dumps(value, ensure_ascii=not value.isprintable())


def _model_settings(name: str, settings: object) -> str:
    """Write the settings of a model, but for those that the budget has."""
    own = dict(settings) if isinstance(settings, dict) else {}
    if name == "flow":
        own = {"train_steps": 500, **own}
    else:
        own = {key: own[key] for key in own if key not in ("batch_size", "width", "num_blocks")}
        own = {key: value for key, value in own.items() if value != "none"}
    return "{" + ", ".join(f"{key}: {value}" for key, value in own.items()) + "}"


def _sampling(name: str) -> str:
    return {
        "sgm": "{sampler: dpmpp_2m, sampling_steps: 32}",
        "fm": "{sampler: midpoint, sampling_steps: 16}",
        "flow_sgm": "{sampler: dpmpp_2m, sampling_steps: 15, sigma_T: auto}",
    }.get(name, "{}")


def _metrics(dim: int, n_test: int) -> Sequence[tuple[str, str]]:
    """Return the metrics that are defined for so many columns and held-out rows."""
    found = [("sliced_wasserstein", "{directions: 100, starts: 4}"), ("energy", "{}")]
    found += [("msle", "{}"), ("expected_shortfall", "{}"), ("tail_coverage", "{}")]
    if n_test >= FEWEST_FOR_INDEX:
        found.append(("tail_index", "{}"))
    found += [("tail_direction", "{}"), ("tail_ks", "{}")]
    if dim > 1:
        found.append(("extremal_dependence", "{}"))
    return [*found, ("memorisation", "{}")]
