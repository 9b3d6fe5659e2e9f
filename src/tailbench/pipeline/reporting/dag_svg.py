"""Drawings of the plan as inline SVG, coloured by the page's style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

__all__ = ["graph", "pairs"]

WIDTH, HEIGHT, GAP, ROW = 104, 46, 44, 62


def graph(stages: Sequence[Mapping[str, Any]], edges: Iterable[Sequence[str]]) -> Markup:
    """Draw stages as boxes with their numbers of jobs, from left to right, and what feeds what.

    Args:
        stages: Mappings with ``name`` and ``jobs``.
        edges: Pairs of names; those of stages that are not listed are left out.
    """
    names = [str(stage["name"]) for stage in stages]
    arrows = [(str(a), str(b)) for a, b in edges if a in names and b in names]
    layer = _layers(names, arrows)
    columns = [
        [n for n in names if layer[n] == i] for i in range(max(layer.values(), default=0) + 1)
    ]
    tallest = max(map(len, columns), default=1)
    place = {
        name: (
            i * (WIDTH + GAP) + 2,
            (k + (tallest - len(column)) / 2) * ROW + 2,
        )
        for i, column in enumerate(columns)
        for k, name in enumerate(column)
    }
    skips = any(layer[b] - layer[a] > 1 for a, b in arrows)
    width = len(columns) * (WIDTH + GAP) - GAP + 4
    height = tallest * ROW - (ROW - HEIGHT) + 4 + (12 if skips else 0)
    parts = [_edge(place[a], place[b], layer[b] - layer[a] > 1) for a, b in arrows]
    for stage in stages:
        x, y = place[str(stage["name"])]
        jobs = int(stage.get("jobs") or 0)
        parts.append(
            _box(x, y, WIDTH, HEIGHT, str(stage["name"]), f"{jobs} job{'s' * (jobs != 1)}")
        )
    return _svg(width, height, "Stages of the workflow and what feeds what", parts, "drawing wide")


def pairs(found: Sequence[tuple[str, str]]) -> Markup:
    """Draw trained models on the left, the methods that sample from them on the right."""
    left = list(dict.fromkeys(a for a, _ in found))
    right = list(dict.fromkeys(b for _, b in found))
    row, high = 34, 26
    span = 8 * max((len(name) for name in [*left, *right]), default=10) + 24
    tallest = max(len(left), len(right), 1)
    shift = {id(side): (tallest - len(side)) * row / 2 + 22 for side in (left, right)}
    parts = []
    for a, b in found:
        y0 = shift[id(left)] + left.index(a) * row + high / 2
        y1 = shift[id(right)] + right.index(b) * row + high / 2
        x0, x1 = span + 2, span + 162
        parts.append(
            Markup('<path class="edge" d="M{} {}C{} {} {} {} {} {}"/>').format(
                x0, y0, x0 + 70, y0, x1 - 70, y1, x1, y1
            )
        )
    for x, side, title in ((2, left, "trained models"), (span + 162, right, "methods")):
        parts.append(_text(x + span / 2, 12, title, "head"))
        parts += [
            _box(x, shift[id(side)] + k * row, span, high, name) for k, name in enumerate(side)
        ]
    return _svg(2 * span + 166, tallest * row + 24, "Which methods share which models", parts)


def _layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Give each stage the length of the longest way to it."""
    layer = dict.fromkeys(names, 0)
    for _ in names:
        for a, b in edges:
            layer[b] = min(max(layer[b], layer[a] + 1), len(names) - 1)
    return layer


def _edge(start: tuple[float, float], end: tuple[float, float], skips: bool) -> Markup:
    """Draw an arrow; one that skips a column passes below the boxes."""
    if skips:
        x0, x1 = start[0] + WIDTH / 2, end[0] + WIDTH / 2 - 12
        y0, y1 = start[1] + HEIGHT, end[1] + HEIGHT + 5
        low = max(y0, y1) + 34
        path = f"M{x0} {y0}C{x0} {low} {x1} {low} {x1} {y1}"
    else:
        x0, y0 = start[0] + WIDTH, start[1] + HEIGHT / 2
        x1, y1 = end[0] - 5, end[1] + HEIGHT / 2
        path = f"M{x0} {y0}C{x0 + 20} {y0} {x1 - 20} {y1} {x1} {y1}"
    return Markup('<path class="edge" d="{}" marker-end="url(#arrow)"/>').format(path)


def _box(x: float, y: float, width: float, height: float, name: str, below: str = "") -> Markup:
    box = Markup('<rect class="box" x="{}" y="{}" width="{}" height="{}" rx="6"/>')
    middle = y + height / 2 + (-4 if below else 4)
    lines = _text(x + width / 2, middle, name, "name")
    if below:
        lines += _text(x + width / 2, middle + 16, below, "jobs")
    return box.format(x, y, width, height) + lines


def _text(x: float, y: float, text: str, kind: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(kind, x, y, text)


def _svg(
    width: float, height: float, title: str, parts: Iterable[Markup], kind: str = "drawing"
) -> Markup:
    marker = Markup(
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
    )
    return Markup(
        '<svg class="{5}" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" '
        'aria-label="{2}">{3}{4}</svg>'
    ).format(round(width), round(height), escape(title), marker, Markup("").join(parts), kind)
