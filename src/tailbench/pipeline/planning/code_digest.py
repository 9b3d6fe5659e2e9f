"""Digests of the code that can change the numbers of a job.

Snakemake does not see a change in a module that a job imports. The digest covers the modules that
compute a job's numbers and every module that these import, at their top or inside a function, from
this package and from the package of a plug-in. It is taken from the syntax trees without what
cannot change a number: docstrings, comments, descriptions of settings, the messages of exceptions,
printed lines, imports for the type checker. Whole rooms cannot change one either, and are left out
(``RUNTIME``): editing a message, a lock or the progress bar reruns nothing.

What a file looks like is not in the digest: ``FORMATS`` has a number for every stage, to be raised
by hand when the files that it writes change.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["FORMATS", "REPORTING", "RUNTIME", "closure", "digest"]

PACKAGE = "tailbench"

FORMATS = {
    "data": 4,
    "train": 2,
    "sample": 3,
    "classifier": 1,
    "features": 1,
    "evaluate": 1,
    "theory": 1,
    "claims": 1,
    "collect": 1,
    "tables": 3,
    "figure": 1,
    "report": 3,
    "finish": 1,
}
"""Formats of the files that each stage writes; a raised number runs the stage again."""

RUNTIME = (
    "tailbench.pipeline",
    "tailbench.compute",
    "tailbench.exceptions",
    "tailbench.interfaces",
    "tailbench.io",
    "tailbench.models.density",
    "tailbench.models.parameters",
    "tailbench.models.persistence",
    "tailbench.models.table_form",
    "tailbench.registry",
    "tailbench.settings",
    "tailbench.training.checkpoint",
    "tailbench.training.preemption",
    "tailbench.training.progress",
)
"""Modules and packages that cannot change a number of data, a training, a sampling or a metric.

Settings are not among a model's code: their values are parameters of the job.
"""

REPORTING = (
    "tailbench.compute",
    "tailbench.io",
    "tailbench.pipeline.runtime",
    "tailbench.registry",
    "tailbench.settings",
)
"""Modules and packages that cannot change a table, a figure or the report."""


def digest(modules: Iterable[str], without: Collection[str] = RUNTIME, version: int = 0) -> str:
    """Return the digest of modules and of all they import, 16 hexadecimal digits.

    Args:
        modules: Full names of modules.
        without: Modules and packages that are left out, with what they import.
        version: Version of the format of the files that the job writes.
    """
    return _digest(tuple(modules), tuple(without), version)


@cache
def _digest(modules: tuple[str, ...], without: tuple[str, ...], version: int) -> str:
    names = sorted(set().union(*(closure(module, without) for module in modules)))
    lines = [f"{name} {_digest_of(name)}" for name in names]
    text = "\n".join([f"format {version}", *lines])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@cache
def closure(module: str, without: tuple[str, ...] = RUNTIME) -> frozenset[str]:
    """Return a module and the modules that it imports, directly or not.

    Args:
        module: Full name of the module.
        without: Modules and packages that are left out; a module that only they import is, too.
    """
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen and not _is_in(name, without):
            seen.add(name)
            waiting.extend(_imports(name) - seen)
    return frozenset(seen)


def _is_in(module: str, packages: Collection[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in packages)


@cache
def _folders(package: str) -> tuple[Path, ...]:
    """Find the folders of a top-level package, without importing it."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return ()
    return tuple(map(Path, spec.submodule_search_locations or ())) if spec else ()


@cache
def _path(module: str) -> Path | None:
    """Find a module's file or, without one, its folder; ``None`` if there is no such module."""
    package, *rest = module.split(".")
    for folder in _folders(package):
        base = Path(folder, *rest)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
        if base.is_dir():
            return base
    return None


def _text(module: str) -> str:
    """Read a module; a package without ``__init__`` has no text."""
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"there is no module {module}")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


class Import(NamedTuple):
    """An import statement: ``import name`` or ``from ..module import names``."""

    module: str | None
    level: int
    names: tuple[str, ...]


@cache
def numerics(text: str) -> tuple[str, tuple[Import, ...]]:
    """Parse a module: the dump of what can change a number, and its imports."""
    tree = _Numerics().visit(ast.parse(text))
    imports = []
    for node in ast.walk(tree):
        names = tuple(alias.name for alias in getattr(node, "names", ()) if hasattr(alias, "name"))
        if isinstance(node, ast.Import):
            imports.append(Import(None, 0, names))
        elif isinstance(node, ast.ImportFrom):
            imports.append(Import(node.module or "", node.level, names))
    dump = ast.dump(tree, annotate_fields=False, include_attributes=False)
    return dump, tuple(imports)


class _Numerics(ast.NodeTransformer):
    """Leaves out what cannot change a number."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not _is_silent(s)]  # type: ignore[attr-defined]
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        node.cause = None
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if getattr(node.func, "id", "") == "Field":
            node.keywords = [k for k in node.keywords if k.arg != "description"]
        return node


def _is_silent(statement: ast.stmt) -> bool:
    """Whether a statement is a docstring, a printed line or an import for the type checker."""
    if isinstance(statement, ast.If):
        test = statement.test
        return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING" and not statement.orelse
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value
    if isinstance(value, ast.Call):
        return getattr(value.func, "id", "") == "print"
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _tables(module: str) -> list[Path]:
    """List the files that are not Python in the folder of a package; none for other modules."""
    path = _path(module)
    if path is None or (path.is_file() and path.name != "__init__.py"):
        return []
    folder = path.parent if path.is_file() else path
    return [
        file
        for file in sorted(folder.iterdir())
        if file.is_file() and file.suffix != ".py" and file.name[0] != "."
    ]


@cache
def _digest_of(module: str) -> str:
    dump, _ = numerics(_text(module))
    state = hashlib.blake2b(dump.encode(), digest_size=16)
    for path in _tables(module):
        state.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


@cache
def _imports(module: str) -> frozenset[str]:
    """Return the modules that a module names in its imports: of this package and of its own.

    ``from package import module`` names the module and not the package, whose own file only says
    what there is: a model that is added must not put everything out of date.
    """
    found: set[str] = set()
    for statement in numerics(_text(module))[1]:
        if statement.module is None:
            found.update(statement.names)
            continue
        base = _absolute(module, statement)
        for name in statement.names:
            full = f"{base}.{name}"
            found.add(full if _path(full) else base)
    own = {PACKAGE, module.partition(".")[0]}
    return frozenset(name for name in found if name.partition(".")[0] in own and _path(name))


def _absolute(module: str, statement: Import) -> str:
    """Return the full name of the package of a relative import."""
    if statement.level == 0:
        return statement.module or ""
    path = _path(module)
    is_package = path is not None and (path.is_dir() or path.name == "__init__.py")
    parts = module.split(".") if is_package else module.split(".")[:-1]
    parts = parts[: len(parts) - statement.level + 1]
    return ".".join([*parts, statement.module] if statement.module else parts)
