"""The base of all typed settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

__all__ = ["Settings"]


class Settings(BaseModel):
    """Settings of one part: immutable, and strict about unknown keys.

    ``test_settings`` are values with which the tests build the part in little time, those of
    settings without a default among them.
    """

    test_settings: ClassVar[Mapping[str, Any]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False)
