"""Files of packages for tests: the real ones where they are, and small ones of the same form."""

import dataclasses
import gzip
import hashlib
import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tailbench import registry
from tailbench.datasets.packaged import PackagedDataset

NAMES = [
    name
    for name in registry.names("datasets")
    if issubclass(registry.load("datasets", name), PackagedDataset)
]
FOLDER = os.environ.get("TAILBENCH_DATA", "")


def real(cls):
    """Give the settings with which the real file is read; ``None`` where there is none."""
    if cls.packaged.installed() is not None:
        return {}
    archive = Path(FOLDER, cls.packaged.package.archive)
    return {"path": str(archive)} if FOLDER and archive.is_file() else None


def real_or_skip(name, **options):
    """Give a data set of the real file, and skip the test where there is none."""
    cls = registry.load("datasets", name)
    found = real(cls)
    if found is None:
        package = cls.packaged.package
        pytest.skip(f"{package.requirement} is not installed, and TAILBENCH_DATA has no archive")
    return cls(**found, **options)


def _csv(columns, *rows):
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*rows, strict=True))]
    return "\n".join(lines).encode() + b"\n"


def _prices(columns, days=400):
    rng = np.random.default_rng(1)
    prices = 50 * np.exp(np.cumsum(0.01 * rng.standard_t(3, (days, len(columns))), axis=0))
    dates = np.datetime64("2000-01-03") + np.arange(days)
    return gzip.compress(_csv(["Date", *columns], dates, *prices.round(3).T))


def _us_stocks():
    return _prices([f"S{j:02}" for j in range(20)])


def _etfs():
    return _prices(["MTUM", "QUAL", "SIZE", "USMV", "VLUE"])


def _fires():
    sizes = np.sort(np.maximum(0.1 * np.random.default_rng(2).pareto(0.7, 500), 0.1))
    return "\n".join(f"{x:.2f}" for x in sizes).encode()


def _earthquakes():
    magnitudes = np.random.default_rng(3).exponential(0.5, 500).round(1)
    return "\n".join(f"{10**m:.18e}" for m in magnitudes).encode()


def _schedule_p():
    rng = np.random.default_rng(4)
    keys, amounts = [], []
    for firm in range(101, 141):
        size = 100 * rng.pareto(1.0) + 10
        for year in range(1998, 2008):
            paid = np.cumsum(rng.exponential(size, 10)).astype(int) + 1
            for lag in range(1, 11):
                keys.append((firm, year, lag))
                amounts.append((int(paid[-1] + 5), int(paid[lag - 1]), int(2 * size)))
    amounts[0] = (0, 0, 0)  # which is left out
    head = ["GRCODE", "AccidentYear", "DevelopmentLag", "IncurredLosses", "CumPaidLoss"]
    columns = [*zip(*keys, strict=True), *zip(*amounts, strict=True)]
    return _csv([*head, "EarnedPremNet", "LOB"], *columns, ["comauto"] * len(keys))


def _flight_delays():
    rng = np.random.default_rng(5)
    month = np.repeat([1, 10, 2, 3], 100)
    day, hour = np.tile(np.repeat(np.arange(1, 21), 5), 4), rng.integers(500, 2300, 400)
    departure = (20 * rng.standard_t(3, 400)).round().astype(int).astype(object)
    departure[::50] = ""  # cancelled
    arrival = (20 * rng.standard_t(3, 400)).round().astype(int)
    head = ["month", "day", "sched_dep_time", "dep_delay", "arr_delay"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("flights.csv", _csv(head, month, day, hour, departure, arrival))
    return packed.getvalue()


def _r_data():
    rng = np.random.default_rng(6)
    rain = np.where(rng.random(1501) < 0.7, rng.pareto(3, 1501).round(1), 0)
    files = {"rain": _csv(['""', '"x"'], range(1501), rain)}
    for season in ("winter", "summer"):
        values = (20 * rng.pareto(3, (5, 200))).round().astype(int)
        files[season] = _csv(["", "O3", "NO2", "NO", "SO2", "PM10"], range(200), *values)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"resources/rdata/csv/texmex/{name}.csv")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


MADE = {
    "us_stocks": _us_stocks,
    "etfs": _etfs,
    "fires": _fires,
    "earthquakes": _earthquakes,
    "schedule_p": _schedule_p,
    "flight_delays": _flight_delays,
    "air_pollution": _r_data,
    "rain": _r_data,
}


def made_up(name, folder, monkeypatch):
    """Write a small file of the form of the real one, make it the known one, and give its path."""
    cls = registry.load("datasets", name)
    content = MADE[name]()
    path = Path(folder, cls.packaged.name)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(cls, "packaged", dataclasses.replace(cls.packaged, digest=digest))
    return path
