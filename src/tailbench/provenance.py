"""The digest of the code that a job runs.

Snakemake does not see a change in a module that a job imports. The digest covers a module and
every module of the package that it imports, at its top or inside a function, and is taken from
the syntax tree without docstrings, those of attributes included: editing a comment or a
docstring changes nothing.
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
    """Find a module's file without importing anything, or ``None`` if it is not a module."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    base = Path(spec.submodule_search_locations[0], *module.split(".")[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _tree(module: str) -> ast.Module:
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"there is no module {module}")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [statement for statement in node.body if not _is_text(statement)]
    return tree


def _is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a bare string, which does nothing."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


@cache
def _digest_of(module: str) -> str:
    text = ast.dump(_tree(module), annotate_fields=False, include_attributes=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@cache
def _imports(module: str) -> frozenset[str]:
    """Give the modules of the package that a module names in its import statements."""
    found: set[str] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            candidates = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            candidates = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        else:
            continue
        for name in candidates:
            if name.split(".")[0] == PACKAGE and _path(name) is not None:
                found.add(name)
    return frozenset(found)
