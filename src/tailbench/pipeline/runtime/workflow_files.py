"""Where the workflow is: in the checkout of the package, or in the package from a wheel."""

from __future__ import annotations

import difflib
from pathlib import Path

from tailbench.exceptions import InputError

__all__ = [
    "RECORDS",
    "complete_config",
    "find_config",
    "preset_line",
    "presets",
    "records",
    "workflow_folder",
]

DEFAULT = "config.yaml"
RECORDS = "docs/reproduction"
"""Where recorded results are, below the folder of the workflow; ``setup.py`` copies them there."""


def workflow_folder() -> Path:
    """Return the folder of the Snakefile, ``config.yaml``, ``presets``, ``profiles`` and rules.

    Raises:
        InputError: If there is none, as in a package that was copied without them.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "pipeline" / "workflow_files", package.parents[1]):
        if (folder / "Snakefile").is_file() and (folder / "workflow" / "rules").is_dir():
            return folder
    raise InputError(f"the package in {package} has no workflow: install it from its wheel")


def presets() -> dict[str, Path]:
    """Return the files of the complete configurations that ship, by the name of each.

    ``default`` is ``config.yaml``, whose results have this name.
    """
    folder = workflow_folder()
    files = {file.stem: file for file in (folder / "presets").glob("*.yaml")}
    return {"default": folder / DEFAULT, **dict(sorted(files.items()))}


def find_config(config: str | Path) -> Path:
    """Return the file of a configuration, or of a preset if there is no such file.

    Args:
        config: A file, or the name of a preset such as ``smoke``.

    Raises:
        InputError: If there is neither; names the nearest preset.
    """
    file = Path(config)
    if file.is_file():
        return file
    known = presets()
    if str(config) in known:
        return known[str(config)]
    if file.exists():
        return file  # such as a folder: reading it says what is wrong
    if str(config) == DEFAULT:
        raise InputError(
            f"there is no {DEFAULT} here: name a configuration, or one of the presets that "
            "`tailbench list presets` shows"
        )
    close = difflib.get_close_matches(file.stem, known, n=1)
    hint = f"did you mean the preset {close[0]!r}?" if close else "see `tailbench list presets`"
    raise InputError(f"the configuration {config} does not exist ({hint})")


def records() -> dict[str, Path]:
    """Return the folders of recorded results that come with the package, by name."""
    found = sorted((workflow_folder() / RECORDS).glob("*/record.json"))
    return {file.parent.name: file.parent for file in found}


def preset_line(file: Path) -> str:
    """Return the first sentence of the comment that a preset begins with."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comment = [line.removeprefix("#").strip() for line in lines if line.startswith("# ")]
    said = " ".join(line for line in comment if not line.startswith("yaml-language-server"))
    return said.partition(". ")[0].rstrip(".")


def complete_config(incomplete: str) -> list[str]:
    """Return the presets, and the YAML files and folders of this one, that begin with a text."""
    names = [name for name in presets() if name.startswith(incomplete)]
    folder, _, start = incomplete.rpartition("/")
    found = sorted(Path(f"{folder}/" if folder or "/" in incomplete else ".").glob(f"{start}*"))
    files = [path for path in found if path.suffix in (".yaml", ".yml")]
    return [*names, *map(str, files), *(f"{path}/" for path in found if path.is_dir())]
