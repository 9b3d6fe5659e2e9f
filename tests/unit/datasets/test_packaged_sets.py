"""What is made of the files in packages: by hand on small files, and the facts of the real ones."""

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest

import packaged_data
from packaged_data import real_or_skip
from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.stats.log_returns import log_returns
from tailbench.stats.tail_index import estimate_sides


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Give a data set of a small file, and the content of that."""

    def make(name, **options):
        path = packaged_data.made_up(name, tmp_path, monkeypatch)
        return registry.load("datasets", name)(path=str(path), **options), path.read_bytes()

    return make


def test_log_returns_by_hand():
    prices = np.array([[1.0, 4.0], [2.0, 2.0], [1.0, 2.0]])
    by_hand = 100 * np.log(2) * np.array([[1.0, -1.0], [-1.0, 0.0]])
    np.testing.assert_allclose(log_returns(prices), by_hand, rtol=1e-15)


@pytest.mark.parametrize(("name", "dim"), [("us_stocks", 20), ("etfs", 5)])
def test_returns_of_prices(made, name, dim):
    dataset, content = made(name)
    x, columns = dataset.read()
    prices = pd.read_csv(io.StringIO(gzip.decompress(content).decode()), index_col="Date")
    assert x.shape == (399, dim) and list(columns) == list(prices.columns)
    whole = 100 * np.log(prices.iloc[-1] / prices.iloc[0])
    np.testing.assert_allclose(x.sum(axis=0), whole, rtol=1e-9)
    assert np.array_equal(dataset.splits("any", 0).train, x[:299])


def test_losses_at_the_end_of_the_year(made):
    dataset, content = made("schedule_p")
    x, columns = dataset.read()
    assert columns == ("premium", "incurred", "paid")
    lines = pd.read_csv(io.BytesIO(content))
    first = lines[lines.DevelopmentLag == 1]
    assert len(x) == len(first) - 1 and x.min() > 0  # one row is all zeros
    by_hand = first[["EarnedPremNet", "IncurredLosses", "CumPaidLoss"]].sum()
    np.testing.assert_allclose(x.sum(axis=0), by_hand)
    assert len(dataset.groups()) == len(x) and set(dataset.groups()) == set(range(101, 141))


def test_losses_paid_by_the_end_of_four_years(made):
    dataset, content = made("schedule_p", values="paid_lags")
    x, columns = dataset.read()
    assert columns == ("paid_1", "paid_2", "paid_5", "paid_10")
    assert len(x) == 399 and np.all(np.diff(x, axis=1) >= 0)
    lines = pd.read_csv(io.BytesIO(content))
    row = lines[(lines.GRCODE == 101) & (lines.AccidentYear == 2003)].CumPaidLoss.to_numpy()
    assert row[[0, 1, 4, 9]].tolist() in x.tolist()


@pytest.mark.parametrize("share", [0.1, 0.25, 0.6])
def test_insurers_are_held_out_whole(made, share):
    dataset, _ = made("schedule_p", test_fraction=share)
    x, _ = dataset.read()
    firm = dict(zip(map(tuple, x), dataset.groups(), strict=True))
    assert len(firm) == len(x)  # so that a row tells the insurer
    splits = dataset.splits("any", 0)
    train = {firm[tuple(row)] for row in splits.train}
    test = {firm[tuple(row)] for row in splits.test}
    assert train and test and not train & test
    assert abs(len(splits.train) - (1 - share) * len(x)) <= 10


def test_one_insurer_cannot_be_held_out(made, monkeypatch):
    dataset, _ = made("schedule_p")
    monkeypatch.setattr(type(dataset), "groups", lambda self: np.zeros(399, int))
    with pytest.raises(InputError, match="'schedule_p' has one group of rows, and none can be"):
        dataset.check(1)


def test_flights_are_in_order_of_time(made):
    dataset, content = made("flight_delays")
    x, columns = dataset.read()
    assert columns == ("departure", "arrival") and len(x) == 392  # eight were cancelled
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        table = pd.read_csv(io.BytesIO(archive.read("flights.csv"))).dropna()
    key = table.month * 1_000_000 + table.day * 10_000 + table.sched_dep_time
    order = np.argsort(key.to_numpy(), kind="stable")
    np.testing.assert_array_equal(x, table[["dep_delay", "arr_delay"]].to_numpy()[order])
    assert np.array_equal(dataset.splits("any", 0).test, x[294:])  # October
    shuffled, _ = made("flight_delays", split="random")
    assert not np.array_equal(shuffled.splits("any", 0).test, x[294:])


@pytest.mark.parametrize("wet_days", [1, 2, 3])
def test_blocks_of_rain(made, wet_days):
    x, _ = made("rain", wet_days=wet_days)[0].read()
    days = made("rain")[0]
    rain = pd.read_csv(
        io.BytesIO(days.member(days.content(), "resources/rdata/csv/texmex/rain.csv"))
    )["x"].tolist()
    blocks = [rain[i : i + 3] for i in range(0, 1500, 3)]
    assert x.tolist() == [block for block in blocks if sum(v > 0 for v in block) >= wet_days]


def test_seasons(made):
    winter, columns = made("air_pollution")[0].read()
    summer, _ = made("air_pollution", season="summer")[0].read()
    assert columns == ("O3", "NO2", "NO", "SO2", "PM10")
    assert winter.shape == summer.shape == (200, 5) and not np.array_equal(winter, summer)


def test_magnitudes_of_zero_are_left_out(made):
    x, _ = made("earthquakes")[0].read()
    values = np.array([float(line) for line in made("earthquakes")[1].split()])
    assert np.array_equal(x[:, 0], values[values > 1]) and 300 < len(x) < len(values)


@pytest.mark.parametrize(
    ("name", "bad"),
    [("schedule_p", {"values": "all"}), ("rain", {"wet_days": 4}), ("rain", {"wet_days": 0}),
     ("air_pollution", {"season": "autumn"}), ("flight_delays", {"split": "grouped"}),
     ("fires", {"path": ""}), ("etfs", {"test_fraction": 0})],
)  # fmt: skip
def test_bad_settings(name, bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        registry.load("datasets", name)(**bad)


def test_a_file_without_its_columns_says_so(made, monkeypatch):
    dataset, _ = made("rain")
    with pytest.raises(InputError, match=r"'rain' has no intact file other\.csv in its archive"):
        dataset.member(dataset.content(), "other.csv")
    with pytest.raises(InputError, match="has no intact file"):
        dataset.member(b"no archive", "other.csv")
    with pytest.raises(InputError, match="'rain' cannot be read as a table"):
        dataset.table(b"no archive", "gzip")


# Facts of the real files, where they are: rows, columns, least and largest value, and for each
# column bounds of the extreme value index of the upper tail, by the moment estimator on 5 %.
FACTS = [
    ("us_stocks", {}, (8312, 20), (-109.87, 42.84), (0.0, 0.45)),
    ("etfs", {}, (2263, 5), (-14.62, 10.12), (0.25, 0.5)),
    ("schedule_p", {}, (5034, 3), (1, 18_031_798), (1.0, 1.4)),
    ("schedule_p", {"values": "paid_lags"}, (5051, 4), (1, 12_738_347), (1.0, 1.4)),
    ("rain", {}, (1793, 3), (0.3, 86.6), (0.05, 0.3)),
    ("rain", {"wet_days": 1}, (4318, 3), (0.0, 86.6), (-0.05, 0.25)),
    ("air_pollution", {}, (532, 5), (1, 568), (-0.2, 0.2)),
    ("air_pollution", {"season": "summer"}, (578, 5), (0, 313), (-0.35, 0.3)),
    ("flight_delays", {}, (327_346, 2), (-86, 1301), (0.05, 0.15)),
    ("fires", {}, (203_785, 1), (0.1, 412_050), (1.2, 1.3)),
    ("earthquakes", {}, (17_450, 1), (10**0.5, 10**7.8), (1.1, 1.3)),
]


@pytest.mark.parametrize(("name", "options", "shape", "ends", "index"), FACTS)
def test_the_real_file(name, options, shape, ends, index):
    dataset = real_or_skip(name, **options)
    dataset.check(300)
    x, columns = dataset.read()
    assert x.shape == shape and len(columns) == shape[1]
    assert dataset.settings.shape().rows == shape[0] and dataset.settings.shape().dim == shape[1]
    assert [x.min(), x.max()] == pytest.approx(ends, rel=1e-3)
    for _, high in estimate_sides(x):
        assert index[0] <= high.xi <= index[1]


def test_the_real_flights_have_no_plain_power_law():
    x, _ = real_or_skip("flight_delays").read()
    near, far = (estimate_sides(x[:, :1], fraction)[0][1] for fraction in (0.05, 0.001))
    assert near.hill - far.hill > 0.05 and far.xi - near.xi > 0.2


def test_the_real_losses_follow_the_size_of_the_insurer():
    dataset = real_or_skip("schedule_p", values="paid_lags")
    x, _ = dataset.read()
    assert len(set(dataset.groups())) == 332
    assert np.corrcoef(np.log(x[:, 2]), np.log(x[:, 3]))[0, 1] > 0.98
