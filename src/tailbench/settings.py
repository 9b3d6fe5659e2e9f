"""The base of all typed settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo

__all__ = ["Settings", "UserPath"]


class Settings(BaseModel):
    """Settings of one part: immutable, and strict about unknown keys.

    ``test_settings`` are values with which the tests build the part in little time, those of
    settings without a default among them.
    """

    test_settings: ClassVar[Mapping[str, Any]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False)


def _from_folder(path: str, info: ValidationInfo) -> str:
    """Return a relative path as seen from the current folder.

    It starts at the ``folder`` of the validation context, if there is one. The result is relative
    too, unless only the root of the file system holds both folders, or the context asks for
    ``absolute`` paths. Addresses and absolute paths stay as they are.
    """
    folder = (info.context or {}).get("folder")
    if folder is None or not path or Path(path).is_absolute() or "://" in path:
        return path
    start, here = Path(folder).resolve(), Path.cwd()
    whole = os.path.normpath(start / path)
    if (info.context or {}).get("absolute"):
        return whole
    if start == here:
        return path
    shared = os.path.commonpath([whole, here])
    return whole if shared == here.anchor else os.path.relpath(whole, here)


UserPath = Annotated[str, AfterValidator(_from_folder)]
"""A file or folder of the user's; in a configuration, a relative path starts at its folder."""
