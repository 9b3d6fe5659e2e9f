"""What pages have from the code: every part, every public name, the settings of each model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticUndefined

import tailbench
from tailbench import plots, registry
from tailbench.models.base import Model
from tailbench.settings import Settings

if TYPE_CHECKING:
    from sphinx.application import Sphinx

KINDS = {
    "targets": ("Targets", "datasets"),
    "datasets": ("Data sets", "datasets"),
    "models": ("Models", "models"),
    "methods": ("Methods", "methods"),
    "metrics": ("Metrics", "metrics"),
    "figures": ("Figures", ""),
    "theory": ("Experiments", "theory"),
}
"""The kinds of parts in their order: their title, and their section of a configuration."""

TABLES = {
    "tailbench.metrics.group_scores": ["scores"],
    "tailbench.metrics.ranking": ["ranking"],
    "tailbench.metrics.verdicts": ["judgements", "verdicts"],
}
BASES = {
    "tailbench.models.simple": ["SimpleModel"],
    "tailbench.models.estimator": ["Estimator"],
    "tailbench.targets.base": ["BaseTarget"],
    "tailbench.datasets.base": ["BaseDataset"],
    "tailbench.metrics.base": ["BaseMetric"],
    "tailbench.plots.base": ["Figure"],
    "tailbench.registry": ["register", "load", "names"],
}
"""What a part of your own is built on; see docs/adding-a-part.md."""


def parts() -> str:
    """Return a table for each kind of part: its name, and what it is."""
    methods = registry.method_types()
    found = []
    for kind, (title, section) in KINDS.items():
        rows = ["| Name | What it is |", "| --- | --- |"]
        for name in sorted(methods) if kind == "methods" else registry.names(kind):
            part = registry.load("models", methods[name]) if kind == "methods" else None
            part = part.methods[name] if part else registry.load(kind, name)
            listed = section and (kind != "models" or name in registry.trainable_types())
            anchor = f"configuration.md#{section}-type-{name}"
            cell = f"[`{name}`]({anchor})" if listed else f"`{name}`"
            rows.append(f"| {cell} | {registry.first_line(part)}. |".replace("``", "`"))
        found.append("\n".join([f"## {title}\n", *rows]))
    return "\n\n".join(found) + "\n"


def _directives(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"## {title}\n", "```{eval-rst}", *lines, "```\n"])


def _named(names: Mapping[str, Iterable[str]]) -> list[str]:
    """Return a directive for each name; of a class, for its public methods too."""
    lines: list[str] = []
    for module, inside in names.items():
        loaded = __import__(module, fromlist=["*"])
        for name in inside:
            kind = "class" if isinstance(getattr(loaded, name), type) else "function"
            lines.append(f".. auto{kind}:: {module}.{name}")
            lines += ["   :members:", ""] if kind == "class" else [""]
    return lines


def api() -> str:
    """Return directives that document every public name of the package, and what it rests on."""
    public = [name for name in tailbench.__all__ if not name.startswith("__")]
    models = [name for name in public if isinstance(getattr(tailbench, name), type)]
    functions = [name for name in public if name not in models]
    drawn = [name for name in plots.__all__ if callable(getattr(plots, name))]
    functions_of_plots = [n for n in drawn if not isinstance(getattr(plots, n), type)]
    sections = {
        "Functions": [f".. autofunction:: tailbench.{name}\n" for name in functions],
        "What every model has": [".. autoclass:: tailbench.models.base.Model\n   :members:\n"],
        "Models": [f".. autoclass:: tailbench.{name}\n" for name in sorted(models, key=str.lower)],
        "Figures": [f".. autofunction:: tailbench.plots.{name}\n" for name in functions_of_plots],
        "Tables": _named(TABLES),
        "Bases of parts": _named(BASES),
    }
    return "\n".join(_directives(title, lines) for title, lines in sections.items())


def _settings(title: str, settings: type[Settings]) -> list[str]:
    lines = []
    for name, field in settings.model_fields.items():
        default = "required" if field.default is PydanticUndefined else repr(field.default)
        lines += [f"* ``{name}`` ({default}): {field.description}"]
    return [f"**{title}**", "", *lines, ""] if lines else []


def _document(app: Sphinx, what: str, name: str, part: Any, options: Any, lines: list[str]) -> None:
    """Add to the docstring of a model the settings that it takes."""
    if not (what == "class" and isinstance(part, type) and issubclass(part, Model)):
        return
    if not isinstance(getattr(part, "name", None), str):  # a base, or a model around another
        return
    if part.trainable:
        lines += ["", *_settings("Settings of the model", part.Settings)]
    for method, settings in part.methods.items():
        lines += ["", *_settings(f"Settings of the method {method}", settings)]


MADE = {"parts": parts, "api": api}
"""The pages that end with what is made here."""


def _add(app: Sphinx, page: str, source: list[str]) -> None:
    if page in MADE:
        source[0] += "\n" + MADE[page]()


def _outdated(app: Sphinx, env: Any, added: Any, changed: Any, removed: Any) -> list[str]:
    """Return the pages to read again though their own files have not changed."""
    return list(MADE)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect what is added to pages and to docstrings."""
    app.connect("source-read", _add)
    app.connect("env-get-outdated", _outdated)
    app.connect("autodoc-process-docstring", _document)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
