"""How all figures look: theme, colours, axes, and the files they are saved as."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailbench.data import Variant
from tailbench.plots.palette import COLOURS, LIGHTER, MARKERS, SPARE
from tailbench.plots.paper import SHRINK, form
from tailbench.plots.ticks import LABEL, log_axis, zero_tick

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "FLOOR",
    "REAL",
    "broken",
    "colour",
    "hollow",
    "label",
    "log_axis",
    "marker",
    "outer_labels",
    "panels",
    "save",
    "shades",
    "strokes",
    "theme",
    "title",
    "zero_tick",
]

REAL = "#222222"
FLOOR = "#7f7f7f"
WIDTH = 10.0
DPI = 150
_SYMBOLS = {"sigma_T": r"$\sigma_T$", "alpha": r"$\alpha$"}
LONG = 22  # letters beyond which the title of a narrow panel is broken


@contextmanager
def theme() -> Iterator[None]:
    """Draw and save within the theme; settings made outside are as before afterwards.

    Also a decorator, of functions that draw.
    """
    from matplotlib import style

    # Like seaborn's "whitegrid". Seaborn itself takes 2.9 s to import where matplotlib and pandas
    # take 1.6 s, every figure is a process of its own, and a heat map is all that it would draw.
    own: dict[Any, Any] = {
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.labelcolor": ".15",
        "font.family": "DejaVu Sans",
        "lines.solid_capstyle": "round",
        "patch.edgecolor": "w",
        "patch.force_edgecolor": True,
        "patch.linewidth": 0.8,
        "text.color": ".15",
        "xtick.color": ".15",
        "ytick.color": ".15",
        "axes.edgecolor": "#888888",
        "axes.labelsize": 9,
        "axes.linewidth": 0.7,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "figure.titlesize": 11,
        "font.size": 9,
        "grid.color": "#e4e4e4",
        "grid.linewidth": 0.6,
        "legend.fontsize": 8.5,
        "legend.frameon": False,
        "lines.linewidth": 1.5,
        "lines.markersize": 5,
        "pdf.fonttype": 42,
        "svg.hashsalt": "tailbench",
        "xtick.labelsize": LABEL,
        "ytick.labelsize": LABEL,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "xtick.bottom": True,
        "ytick.left": True,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "xtick.minor.size": 1.8,
        "ytick.minor.size": 1.8,
    }
    with style.context(["default", own | form().settings()]):
        yield


def colour(name: str | Variant, methods: Sequence[str] = ()) -> str:
    """Return the colour of a method, the same in every figure.

    Args:
        name: A method, a variant of one, or a model that is named like a method.
        methods: All methods of the configuration, by whose order unknown names get theirs.
    """
    method = _method(name)
    spare = SPARE[_rank(method, methods) % len(SPARE)]
    found = COLOURS.get(method, spare)
    return LIGHTER.get(found, found) if form().dark else found


def marker(name: str | Variant, methods: Sequence[str] = ()) -> str:
    """Return the marker of a method, which says the same as its colour."""
    method = _method(name)
    if method in COLOURS:
        return MARKERS[list(COLOURS).index(method)]
    return MARKERS[(len(COLOURS) + _rank(method, methods)) % len(MARKERS)]


def shades(base: str, count: int) -> list[str]:
    """Return ``count`` shades of a colour, light to dark, the last near the colour itself."""
    from matplotlib.colors import to_hex, to_rgb

    if count == 1:
        return [base]
    r, g, b = to_rgb(base)
    levels = [0.62 * (1 - i / (count - 1)) - 0.25 * i / (count - 1) for i in range(count)]

    def mix(c: float, t: float) -> float:
        return c + (1 - c) * t if t > 0 else c * (1 + t)

    return [to_hex((mix(r, t), mix(g, t), mix(b, t))) for t in levels]


def strokes(base: str, variants: Sequence[Variant]) -> list[tuple[str, str]]:
    """Return colour and line style of each variant: shades, black dashes for a value chosen."""
    swept = [variant for variant in variants if not _is_chosen(variant)]
    shade = dict(zip(swept, shades(base, len(swept)), strict=True)) if swept else {}
    ink = "#f0f0f0" if form().dark else "#1a1a1a"
    return [(shade[v], "-") if v in shade else (ink, "--") for v in variants]


def label(name: str | Variant, with_method: bool = True, separator: str = ", ") -> str:
    """Return a variant's text for a legend, with Greek letters for the settings that have them."""
    if isinstance(name, str):
        return name
    pairs = [f"{_SYMBOLS.get(key, key)} = {_plain(v)}" for key, v in name.settings.items()]
    text = ", ".join(pairs) or name.label
    if not text:
        return name.method
    return f"{name.method}{separator}{text}" if with_method else text


def title(name: Variant) -> str:
    """Return a variant's text for the title of a narrow panel: on two lines if it is long."""
    return label(name, separator="\n" if len(name.text) > LONG else ", ")


def panels(
    count: int,
    columns: int = 4,
    height: float = 2.3,
    width: float | None = None,
    least: float = 2.2,
    **options: Any,
) -> tuple[Figure, list[Axes]]:
    """Build a figure of ``count`` panels, in rows of about one length, none of them empty.

    Args:
        count: Number of panels.
        columns: Most panels in a row.
        height: Height of a panel in inches.
        width: Width of the figure in inches; by the number of columns if left out. On paper it
            is that of the paper.
        least: Least width of a panel on paper in inches.
        options: Passed to ``Figure.subplots``.
    """
    from matplotlib.figure import Figure

    columns, paper = min(columns, count), form().width
    if paper:
        columns = max(1, min(columns, int(paper / least)))
        height *= SHRINK
    rows = -(-count // columns)
    columns = -(-count // rows)  # rows of about one length
    width = paper or width or {1: 4.2, 2: 6.8}.get(columns, WIDTH)
    figure = Figure(figsize=(width, rows * height + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, **options).ravel().tolist()
    for spare in grid[count:]:
        spare.remove()
    if options.get("sharex") is True:
        for axes in grid[max(count - columns, 0) : count]:
            axes.tick_params(labelbottom=True)
    return figure, grid[:count]


def outer_labels(grid: Sequence[Axes], x: str, y: str) -> None:
    """Label the x axes of the lowest panels and the y axes of the leftmost ones."""
    for axes in grid:
        place = axes.get_subplotspec()
        if axes.xaxis.get_tick_params().get("labelbottom", True):
            axes.set_xlabel(x)
        if place is None or place.is_first_col():
            axes.set_ylabel(y)


def broken(text: str, letters: int) -> str:
    """Break a text into lines, none within its mathematics."""
    words = re.findall(r"(?:\$[^$]*\$|\S)+", text)
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) < letters:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def hollow() -> str:
    """Return the colour that fills a hollow marker."""
    from matplotlib import rcParams

    return str(rcParams["axes.facecolor"])


def save(figure: Figure, folder: Path, stem: str) -> None:
    """Write ``stem.png`` and ``stem.pdf``; the same figure always gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    figure.draw_without_rendering()
    figure.set_layout_engine(None)  # kept as it is now, rather than found again for each file
    # slanted labels reach beyond what the layout reserves for them
    whole: dict[str, Any] = {"dpi": DPI, "bbox_inches": "tight", "pad_inches": 0.05}
    figure.savefig(folder / f"{stem}.png", metadata={"Software": None}, **whole)
    figure.savefig(folder / f"{stem}.pdf", metadata={"CreationDate": None}, **whole)


def _method(name: str | Variant) -> str:
    return name.method if isinstance(name, Variant) else name


def _is_chosen(variant: Variant) -> bool:
    return any(isinstance(v, str) and v == "auto" for v in variant.settings.values())


def _plain(value: Any) -> str:
    return format(value, "g") if isinstance(value, (int, float)) else str(value)


def _rank(method: str, methods: Sequence[str]) -> int:
    unknown = [name for name in methods if name not in COLOURS]
    return unknown.index(method) if method in unknown else len(unknown)
