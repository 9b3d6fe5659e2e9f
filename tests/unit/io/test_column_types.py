"""Types of columns: what they are called, and samples in them."""

import numpy as np
import pandas as pd
import pytest

from tailbench.io.column_types import column_types, in_types


def test_what_is_no_number_counts_as_double():
    x = pd.DataFrame({"a": [1, 2], "b": [True, False], "c": ["1", "2"]}).astype({"a": "int8"})
    assert column_types(x) == ("int8", "float64", "float64")
    assert column_types(x[["a"]].to_numpy()) is None


@pytest.mark.parametrize(
    ("kind", "most", "beyond"),
    [
        ("int8", 127.4, 127.6),
        ("uint8", 255.4, -1.0),
        ("Int16", 32767.0, -32769.0),
        ("int64", 2.0**62, 2.0**63),
        ("uint64", 2.0**63, 2.0**64),
        ("float32", 3.0e38, 1e39),
    ],
)
def test_what_a_type_cannot_hold_stays_in_double_precision(kind, most, beyond):
    (kept,) = in_types(np.array([[1.2], [most]]), [kind])
    assert str(kept.dtype) == kind
    assert float(kept.iloc[1]) == pytest.approx(most, rel=0.01)
    (wide,) = in_types(np.array([[1.2], [beyond]]), [kind])
    assert wide.dtype == np.float64 and np.isfinite(wide).all()
    assert wide.iloc[1] == pytest.approx(beyond, rel=0.01)


def test_no_rows_keep_the_type():
    assert [str(c.dtype) for c in in_types(np.empty((0, 2)), ["Int64", "float32"])] == [
        "Int64", "float32",
    ]  # fmt: skip
