"""Run a tutorial, or write the notebooks of all of them.

    python tools/tutorials.py run docs/tutorials/judge-a-generator.md
    python tools/tutorials.py notebooks

A tutorial is a page whose blocks of code are run from top to bottom, in the current folder and in
one process: ``python`` as it is, ``sh`` by bash. A block that begins with ``# name.ext`` is the
text of that file, and is written there. ``bash`` is for commands that take long or need a
cluster: they are shown, and not run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["PAGES", "Block", "blocks", "notebook", "notebook_text", "run"]

PAGES = sorted((Path(__file__).resolve().parents[1] / "docs" / "tutorials").glob("*.md"))
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+\.\w+)\n")
_RUN = ("python", "sh")


@dataclass(frozen=True)
class Block:
    """A piece of a page: prose, where ``language`` is empty, or code.

    Attributes:
        language: That of the fence.
        text: The text, without the fence.
        file: The file that the text is written to, if it is one.
    """

    language: str
    text: str
    file: str | None = None


def blocks(page: str) -> list[Block]:
    """Return the pieces of a page in their order; what is not run counts as prose."""
    found, end = [], 0
    for match in _FENCED.finditer(page):
        named = _FILE.match(match[2])
        if not named and match[1] not in _RUN:
            continue
        found += [Block("", page[end : match.start()]), Block(match[1], match[2])]
        if named:
            found[-1] = Block(match[1], match[2][named.end() :], named[1])
        end = match.end()
    return [block for block in (*found, Block("", page[end:])) if block.text.strip()]


def run(page: str) -> None:
    """Run the code of a page in the current folder.

    Raises:
        subprocess.CalledProcessError: If a command fails; an error of Python as it is.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.file:
            path = Path(block.file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            exec(compile(block.text, "tutorial", "exec"), names)
        elif block.language == "sh":
            sys.stdout.flush()
            subprocess.run(["bash", "-euo", "pipefail", "-c", block.text], check=True)


def _cell(number: int, block: Block) -> dict[str, Any]:
    text = block.text.strip("\n")
    if block.file:
        text = f"%%writefile {block.file}\n{text}"
    elif block.language == "sh":
        text = "\n".join(f"!{line}" for line in text.splitlines())
    cell: dict[str, Any] = {
        "cell_type": "code" if block.language else "markdown",
        "id": f"cell-{number}",
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return cell | ({"execution_count": None, "outputs": []} if block.language else {})


def notebook(page: str) -> dict[str, Any]:
    """Return a page as a notebook (nbformat 4.5), without outputs."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": [_cell(number, block) for number, block in enumerate(blocks(page))],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def notebook_text(page: Path) -> str:
    """Return the text of the notebook of a page, as its file has it."""
    made = notebook(page.read_text(encoding="utf-8"))
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["run", path]:
            run(Path(path).read_text(encoding="utf-8"))
        case ["notebooks"]:
            for page in PAGES:
                page.with_suffix(".ipynb").write_text(notebook_text(page), encoding="utf-8")
        case _:
            sys.exit(__doc__)
