"""What every table of data promises; one that is added is tested by being there."""

import numpy as np
import pytest

import packaged_data
from tailbench import registry
from tailbench.datasets.base import BaseDataset
from tailbench.exceptions import InputError

TABLES = [
    name
    for name in registry.names("datasets")
    if issubclass(registry.load("datasets", name), BaseDataset)
]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A file, for data sets that need one."""
    path = tmp_path_factory.mktemp("data") / "table.csv"
    rows = np.random.default_rng(0).standard_t(3.0, (400, 3))
    np.savetxt(path, rows, delimiter=",", header="a,b,c", comments="")
    return path


@pytest.fixture(scope="module", params=TABLES)
def source(request, table, tmp_path_factory):
    """Every data set; of those in packages a small file of that form, where the real one is not."""
    name = request.param
    cls = registry.load("datasets", name)
    fields = cls.Settings.model_fields
    if name not in packaged_data.NAMES:
        yield cls(path=str(table)) if "path" in fields else cls()
    elif (found := packaged_data.real(cls)) is not None:
        yield cls(**found)
    else:
        with pytest.MonkeyPatch.context() as patch:
            folder = tmp_path_factory.mktemp(name)
            yield cls(path=str(packaged_data.made_up(name, folder, patch)))


def test_reads_a_table(source):
    x, columns = source.read()
    assert x.ndim == 2 and x.dtype == np.float64 and np.isfinite(x).all()
    assert x.shape[1] == len(columns) == len(set(columns))
    assert source.target() is None
    assert source.split in ("chronological", "random", "grouped")
    assert all(path.is_file() for path in source.files())


def test_splits(source):
    first, again, other = (source.splits("toy", seed) for seed in (3, 3, 4))
    assert first.floor.shape == first.test.shape
    assert first.train.shape[1] == first.test.shape[1] == len(first.columns)
    for part in ("train", "test", "floor"):
        assert np.array_equal(getattr(first, part), getattr(again, part))
    for part in ("train", "test"):  # real data are the same for every seed
        assert np.array_equal(getattr(first, part), getattr(other, part))
    assert not np.array_equal(first.floor, other.floor)


def test_nothing_is_held_out_and_trained_on(source):
    """Rows are kept apart, and none is lost."""
    x, _ = source.read()
    splits = source.splits("toy", 0)
    rows = sorted(map(tuple, np.concatenate([splits.train, splits.test])))
    assert rows == sorted(map(tuple, x))
    assert {tuple(row) for row in splits.floor} <= {tuple(row) for row in splits.train}


def test_too_few_rows(source):
    rows = len(source.splits("toy", 0).train)
    source.check(rows)
    with pytest.raises(InputError, match=f"fewer than the {rows + 1} that are needed"):
        source.check(rows + 1)


def test_share_of_the_test_rows(source):
    options = source.settings.model_dump() | {"test_fraction": 0.5}
    half = type(source)(**options)
    train, rows = len(half.splits("toy", 0).train), len(half.read()[0])
    largest = np.unique(half.groups(), return_counts=True)[1].max() if grouped(half) else 1
    assert abs(train - (rows - train)) <= largest


def test_groups_are_not_split(source):
    if not grouped(source):
        pytest.skip("its rows are not in groups")
    x, _ = source.read()
    owners = {}
    for row, group in zip(map(tuple, x), source.groups(), strict=True):
        owners.setdefault(row, set()).add(group)
    sides = [
        {group for row in map(tuple, part) if len(owners[row]) == 1 for group in owners[row]}
        for part in (source.splits("toy", 0).train, source.splits("toy", 0).test)
    ]
    assert sides[0] and sides[1] and not sides[0] & sides[1]


def grouped(source):
    return source.split == "grouped"
