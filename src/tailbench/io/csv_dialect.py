"""How a CSV file is written: its encoding, what parts its fields, and its decimal sign."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tailbench.exceptions import InputError

__all__ = ["Dialect", "find_dialect"]

SEPARATORS = (",", ";", "\t", "|")
LINES = 50  # that are looked at
PIECE = 2**20
COMMA = re.compile(r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*")
POINT = re.compile(r"\s*[+-]?\d*\.\d+([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class Dialect:
    """The form of a CSV file.

    Attributes:
        encoding: Name of the encoding, as Python has it.
        separator: What stands between two fields.
        decimal: The decimal sign, a point or a comma.
    """

    encoding: str = "utf-8-sig"
    separator: str = ","
    decimal: str = "."

    @property
    def text(self) -> str:
        """What is unusual of it, for readers; empty for commas, decimal points and UTF-8."""
        name = {";": "semicolons", "\t": "tabs", "|": "bars"}.get(self.separator)
        said = [f"fields parted by {name}"] if name else []
        said += ["decimal commas"] if self.decimal == "," else []
        said += [f"the encoding {self.encoding}"] if self.encoding != "utf-8-sig" else []
        return " and ".join(said)


def find_dialect(
    path: Path,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
) -> Dialect:
    """Return the form of a CSV file: what is given of it, and what its first lines say of the rest.

    - The encoding is UTF-8, UTF-16 if the file begins with its mark, or else Windows-1252.
    - The separator is a comma, semicolon, tab or bar: the one that gives all of the first lines
      the same number of fields, and the most of them, at least two. A comma if there is none.
    - The decimal sign is a comma if fields are not parted by commas and some field of the first
      lines is a number with a comma, none one with a point. A number such as ``1,234`` is then
      1.234: in such files commas do not part thousands.

    Args:
        path: The file.
        separator: What stands between two fields, where it is known.
        decimal: The decimal sign, where it is known.
        encoding: The encoding, where it is known.

    Raises:
        InputError: If the file is in no such encoding.
    """
    encoding = _encoding(path, encoding)
    with path.open(encoding=encoding, newline="") as file:
        lines = list(islice(file, LINES))
    if separator is None:
        separator = _separator(lines)
    return Dialect(encoding, separator, decimal or _decimal(lines, separator))


def _separator(lines: list[str]) -> str:
    best, most = ",", 1
    for separator in SEPARATORS:
        counts = {len(fields) for fields in _fields(lines, separator) if fields}
        if len(counts) == 1 and (count := counts.pop()) > most:
            best, most = separator, count
    return best


def _decimal(lines: list[str], separator: str) -> str:
    if separator == ",":
        return "."
    fields = [field for row in _fields(lines, separator)[1:] for field in row]
    commas, points = (any(map(form.fullmatch, fields)) for form in (COMMA, POINT))
    return "," if commas and not points else "."


def _fields(lines: list[str], separator: str) -> list[list[str]]:
    """Return the fields of lines, or nothing of what is no CSV."""
    try:
        return list(csv.reader(lines, delimiter=separator))
    except csv.Error:  # a field longer than 131,072 characters
        return []


def _encoding(path: Path, given: str | None) -> str:
    """Return the encoding of a file, which is read to its end."""
    with path.open("rb") as file:
        start = file.read(2)
    marked = start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    known = [given] if given else ["utf-16"] if marked else ["utf-8-sig", "cp1252"]
    for name in known:
        try:
            with path.open(encoding=name, newline="") as text:
                while text.read(PIECE):
                    pass
        except UnicodeError:
            continue
        return name
    said = f"not text in {given}" if given else "text neither in UTF-8 nor in UTF-16"
    raise InputError(f"{path} cannot be read as .csv: it is {said}")
