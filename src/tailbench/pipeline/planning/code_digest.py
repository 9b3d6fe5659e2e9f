"""The digest of the code that a job runs.

Snakemake does not see a change in a module that a job imports. The digest covers a module and
every module of the package that it imports, at its top or inside a function, and is taken from
the syntax tree without docstrings, those of attributes included: editing a comment or a
docstring changes nothing. Imports for the type checker alone do not count. A folder counts as a
package, and files beside a package's modules that are not Python, such as tables, belong to it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

__all__ = ["closure", "digest"]

PACKAGE = "tailbench"


def digest(modules: Iterable[str]) -> str:
    """Give the digest of the modules and all they import of the package, 16 hexadecimal digits.

    Args:
        modules: Full names of modules.
    """
    return _digest(tuple(modules))


@cache
def _digest(modules: tuple[str, ...]) -> str:
    names = sorted(set().union(*(closure(module) for module in modules)))
    lines = "\n".join(f"{name} {_digest_of(name)}" for name in names)
    return hashlib.blake2b(lines.encode(), digest_size=8).hexdigest()


@cache
def closure(module: str) -> frozenset[str]:
    """Give the modules of the package that a module imports, directly or not, and itself."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(_imports(name) - seen)
    return frozenset(seen)


@cache
def _path(module: str) -> Path | None:
    """Find a module's file or, without one, its folder; ``None`` if there is no such module.

    Nothing is imported.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    base = Path(spec.submodule_search_locations[0], *module.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return base if base.is_dir() else None


@cache
def _tree(module: str) -> ast.Module:
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"there is no module {module}")
    tree = ast.parse(path.read_text(encoding="utf-8") if path.is_file() else "")
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [s for s in node.body if not (_is_text(s) or _is_for_types(s))]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Field":
            node.keywords = [k for k in node.keywords if k.arg != "description"]
    return tree


def _tables(module: str) -> list[Path]:
    """List the files that are not Python in the folder of a package; none for other modules."""
    path = _path(module)
    if path is None or (path.is_file() and path.name != "__init__.py"):
        return []
    found = sorted((path.parent if path.is_file() else path).iterdir())
    return [p for p in found if p.is_file() and p.suffix != ".py" and p.name[0] != "."]


def _is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a bare string, which does nothing."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _is_for_types(statement: ast.stmt) -> bool:
    """Whether a statement is ``if TYPE_CHECKING``, which does nothing."""
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Name)
        and statement.test.id == "TYPE_CHECKING"
        and not statement.orelse
    )


@cache
def _digest_of(module: str) -> str:
    text = ast.dump(_tree(module), annotate_fields=False, include_attributes=False)
    state = hashlib.blake2b(text.encode(), digest_size=16)
    for path in _tables(module):
        state.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


@cache
def _imports(module: str) -> frozenset[str]:
    """Give the modules of the package that a module names in its import statements.

    ``from package import module`` names the module and not the package, whose own file only
    says what there is: a model that is added must not put everything out of date.
    """
    found: set[str] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if _is_module(name) else node.module)
    return frozenset(filter(_is_module, found))


def _is_module(name: str) -> bool:
    return name.split(".")[0] == PACKAGE and _path(name) is not None
