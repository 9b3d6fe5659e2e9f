"""Tables that users bring: columns are matched, and what is wrong is named."""

import numpy as np
import pandas as pd
import pytest

from tailbench.exceptions import InputError
from tailbench.metrics.score_inputs import match_tables

REAL = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})


def test_columns_go_by_name():
    found = match_tables(REAL[["b", "a"]], REAL, REAL.assign(a=0)[["b", "a"]])
    np.testing.assert_array_equal(found.samples, REAL)
    assert found.columns == ("a", "b")
    np.testing.assert_array_equal(found.train[:, 0], 0)


@pytest.mark.parametrize(
    "samples",
    [
        REAL.to_numpy(),
        REAL.to_numpy().tolist(),
        pd.DataFrame(REAL.to_numpy()),
        pd.DataFrame(REAL.to_numpy(), columns=["0", "1"]),
        REAL.to_numpy(dtype=np.float32),
    ],
    ids=["array", "list", "frame", "frame of a file", "single precision"],
)
def test_columns_without_names_go_by_order(samples):
    for pair in ((samples, REAL), (REAL, samples)):
        found = match_tables(*pair)
        np.testing.assert_array_equal(found.samples, REAL)
        assert found.columns == ("a", "b") and found.train is None
        assert found.samples.dtype == found.reference.dtype == np.float64


@pytest.mark.parametrize("one", [[1, 2, 3], REAL["a"], REAL[["a"]], np.array([[1], [2], [3]])])
def test_one_column(one):
    found = match_tables(one, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(found.samples, found.reference)
    assert found.samples.shape == (3, 1)


def test_some_columns_of_different_tables():
    wide = REAL.assign(c=["x", "y", "z"])
    found = match_tables(wide, REAL, columns=["b"])
    assert found.columns == ("b",) and found.samples[:, 0].tolist() == [4, 5, 6]
    numbers = match_tables(REAL.to_numpy(), REAL.to_numpy(), columns=[1])
    assert numbers.columns == ("1",) and numbers.samples[:, 0].tolist() == [4, 5, 6]


@pytest.mark.parametrize(
    ("samples", "reference", "options", "message"),
    [
        (
            REAL.mask(REAL == 5),
            REAL,
            {},
            "column 'b' of the table of samples has a missing value .* row 2",
        ),
        (
            REAL.replace(3.0, np.inf),
            REAL,
            {},
            "column 'a' of .* has an infinite value in row 3 of the data",
        ),
        (REAL, REAL.mask(REAL == 1), {}, "of the reference has a missing value .NaN. in row 1"),
        (REAL.rename(columns={"b": "bb"}), REAL, {}, r"no column 'b' of the reference \(did you"),
        (REAL.assign(c=1), REAL, {}, "has a column 'c' that the reference has not"),
        (np.ones((3, 3)), REAL, {}, "has 3 columns, and the reference has 2"),
        (
            REAL.assign(b=["1", "x", "3"]),
            REAL,
            {},
            "column 'b' .* is not numeric, with 'x' in row 2",
        ),
        (REAL[:0], REAL, {}, "must have rows and columns"),
        (np.ones((2, 2, 2)), REAL, {}, r"must be a table \(n, d\)"),
        ([[1, 2], [3]], REAL, {}, "cannot be read as numbers"),
        (REAL, REAL, {"columns": ["aa"]}, r"no column 'aa' \(did you mean 'a'"),
        (REAL, REAL, {"columns": ["a", "a"]}, "names 'a' twice"),
        (pd.concat([REAL, REAL], axis=1), REAL, {}, "two columns 'a'"),
    ],
)
def test_what_is_wrong_is_named(samples, reference, options, message):
    with pytest.raises(InputError, match=message):
        match_tables(samples, reference, **options)


def test_values_beyond_single_precision_are_refused_with_their_rows():
    spoilt = pd.DataFrame({"a": [1.0, 2.0, 1e300, 4.0], "b": [1.0, -1e39, 1e39, 2.0]})
    real = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [1e38, 2.0, 3.0, 1.0]})
    with pytest.raises(InputError) as caught:
        match_tables(spoilt, real)
    assert str(caught.value) == (
        "column 'a' of the table of samples has 1e+300, beyond the range of single precision, in "
        "row 3 of the data; column 'b' has -1e+39 and others, beyond the range of single "
        "precision, in rows 2, 3"
    )
    assert match_tables(real, real).reference[0, 1] == 1e38
