"""Samples of somebody else's, as a method."""

import numpy as np
import pandas as pd
import pytest

from tailbench.exceptions import InputError
from tailbench.models.samples import Samples, SamplesSampling
from tailbench.training.context import SampleContext

COLUMNS = ["fire", "storm", "flood"]


@pytest.fixture
def rows():
    return np.random.default_rng(0).standard_t(2, (500, 3))


@pytest.fixture
def write(tmp_path, rows):
    def to(kind, values=rows, columns=COLUMNS):
        path = tmp_path / f"theirs.{kind}"
        if kind == "npy":
            np.save(path, values)
        else:
            frame = pd.DataFrame(values, columns=columns)
            frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
        return str(path)

    return to


def given(path, columns=COLUMNS):
    model = Samples(path=path)
    model.supply({"columns": columns})
    return model


def draw(path, n, seeds=(1, 2), columns=COLUMNS):
    settings = SamplesSampling(path=path)
    return given(path, columns).sample_block(n, settings, SampleContext(list(seeds))).samples


@pytest.mark.parametrize("kind", ["csv", "parquet", "npy"])
def test_rows_of_the_file_none_twice(write, rows, kind):
    drawn = draw(write(kind), 400)
    assert drawn.shape == (2, 400, 3)
    known = {tuple(row) for row in rows}
    for own in drawn:
        assert len({tuple(row) for row in own}) == 400 and {tuple(row) for row in own} <= known
    assert not np.array_equal(drawn[0], drawn[1])


def test_all_rows_are_the_same_samples_for_every_seed(write, rows):
    first, second = draw(write("csv"), 500)
    assert {tuple(row) for row in first} == {tuple(row) for row in second}


def test_columns_go_by_name(write, rows):
    path = write("csv", rows[:, ::-1], COLUMNS[::-1])
    np.testing.assert_array_equal(draw(path, 100), draw(write("npy"), 100))


@pytest.mark.parametrize(
    ("kind", "values", "columns", "message"),
    [
        ("csv", np.zeros((500, 3)), ["fire", "storm", "x"], "has the columns fire, storm, x, and"),
        ("npy", np.zeros((500, 2)), None, "has the columns 0, 1, and the data have fire, storm"),
        ("npy", np.zeros((50, 3)), None, "has 50 rows, and 100 are needed"),
        (
            "csv",
            np.array([[1.0, 2, 3], [1, np.nan, 3]] * 99),
            COLUMNS,
            "'storm' of .* has missing values .* in rows 2, 4, 6 and 96 more",
        ),
        (
            "npy",
            np.full((500, 3), np.inf),
            None,
            "column '0' of .* infinite values in rows 1, 2, 3 and 497 more",
        ),
        (
            "csv",
            np.array([[1.0, 2, 3], [1, 1e39, 3]] * 99),
            COLUMNS,
            "'storm' of .* has 1e\\+39 and others, beyond the range of single precision, in",
        ),
        ("csv", np.full((500, 3), "a"), COLUMNS, "column 'fire' of .* is not numeric"),
    ],
)
def test_what_cannot_be_samples_is_refused(write, kind, values, columns, message):
    path = write(kind, values, columns)
    with pytest.raises(InputError, match=message) as caught:
        draw(path, 100)
    assert path in str(caught.value)


def test_in_a_notebook(write, rows, tmp_path):
    model = Samples(path=write("npy")).fit(rows, verbose=False)
    first = model.sample(20, seed=1)
    assert first.shape == (20, 3) and {tuple(r) for r in first} <= {tuple(r) for r in rows}
    model.save(tmp_path / "model")
    assert np.array_equal(Samples.load(tmp_path / "model").sample(20, seed=1), first)
    with pytest.raises(RuntimeError, match="has not been fitted"):
        Samples(path="x.csv").sample(3)
