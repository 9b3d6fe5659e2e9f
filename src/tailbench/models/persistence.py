"""Models as files: ``model.safetensors``, ``spec.json`` and ``history.csv`` in a folder.

No code is stored, and none is run when a folder is read.
"""

from __future__ import annotations

import csv
import platform
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from tailbench import registry
from tailbench.exceptions import CorruptFile, InputError, VersionWarning
from tailbench.io.atomic import replacing
from tailbench.io.checksums import (
    ADVICE,
    read_record,
    read_sums,
    read_text,
    seal,
    verified,
    write_record,
    write_sums,
)

__all__ = [
    "ModelFiles",
    "add_to_spec",
    "load_method",
    "load_model",
    "read_model",
    "read_spec",
    "write_model",
]

ARRAYS, SPEC, HISTORY = "model.safetensors", "spec.json", "history.csv"
COLUMNS = ("seed", "step", "loss", "val_loss", "lr", "seconds")
RESTORE = "restore it from a copy, or train and save the model again"
MAPS = "column_maps"  # in the spec of a model that was fitted on the support of its data
_within: ContextVar[bool] = ContextVar("within", default=False)
"""Whether a model is read by what puts its maps in front of it."""
WRITERS = ("tailbench", "torch", "numpy", "zuko")
"""Packages whose versions are noted; those that are not installed are left out."""


@dataclass(frozen=True)
class ModelFiles:
    """The content of the files of a model.

    Attributes:
        arrays: Arrays by name.
        spec: Plain data: type, settings, and what the model knows of itself.
        history: Rows of the history of the training.
    """

    arrays: dict[str, NDArray[Any]]
    spec: dict[str, Any]
    history: list[dict[str, float]]

    @property
    def info(self) -> dict[str, Any]:
        """What ``spec`` holds besides what every model has."""
        own = {"type", "settings", "table", "feature_names", "feature_types", "versions", MAPS}
        return {key: value for key, value in self.spec.items() if key not in own}

    def settings(self, known: type[BaseModel]) -> dict[str, Any]:
        """Return the settings, which are those of a class.

        Raises:
            InputError: If this version does not know them; names the version that has saved them.
        """
        try:
            known(**self.spec["settings"])
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"]))
            raise InputError(
                f"the {self.spec['type']} was saved by tailbench {_saved_by(self.spec)}, and this "
                f"version cannot read its setting {name!r}: {first['msg']}"
            ) from None
        return dict(self.spec["settings"])


def load_model(folder: Path, device: Any = "auto") -> Any:
    """Read a model of any type from the folder it was saved in, with the maps of its columns.

    Raises:
        InputError: If a file is missing or corrupt.
    """
    spec = _spec(folder)
    token = _within.set(True)
    try:
        model = registry.load("models", spec["type"]).load(folder, device=device)
    finally:
        _within.reset(token)
    return _on_support(model, spec[MAPS]) if MAPS in spec else model


def _on_support(model: Any, plain: Sequence[Any]) -> Any:
    """Put the maps of the columns, of each seed, in front of a model."""
    from tailbench.margins.column_maps import ColumnMaps
    from tailbench.models.on_support import OnSupport

    return OnSupport.of(model, [one and ColumnMaps.from_list(one) for one in plain])


def load_method(type_: str, parts: Mapping[str, Sequence[Path]], device: str = "auto") -> Any:
    """Read the trained models of a method, and put them together.

    Args:
        type_: Type of the method.
        parts: Folders of its trained models, by role.
        device: Where to sample.

    Raises:
        InputError: If a file is missing or corrupt.
    """
    cls = registry.load("models", registry.method_types()[type_])
    with _advising(ADVICE):
        loaded = {
            role: [load_model(path, device) for path in paths] for role, paths in parts.items()
        }
    if cls.trainable:
        ((model,),) = loaded.values()
        return model
    return _assembled(cls, loaded, device)


def _assembled(cls: Any, loaded: Mapping[str, Sequence[Any]], device: str) -> Any:
    """Put trained models together, behind the maps that all of them were fitted behind."""
    from tailbench.models.on_support import OnSupport

    every = [model for models in loaded.values() for model in models]
    behind = [model for model in every if isinstance(model, OnSupport)]
    if not behind:
        return cls.assemble(loaded, device=device)
    maps = behind[0].maps
    plain = [[one and one.as_list() for one in model.maps] for model in behind]
    if len(behind) < len(every) or any(own != plain[0] for own in plain):
        raise InputError(f"the models of a {cls.name} were fitted behind other supports or atoms")
    parts = {role: [model.model for model in models] for role, models in loaded.items()}
    return OnSupport.of(cls.assemble(parts, device=device), maps)


def read_spec(folder: Path, name: str) -> dict[str, Any]:
    """Read ``spec.json`` from the folder of a saved model of the type ``name``.

    Raises:
        InputError: If it is missing or corrupt, or the model is of another type.
    """
    spec = _spec(folder)
    if spec["type"] != name:
        raise InputError(f"{folder} holds a {spec['type']}, not a {name}")
    if MAPS in spec and not _within.get():
        raise InputError(
            f"{folder} holds a {name} on the support of its data: read it by tailbench.load"
        )
    return spec


def add_to_spec(folder: Path, more: Mapping[str, Any]) -> None:
    """Write more plain data into the ``spec.json`` of a saved model, and its checksum again.

    Raises:
        InputError: If it is missing or corrupt.
    """
    path = folder / SPEC
    digest = write_record(path, {**read_record(path), **more})
    write_sums(folder, {**read_sums(folder), path.name: digest})


def write_model(
    folder: Path,
    spec: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    history: Sequence[Mapping[str, float]],
) -> None:
    """Write the files of a model.

    ``spec.json`` carries ``spec`` and the versions of packages, ``SHA256SUMS`` the checksums.

    Args:
        folder: Where to write.
        spec: Plain data, ``type`` among them.
        arrays: Arrays by name.
        history: Rows of ``COLUMNS``; none for a model that is not trained step by step.
    """
    from safetensors.numpy import save_file

    with replacing(folder / ARRAYS) as temporary:
        save_file({name: np.asarray(x, order="C") for name, x in arrays.items()}, temporary)
    with replacing(folder / HISTORY) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(history)
    write_record(folder / SPEC, {**spec, "versions": _versions()})
    seal(folder, (ARRAYS, HISTORY, SPEC))


def read_model(folder: Path, name: str) -> ModelFiles:
    """Read the files of a model of the type ``name``.

    Raises:
        InputError: If a file is missing or corrupt, or the model is of another type.
    """
    from safetensors.numpy import load_file

    spec = read_spec(folder, name)
    for file in (ARRAYS, HISTORY):
        if not (folder / file).is_file():
            raise InputError(f"there is no model in {folder}: {folder / file} is missing")
    with _advising(RESTORE):
        arrays = load_file(verified(folder / ARRAYS))
        lines = read_text(folder / HISTORY).splitlines()
    history = [
        {key: (int if key in ("seed", "step") else float)(row[key]) for key in row}
        for row in csv.DictReader(lines)
    ]
    return ModelFiles(arrays, spec, history)


def _spec(folder: Path) -> dict[str, Any]:
    path = folder / SPEC
    if not path.is_file():
        raise InputError(f"there is no model in {folder}: {path} is missing")
    with _advising(RESTORE):
        spec = read_record(path)
        if not isinstance(spec.get("type"), str):
            raise CorruptFile(f"{path} is corrupt: it names no type of model")
    saved, present = _saved_by(spec), _versions().get("tailbench")
    if saved is not None and saved != present:
        warnings.warn(
            f"the model in {folder} was saved by tailbench {saved}, and this is {present}: "
            "its samples may differ",
            VersionWarning,
            stacklevel=2,
        )
    return spec


@contextmanager
def _advising(advice: str) -> Iterator[None]:
    """Say what can be done about a corrupt file: a user saves it again, a workflow reruns."""
    try:
        yield
    except CorruptFile as error:
        raise CorruptFile(error.reason, advice) from None


def _saved_by(spec: Mapping[str, Any]) -> str | None:
    """Return the version of this package that saved a model, if it is noted."""
    found = spec.get("versions")
    return found.get("tailbench") if isinstance(found, Mapping) else None


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in WRITERS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
