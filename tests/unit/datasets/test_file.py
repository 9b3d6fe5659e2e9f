import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailbench.data import DataShape
from tailbench.datasets.file import File, FileSettings
from tailbench.exceptions import InputError


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_t(3, (40, 3))


def write(folder, x, kind, names=("a", "b", "c")):
    path = folder / f"data.{kind}"
    if kind == "npy":
        np.save(path, x)
    else:
        frame = pd.DataFrame(x, columns=list(names))
        frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    return str(path)


def text(folder, content, name="data.csv"):
    path = folder / name
    path.write_text(content)
    return str(path)


@pytest.mark.parametrize("kind", ["csv", "parquet", "npy"])
def test_kinds_agree(tmp_path, x, kind):
    dataset = File(path=write(tmp_path, x, kind))
    dataset.check(30)
    splits = dataset.splits("mine", 0)
    assert np.allclose(splits.train, x[:30], rtol=1e-14)
    assert np.allclose(splits.test, x[30:], rtol=1e-14)
    assert splits.floor.shape == (10, 3) and splits.train.dtype == np.float64
    assert list(splits.columns) == (["0", "1", "2"] if kind == "npy" else ["a", "b", "c"])
    assert dataset.files() == (Path(dataset.settings.path),) and dataset.target() is None


@pytest.mark.parametrize(
    ("kind", "columns"), [("csv", ["c", "a"]), ("parquet", ["c", "a"]), ("npy", [2, 0])]
)
def test_columns_are_chosen_in_order(tmp_path, x, kind, columns):
    splits = File(path=write(tmp_path, x, kind), columns=columns).splits("mine", 0)
    assert np.allclose(splits.train, x[:30, [2, 0]]) and splits.columns == tuple(map(str, columns))


def test_relative_paths_start_at_the_working_directory(tmp_path, x, monkeypatch):
    write(tmp_path, x, "npy")
    monkeypatch.chdir(tmp_path)
    File(path="data.npy").check(8)


def test_one_axis_is_one_column(tmp_path, x):
    assert File(path=write(tmp_path, x[:, 0], "npy")).splits("mine", 0).train.shape == (30, 1)


def test_integers_and_missing_in_unused_columns(tmp_path):
    path = text(tmp_path, "day,n,gap\n" + "".join(f"2020-01-{i:02},{i},\n" for i in range(1, 21)))
    splits = File(path=path, columns=["n"]).splits("mine", 0)
    assert np.array_equal(splits.train[:, 0], np.arange(1.0, 16.0))


def test_random_split(tmp_path, x):
    path = write(tmp_path, x, "npy")
    one, other = (File(path=path, split="random").splits("mine", k) for k in (0, 1))
    assert np.array_equal(one.train, other.train) and np.array_equal(one.test, other.test)
    assert not np.array_equal(one.test, x[30:])
    rejoined = np.concatenate([one.train, one.test])
    assert np.array_equal(np.sort(rejoined, axis=0), np.sort(x, axis=0))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    n=st.integers(4, 60),
    fraction=st.floats(0.01, 0.99),
    split=st.sampled_from(["chronological", "random"]),
)
def test_sizes_of_any_split(tmp_path, n, fraction, split):
    np.save(tmp_path / "n.npy", np.arange(float(n)))
    dataset = File(path=str(tmp_path / "n.npy"), test_fraction=fraction, split=split)
    n_test = round(n * fraction)
    if min(n_test, n - n_test) < 2:
        with pytest.raises(InputError, match="too few to hold out"):
            dataset.check(1)
        return
    splits = dataset.splits("mine", 0)
    assert len(splits.train) == n - n_test
    assert len(splits.test) == len(splits.floor) == min(n_test, n - n_test)
    assert not set(splits.train[:, 0]) & set(splits.test[:, 0])
    assert set(splits.floor[:, 0]) <= set(splits.train[:, 0])


def test_test_is_cut_to_the_rows_next_in_time(tmp_path):
    np.save(tmp_path / "n.npy", np.arange(20.0))
    splits = File(path=str(tmp_path / "n.npy"), test_fraction=0.8).splits("mine", 0)
    assert splits.test[:, 0].tolist() == [4.0, 5.0, 6.0, 7.0]
    assert splits.floor[:, 0].tolist() == [0.0, 1.0, 2.0, 3.0]


def refused(path, *parts, **options):
    with pytest.raises(InputError) as caught:
        File(path=str(path), **options).check(4)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(path), *parts):
        assert part in message, message


def test_missing_and_unknown_files(tmp_path):
    refused(tmp_path / "no.csv", "does not exist")
    refused(tmp_path / "no.xlsx", "does not end in .csv, .parquet, .npy")
    (tmp_path / "folder.csv").mkdir()
    refused(tmp_path / "folder.csv", "is not a file")


@pytest.mark.parametrize("kind", ["csv", "parquet", "npy"])
def test_garbage_and_empty_files(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    path.write_bytes(b"")
    refused(path, "is empty")
    path.write_bytes(b"\x93NUMPY\x01\x00\xff\xfe" + bytes(range(128, 250)))
    refused(path, "cannot be read as")
    write(tmp_path, np.zeros((0, 3)), kind)
    refused(tmp_path / f"data.{kind}", "is empty")


def test_truncated_files(tmp_path, x):
    for kind in ("npy", "parquet"):
        path = Path(write(tmp_path, x, kind))
        path.write_bytes(path.read_bytes()[:-100])
        refused(path, f"cannot be read as .{kind}")


@pytest.mark.parametrize("kind", ["csv", "parquet", "npy"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.nan, "missing values (NaN) in rows 8, 10 of the data"),
        (-np.inf, "an infinite value in row 8"),
        (-1e39, "-1e+39, beyond the range of single precision, in row 8"),
    ],
)
def test_bad_values(tmp_path, x, kind, value, words):
    x[7, 1] = value
    x[9, 1] = np.nan
    refused(write(tmp_path, x, kind), "column '1'" if kind == "npy" else "column 'b'", words)


@pytest.mark.parametrize("value", [3.0, 1e9, 1e-60])
def test_constant_columns(tmp_path, x, value):
    x[:, 2] = value
    x[1, 2] = np.nextafter(value, 0)  # by rounding
    refused(write(tmp_path, x, "csv"), "column 'c'", "is constant over the 30 rows for training")
    x[35, 2] = 5.0  # varies, but in the held-out rows only
    refused(write(tmp_path, x, "csv"), "column 'c'", "is constant over the 30 rows for training")


def test_a_large_offset_does_not_make_a_column_constant(tmp_path, x):
    x[:, 2] += 1e9  # single precision would leave one value
    assert np.ptp(File(path=str(write(tmp_path, x, "csv"))).splits("mine", 0).train[:, 2]) > 1


def test_columns_that_are_not_numeric(tmp_path):
    days = "".join(f"2020-01-{i:02},{i}\n" for i in range(1, 21))
    path = text(tmp_path, "day,n\n" + days)
    refused(path, "'day'", "dates", "'2020-01-01' in row 1", "list the numeric columns to use")
    refused(path, "'day'", "is not numeric", columns=["n", "day"])
    path = text(tmp_path, "n\n" + "1.5\n" * 6 + "n/k\n")
    refused(path, "column 'n'", "'n/k' in row 7")
    path = text(tmp_path, "flag\n" + "True\nFalse\n" * 9)
    refused(path, "column 'flag'", "is not numeric")
    frame = pd.DataFrame({"t": pd.date_range("2020", periods=20), "v": np.arange(20.0)})
    frame.to_parquet(tmp_path / "t.parquet")
    refused(tmp_path / "t.parquet", "column 't'", "holds dates")
    refused(tmp_path / "t.parquet", "column 't'", "is not numeric", columns=["t", "v"])


def test_index_of_a_data_frame(tmp_path, x):
    frame = pd.DataFrame(x, columns=["a", "b", "c"], index=pd.date_range("2020", periods=40))
    frame.to_parquet(tmp_path / "x.parquet")
    assert File(path=str(tmp_path / "x.parquet")).splits("mine", 0).train.shape == (30, 3)
    frame.reset_index(drop=True).to_csv(tmp_path / "x.csv")
    refused(tmp_path / "x.csv", "column 1", "has no name", "under 'columns'")
    File(path=str(tmp_path / "x.csv"), columns=["a"]).check(4)


def test_labels_texts_and_gaps_are_in_one_message(tmp_path):
    rows = "".join(f"{i},2020-01-0{i},0.5,{i * i},x,{i}\n" for i in range(1, 10))
    path = text(
        tmp_path,
        "id,day,,gap,kind,fine\n" + rows.replace("3,2020-01-03,0.5,9", "3,2020-01-03,0.5,"),
    )
    refused(
        path,
        "column 'id'",
        "; column 'day' holds dates or times",
        "; column 3 has no name",
        "; column 'gap' has a missing value (NaN) in row 3 of the data",
        "; column 'kind' is not numeric, with 'x' in row 1 and 8 more: list",
    )
    with pytest.raises(InputError) as caught:
        File(path=path).check(4)
    assert "fine" not in str(caught.value)


def test_nullable_numbers(tmp_path):
    frame = pd.DataFrame({"n": pd.array([1, 2, None, *range(20)], dtype="Int64")})
    frame.to_parquet(tmp_path / "x.parquet")
    refused(tmp_path / "x.parquet", "column 'n'", "a missing value (NaN) in row 3")


def test_unknown_columns(tmp_path, x):
    path = write(tmp_path, x, "csv", names=("price", "volume", "open"))
    refused(path, "has no column 'Price' (did you mean 'price'?)", columns=["Price"])
    refused(write(tmp_path, x, "npy"), "has no column '3' (known: 0, 1, 2)", columns=[3])
    refused(write(tmp_path, x, "npy"), "has no column '-1'", columns=[-1])


def test_repeated_columns(tmp_path):
    refused(text(tmp_path, "a,b,a\n" + "1,2,3\n" * 9), "has two columns 'a'")
    table = pa.table([pa.array(np.arange(9.0))] * 2, names=["a", "a"])
    pq.write_table(table, tmp_path / "x.parquet")
    refused(tmp_path / "x.parquet", "has two columns 'a'")
    for columns in (["a", "b", "a"], [0, "0"]):
        with pytest.raises(ValueError, match="twice"):
            File(path="x.csv", columns=columns)


def test_header(tmp_path):
    refused(text(tmp_path, "0.1,0.2\n" * 9), "the first line", "holds numbers")
    path = text(tmp_path, "\ufeff 0 ,1\n" + "".join(f"{i},{i * i}\n" for i in range(9)))
    assert File(path=path).splits("mine", 0).columns == ("0", "1")


def test_ragged_rows(tmp_path):
    """All rows that have too many fields are named; empty lines are no rows."""
    long = "1,2\n" * 3 + "1,2,3\n" + "\n" + "1,2\n" + "1,2,3,4\n"
    refused(text(tmp_path, "a,b\n" + long), "has 2 columns, but 3 fields in rows 4, 6")
    refused(text(tmp_path, "a,b\n" + "1,2,3\n" * 5), "3 fields in rows 1, 2, 3 and 2 more")
    refused(text(tmp_path, "a;b\n" + "1,5;2\n" * 60 + "1;2;3\n"), "3 fields in row 61")
    unknown = "a;b\n" + "1,5;2\n" * 9 + "1;2;3\n"
    refused(text(tmp_path, unknown), "has 1 column, but 2 fields", "parted by ','?")
    refused(text(tmp_path, "a,b\n" + "1,2\n" * 5 + '"1,2\n'), "cannot be read as .csv")
    refused(text(tmp_path, "a,b\n" + "1,2\n" * 5 + "1\n"), "column 'b'", "missing value", "row 6")


def test_arrays_that_are_no_tables(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    refused(path, "cannot be read as .npy", "allow_pickle=False")
    path.write_bytes(b"\x80\x04\x95pickle")
    refused(path, "is not a NPY file")
    np.save(path, np.zeros((4, 4, 4)))
    refused(path, "has 3 axes, not one or two")
    np.save(path, np.float64(3.0))
    refused(path, "has 0 axes")
    np.save(path, np.array(["a", "b"]))
    refused(path, "holds <U1, which is not numeric")
    np.save(path, np.zeros((5, 0)))
    refused(path, "is empty")
    np.save(path, np.ones(20) * 1j)
    refused(path, "complex128")


def test_too_few_rows(tmp_path, x):
    dataset = File(path=write(tmp_path, x, "csv"))
    dataset.check(30)
    with pytest.raises(InputError, match=r"has 40 rows, of which 30 .* fewer than the 31"):
        dataset.check(31)
    with pytest.raises(InputError, match=r"has 3 rows, too few .* \(test_fraction\)"):
        File(path=write(tmp_path, x[:3], "csv")).check(1)


def test_the_file_is_read_once(tmp_path, x):
    path = Path(write(tmp_path, x, "npy"))
    dataset = File(path=str(path))
    dataset.check(4)
    path.unlink()
    assert dataset.splits("mine", 0).train.shape == (30, 3)


def test_settings():
    for name, field in FileSettings.model_fields.items():
        assert field.description, name
    for bad in ({}, {"path": ""}, {"path": "x.csv", "columns": []}, {"path": "x", "split": "no"}):
        with pytest.raises(ValueError, match=r"path|columns|split"):
            File(**bad)
    with pytest.raises(TypeError, match="not both"):
        File(FileSettings(path="x.csv"), path="x.csv")


def test_the_size_is_judged_by_the_length_of_the_file(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"1" * 80_000)
    assert FileSettings(path=str(path), columns=["a", "b"]).shape() == DataShape(10_000, 2)
    missing = FileSettings(path=str(tmp_path / "none.csv")).shape()
    assert missing.rows > 1000 and missing.dim > 1


def test_everything_wrong_is_in_one_message(tmp_path):
    rows = [f"{i}.5,{i}.5,x{i},{i}.5" for i in range(20)]
    rows[3], rows[5], rows[7] = "n/k,,x3,1.5", ",2.5,x5,inf", "1.5,,x7,1e300"
    path = text(tmp_path, "a,b,name,c\n" + "\n".join(rows) + "\n")
    refused(
        path,
        "column 'a' of",
        "is not numeric, with 'n/k' in row 4 and has a missing value (NaN) in row 6",
        "column 'b' has missing values (NaN) in rows 4, 8",
        "column 'name' is not numeric, with 'x0' in row 1 and 19 more",
        "column 'c' has an infinite value in row 6 and has 1e+300, beyond the range of single",
    )
    wide = ",".join(f"c{j}" for j in range(30)) + "\n" + ("," * 29 + "\n") * 9
    refused(text(tmp_path, wide), "column 'c7' has", "22 more columns are at fault")


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("date", [f"2020-01-{i:02}" for i in range(1, 26)]),
        ("when", [f"{i:02}.03.2020 08:00" for i in range(1, 26)]),
        ("day", [f"202001{i:02}" for i in range(1, 26)]),
        ("timestamp", [1_600_000_000 + 60 * i for i in range(25)]),
        ("unix_time", [1_600_000_000_000 + 60 * i for i in range(25)]),
        ("year", [1990 + i // 2 for i in range(25)]),
        ("when", [1_600_000_020 + 86_400 * i for i in range(25)]),
        ("t", [1_600_000_020_000 + 60_000 * i * i for i in range(1, 26)]),
        ("policy_id", [7919 * i % 101 for i in range(25)]),
        ("n", list(range(4, 29))),
    ],
)
def test_dates_and_identifiers_are_refused_by_name(tmp_path, label, values):
    rows = "".join(f"{value},{i * i * 0.7}\n" for i, value in enumerate(values))
    path = text(tmp_path, f"{label},loss\n" + rows)
    refused(path, f"column '{label}' of", f"{values[0]}", "under 'columns'")
    File(path=path, columns=["loss"]).check(4)
    if isinstance(values[0], int) or values[0].isdecimal():
        File(path=path, columns=[label, "loss"]).check(4)  # what the user asks for


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("index", [3300.25 + i for i in range(25)]),  # of shares
        ("yearly", [1990 + i for i in range(0, 50, 2)]),
        ("claims", [20200101 + 100 * i for i in range(25)]),  # months beyond 12
        ("time", [1_600_000_000 - i for i in range(25)]),
        ("total", [1_600_000_020 + 61 * i for i in range(25)]),
        ("assets", [1_600_000_020 + 60 * (i % 5) for i in range(25)]),
        ("claim_id", [i // 2 for i in range(25)]),
        ("count", [i % 24 for i in range(25)]),
    ],
)
def test_what_only_looks_like_a_label_is_kept(tmp_path, label, values):
    rows = "".join(f"{value},{i * 0.7}\n" for i, value in enumerate(values))
    found, columns = File(path=text(tmp_path, f"{label},loss\n" + rows)).read()
    assert columns == (label, "loss") and found[:, 0].tolist() == values


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("a;b\n" + "1,5;-2\n" * 9, "utf-8"),
        ("a\tb\n" + "1.5\t-2\n" * 9, "utf-8"),
        ("a|b\n" + "1.5|-2\n" * 9, "utf-8"),
        ('"a";"b"\n' + "1,5e0;-2,0\n" * 9, "utf-16"),
        ("a,b\n" + "1.5,-2\n" * 9, "utf-16"),
        ("a,b\n" + "1.5,-2\n" * 9, "utf-8-sig"),
        ('a;b\n"1.5";"-2"\n' * 1 + "1.5;-2\n" * 8, "cp1252"),
    ],
)
def test_forms_of_csv(tmp_path, content, encoding):
    path = tmp_path / "x.csv"
    path.write_bytes(content.encode(encoding))
    found, columns = File(path=str(path)).read()
    assert columns == ("a", "b") and found.tolist() == [[1.5, -2.0]] * 9


def test_names_that_are_not_in_utf8(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes("Schäden;Höhe\n1,5;2,5\n2,5;1,5\n".encode("cp1252"))
    assert File(path=str(path)).read()[1] == ("Schäden", "Höhe")
    path.write_bytes(b"a\x81,b\n1,2\n")
    refused(path, "is text neither in UTF-8 nor in UTF-16")


def test_endless_fields(tmp_path):
    path = text(tmp_path, "a;b\n" + '"' + "x" * 200_000 + '";1\n' * 9)
    refused(path, "is not numeric, with 'xxx")
    with pytest.raises(InputError) as caught:
        File(path=path).check(4)
    assert len(str(caught.value)) < 1000


def test_commas_between_thousands_are_no_decimal_commas(tmp_path):
    refused(
        text(tmp_path, 'a,b\n"1,234",1\n' * 1 + '"2,345",2\n' * 9), "is not numeric, with '1,234'"
    )
    refused(text(tmp_path, "a;b\n" + "1,234;2.5\n" * 9), "is not numeric, with '1,234' in row 1")


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999999, 2), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000000000000, 2), }",
        "{'descr': ",
        "((((",
        "{[]: 1}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-3, 2), }",
        "\0\0",
    ],
)
def test_broken_headers(tmp_path, header):
    size = struct.pack("<H", len(header) + 1)
    path = tmp_path / "x.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + size + header.encode() + b"\n" + bytes(48))
    refused(path, "cannot be read as .npy")


def forms(folder, content, written="utf-8", **given):
    path = folder / "x.csv"
    path.write_bytes(content.encode(written))
    return File(path=str(path), **given).read()


def test_a_form_that_is_given_overrides_what_is_found(tmp_path):
    """One row of thousands of commas, fields parted by blanks, and a file without a sign of it."""
    found, _ = forms(tmp_path, "a;b\n" + "1,234;2,5\n" * 9)
    assert found[0].tolist() == [1.234, 2.5]
    with pytest.raises(InputError, match="'1,234' in row 1"):
        forms(tmp_path, "a;b\n" + "1,234;2,5\n" * 9, decimal=".")
    found, names = forms(tmp_path, "a b\n" + "1.5 2\n" * 9, separator=" ")
    assert names == ("a", "b") and found[0].tolist() == [1.5, 2.0]
    found, names = forms(tmp_path, 'a,b\n"1,5","2"\n' * 1 + '"2,5","3"\n' * 9, decimal=",")
    assert found[0].tolist() == [1.5, 2.0]
    _, names = forms(tmp_path, "h\u00f6he,b\n1.5,2\n", "cp437", encoding="cp437")
    assert names == ("h\u00f6he", "b")
    with pytest.raises(InputError, match="is not text in ascii"):
        forms(tmp_path, "h\u00f6he,b\n1.5,2\n", encoding="ascii")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"encoding": "utf-9"}, "Python knows no encoding 'utf-9'"),
        ({"separator": ";;"}, "separator"),
        ({"decimal": "'"}, "decimal"),
        ({"path": "x.npy", "separator": ";"}, "separator is for a .csv file"),
        ({"date_format": "%Y"}, "date_format is for the column"),
        ({"dates": "day", "columns": ["day", "n"]}, "under both dates and columns"),
    ],
)
def test_forms_that_are_none(options, words):
    with pytest.raises(ValueError, match=words):
        File(**{"path": "x.csv", **options})


def dated(folder, days, **options):
    rows = "".join(f"{day},{i * i}\n" for i, day in enumerate(days))
    return File(path=text(folder, "day,loss\n" + rows), dates="day", **options)


def test_the_column_of_dates(tmp_path):
    days = [f"{i:02}/03/2020" for i in range(1, 21)]
    source = dated(tmp_path, days)
    assert source.read()[1] == ("loss",) and source.dates()[3] == "2020-03-04"
    assert source.periods()["test"] == ("2020-03-16", "2020-03-20")
    ambiguous = [f"01/{i:02}/2020" for i in range(1, 13)]
    assert dated(tmp_path, ambiguous, date_format="%d/%m/%Y").dates()[-1] == "2020-12-01"
    assert dated(tmp_path, ambiguous, date_format="%m/%d/%Y").dates()[-1] == "2020-01-12"
    assert dated(tmp_path, days[::-1], split="random").periods() == {}


@pytest.mark.parametrize(
    ("days", "options", "words"),
    [
        (["a", "b", "c", "d"] * 3, {}, "holds no dates that can be read, with 'a' in row 1"),
        (["2020-01-02", "2020-01-01"] * 6, {}, "does not rise in row 2, with 2020-01-01 after"),
        (
            ["01/02/2020", "2020"] * 6,
            {"date_format": "%d/%m/%Y"},
            "'2020', which is no date of the form '%d/%m/%Y', in row 2",
        ),
        (["2020-01-02"] * 8 + [""] * 4, {}, "has no date in row 9"),
    ],
)
def test_dates_that_are_none(tmp_path, days, options, words):
    with pytest.raises(InputError, match=words):
        dated(tmp_path, days, **options).check(2)
    with pytest.raises(InputError, match="has no column 'when'"):
        File(path=text(tmp_path, "day,n\n" + "1,2\n" * 9), dates="when").check(2)


def test_linear_functions_of_other_columns_are_refused_by_name(tmp_path, x):
    frame = pd.DataFrame(1e3 + x[:, :2], columns=["a", "b"])
    frame["usd"], frame["sum"] = 1.1 * frame["a"] - 2, frame["a"] + frame["b"]
    path = tmp_path / "x.csv"
    frame.to_csv(path, index=False)
    refused(
        path,
        "column 'usd' of",
        "is 1.1 times 'a' minus 2; column 'sum' is a sum: 1 times 'a' and 1 times 'b'",
        "leave it out of 'columns'",
    )
    File(path=str(path), columns=["sum", "b"]).check(4)
    said = "is a sum: 1 times 'b' and 0.909091 times 'usd'"
    refused(path, "column 'sum'", said, columns=["b", "usd", "sum"])


def test_an_offset_of_a_billion_is_kept_by_the_models(tmp_path):
    """The file, the data and the samples are in double precision."""
    from tailbench import MVT, SGM

    t = np.random.default_rng(0).standard_t(4, (400, 1))
    pd.DataFrame(1e9 + t, columns=["a"]).to_csv(tmp_path / "x.csv", index=False)
    train = File(path=str(tmp_path / "x.csv"), split="random").splits("mine", 0).train
    assert len(np.unique(train)) == 300
    for model in (MVT(verbose=False), SGM(train_steps=20, batch_size=64, width=16, verbose=False)):
        samples = model.fit(train).sample(300, seed=0)
        assert len(np.unique(samples)) == 300 and np.abs(np.median(samples) - 1e9) < 10
