"""LaTeX tables that fit: columns parted by their width, rows by the page."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

__all__ = ["NEEDS", "TEXT", "Column", "escape", "tables"]

TEXT = 345.0
"""Default width in points: the text of LaTeX's ``article``, the narrowest of common classes."""
NEEDS = "% Needs \\usepackage{array,booktabs,longtable}.\n"
ROWS = 40
"""Rows from which a table is a ``longtable``, which breaks between pages."""
LONG = 110.0  # points beyond which a text is broken into lines
HEAD = 58.0  # points beyond which a head is broken
GAP = 6.0  # points between two columns
KEYS = 0.6  # largest share of the width for the columns that each part repeats

_SIZE = r"\fontsize{8}{9.6}\selectfont\setlength{\tabcolsep}{3pt}"
_MATH = {"±": r"$\pm$", "−": "$-$", "∞": r"$\infty$", "×": r"$\times$", "–": "--", "’": "'"}
_MATH |= {"α": r"$\alpha$", "σ": r"$\sigma$", "ξ": r"$\xi$", "χ": r"$\chi$", "\u0304": ""}
_MATH |= {"↓": r"$\downarrow$", "↑": r"$\uparrow$", "é": r"\'e", "ö": r"\"o", "ü": r"\"u"}
_SPECIAL = {c: f"\\{c}" for c in "&%#{}$"} | {
    "_": r"\_", "\\": r"\textbackslash{}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$",
}  # fmt: skip
_COMMANDS = {"chi", "bar", "xi", "alpha", "sigma", "le", "ge", "downarrow", "uparrow"}
# widths of Computer Modern at 8 points, in points; those that are missing are as wide as a digit
_WIDTHS = {
    **dict.fromkeys("ijl.,:;'|!", 2.5), **dict.fromkeys("ft-()[]rs ", 3.4),
    **dict.fromkeys("mw±×=<>+−%", 7.1), **dict.fromkeys("MW@∞", 8.6),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ", 6.2), **dict.fromkeys("abdghknopquvxy", 4.7),
}  # fmt: skip
_DIGIT = 4.3
_BOLD = 1.16


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        head: Its head, as text with a little mathematics.
        cells: Its cells, in the same form.
        bold: Places of the cells that are bold.
        number: Whether it is flush right, and never broken.
    """

    head: str
    cells: Sequence[str]
    bold: Collection[int] = ()
    number: bool = False

    @property
    def natural(self) -> float:
        """The width that no cell is broken at, in points."""
        wide = max((_width(c) * (_BOLD if i in self.bold else 1) for i, c in enumerate(self.cells)),
                   default=0.0)  # fmt: skip
        return max(wide, *map(_width, self._head()))

    @property
    def least(self) -> float:
        """The width of the longest word, in points."""
        if self.number:
            return self.natural
        words = [w for text in (self.head, *self.cells) for w in re.split(r"(?<=_)| ", text)]
        return max(map(_width, words), default=0.0) + 1

    def _head(self) -> list[str]:
        lines: list[str] = []
        for word in re.findall(r"(?:\$[^$]*\$|[^\s_])+_?|_", self.head):
            if lines and _width(f"{lines[-1]} {word}") <= HEAD:
                lines[-1] += word if lines[-1].endswith("_") else f" {word}"
            else:
                lines.append(word)
        return lines or [""]

    def written_head(self) -> str:
        """Return the head in LaTeX, on several lines if it is long."""
        lines = [escape(line) for line in self._head()]
        side = "r" if self.number else "l"
        return lines[0] if len(lines) == 1 else rf"\shortstack[{side}]{{{' '.join(_stack(lines))}}}"


def tables(keys: Sequence[Column], rest: Sequence[Column], width: float = TEXT) -> str:
    """Write columns as one table, or as several below each other that all start with the keys.

    Args:
        keys: The columns that say what a row is of.
        rest: The others.
        width: Points that the text is wide.

    Returns:
        LaTeX in letters of 8 points: ``tabular`` of few rows, ``longtable`` of many.
    """
    narrow = _fitted([column.natural for column in keys], [c.least for c in keys], KEYS * width)
    room = width - sum(narrow) - GAP * len(keys)
    least = [c.natural if c.number else min(c.natural, max(LONG, c.least)) for c in rest]
    parts: list[list[int]] = [[]]
    for place, wide in enumerate(least):
        if parts[-1] and sum(least[i] + GAP for i in parts[-1]) + wide + GAP > room:
            parts.append([])
        parts[-1].append(place)
    written = []
    for part in parts:
        own, spare = [least[i] for i in part], room - sum(least[i] + GAP for i in part)
        for k, i in enumerate(part):
            more = min(max(spare, 0.0), rest[i].natural - own[k])
            own[k], spare = own[k] + more, spare - more
        columns = [*keys, *(rest[i] for i in part)]
        written.append(_table(columns, [*narrow, *own]))
    return NEEDS + "\n\\medskip\n\n".join(written)


def escape(text: str) -> str:
    """Return a text for LaTeX, in ASCII; of mathematics only a few commands are kept."""
    parts = re.split(r"(\$[^$]*\$)", text)
    for i, part in enumerate(parts):
        kept = i % 2 and set(re.findall(r"\\([A-Za-z]*)", part)) <= _COMMANDS
        if not kept or re.search(r"[&%#~]", part):
            parts[i] = "".join(_SPECIAL.get(c, _MATH.get(c, c)) for c in part)
    return "".join(parts).encode("ascii", "replace").decode()


def _table(columns: Sequence[Column], widths: Sequence[float]) -> str:
    """Write one table of columns that are this wide."""
    kinds = [
        "r" if c.number else "l" if wide >= c.natural - 0.01 else "p"
        for c, wide in zip(columns, widths, strict=True)
    ]
    spec = "".join(
        rf">{{\raggedright\arraybackslash}}p{{{wide:.0f}pt}}" if kind == "p" else kind
        for kind, wide in zip(kinds, widths, strict=True)
    )
    head = " & ".join(column.written_head() for column in columns) + r" \\"
    rows = []
    for place in range(len(columns[0].cells)):
        cells = [
            escape(c.cells[place]) if kind != "p" else _breaking(escape(c.cells[place]))
            for c, kind in zip(columns, kinds, strict=True)
        ]
        bold = [place in column.bold for column in columns]
        texts = [rf"\textbf{{{c}}}" if b else c for c, b in zip(cells, bold, strict=True)]
        rows.append(" & ".join(texts) + r" \\")
    body = "\n".join(rows)
    if len(rows) > ROWS:
        begin = f"\\begin{{longtable}}{{{spec}}}\n\\toprule\n{head}\n\\midrule\n\\endhead\n"
        begin += "\\bottomrule\n\\endfoot\n"
        return f"{{{_SIZE}\n{begin}{body}\n\\end{{longtable}}}}\n"
    begin = f"\\begin{{tabular}}{{{spec}}}\n\\toprule\n{head}\n\\midrule\n"
    return f"{{{_SIZE}\n{begin}{body}\n\\bottomrule\n\\end{{tabular}}}}\n"


def _breaking(text: str) -> str:
    """Return LaTeX that may be broken after each underscore."""
    return text.replace(r"\_", r"\_\allowbreak{}")


def _stack(lines: Sequence[str]) -> list[str]:
    return [rf"{line}\\" for line in lines[:-1]] + [lines[-1]]


def _fitted(natural: Sequence[float], least: Sequence[float], limit: float) -> list[float]:
    """Shrink widths to a limit together, none below its longest word."""
    limit -= GAP * len(natural)
    if sum(natural) <= limit:
        return list(natural)
    share = limit / sum(natural)
    return [max(n * share, low) for n, low in zip(natural, least, strict=True)]


def _width(text: str) -> float:
    """Return the width of a text in points, about."""
    plain = re.sub(r"\\bar|[\\${}^]|(?<=\$)_", "", text.replace(r"\chi", "x").replace(r"\xi", "x"))
    return sum(_WIDTHS.get(c, _DIGIT) for c in plain)
