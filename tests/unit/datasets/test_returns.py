import numpy as np
import pandas as pd
import pytest
from arch.data import nasdaq, sp500, vix, wti

from tailbench.datasets.returns import Returns
from tailbench.exceptions import InputError


@pytest.fixture(scope="module")
def three():
    dataset = Returns(series=["sp500", "nasdaq", "wti"])
    dataset.check(1024)
    return dataset


def test_rows_and_columns(three):
    splits = three.splits("returns", 0)
    assert three.name == "returns" and three.target() is None and three.files() == ()
    assert list(splits.columns) == ["sp500", "nasdaq", "wti"]
    assert splits.train.shape == (3758, 3)
    assert splits.test.shape == splits.floor.shape == (1253, 3)
    assert splits.train.dtype == np.float64


def test_rows_of_all_four():
    splits = Returns(series=["vix", "sp500", "wti", "nasdaq"], test_fraction=0.5).splits("r", 0)
    assert list(splits.columns) == ["vix", "sp500", "wti", "nasdaq"]
    assert len(splits.train) + len(splits.test) == 1252


def test_known_returns_by_hand(three):
    """15 October 2008, a day of losses everywhere, and a row that spans missing oil prices."""
    train = three.splits("returns", 0).train
    close, oil = sp500.load()["Adj Close"], wti.load()["DCOILWTICO"]
    stocks = 100 * np.log(close["2008-10-15"] / close["2008-10-14"])
    crude = 100 * np.log(oil["2008-10-15"] / oil["2008-10-14"])
    row = int(np.argmin(np.abs(train[:, 0] - stocks)))
    assert train[row, 0] == pytest.approx(stocks, rel=1e-12) and stocks < -9
    assert train[row, 2] == pytest.approx(crude, rel=1e-12)

    dates = close.index.intersection(oil.dropna().index)
    gaps = close.index.difference(dates)
    gap = gaps[(gaps > dates[0]) & (gaps < dates[3000])][0]
    before, after = dates[dates < gap][-1], dates[dates > gap][0]
    row = dates.get_loc(after) - 1
    assert train[row, 0] == pytest.approx(100 * np.log(close[after] / close[before]), rel=1e-12)
    assert train[row, 2] == pytest.approx(100 * np.log(oil[after] / oil[before]), rel=1e-12)


def test_time_runs_from_train_to_test():
    splits = Returns(series=["sp500", "nasdaq"]).splits("returns", 0)
    assert splits.train.shape == (3772, 2) and splits.test.shape == (1258, 2)
    both = np.concatenate([splits.train, splits.test])
    close = nasdaq.load()["Adj Close"]
    assert both[:, 1].sum() == pytest.approx(100 * np.log(close.iloc[-1] / close.iloc[0]), rel=1e-9)
    for row in (0, 3771, 3772, 5029):
        by_hand = 100 * np.log(close.iloc[row + 1] / close.iloc[row])
        assert both[row, 1] == pytest.approx(by_hand, rel=1e-12)


def test_periods_are_those_of_the_rows(three):
    prices = sp500.load()["Adj Close"]
    splits, dates = three.splits("returns", 0), three.periods()
    last = prices.index.get_loc(dates["test"][1])
    expected = 100 * np.log(prices.iloc[last] / prices.iloc[last - 1])
    assert splits.test[-1, 0] == pytest.approx(expected)
    assert dates["train"][0] < dates["train"][1] < dates["test"][0] < dates["test"][1]
    assert len(three.dates()) == len(splits.train) + len(splits.test)


def test_seeds_differ_in_the_floor_only(three):
    one, again, other = (three.splits("returns", seed) for seed in (1, 1, 2))
    assert np.array_equal(one.train, other.train) and np.array_equal(one.test, other.test)
    assert np.array_equal(one.floor, again.floor) and not np.array_equal(one.floor, other.floor)
    rows = {tuple(row) for row in one.train}
    assert len({tuple(row) for row in one.floor}) == len(one.floor)
    assert all(tuple(row) in rows for row in one.floor)
    assert np.array_equal(
        Returns(series=["sp500", "nasdaq", "wti"]).splits("returns", 1).floor, one.floor
    )


def test_a_price_without_logarithm_drops_its_date(monkeypatch):
    days = pd.to_datetime(["2020-04-17", "2020-04-20", "2020-04-21", "2020-04-22", *DAYS])
    oil = pd.DataFrame({"DCOILWTICO": [18.0, -37.0, np.nan, 9.0, 11, 12, 13, 14, 15, 16]}, days)
    index = pd.DataFrame({"vix": np.arange(40.0, 30.0, -1)}, days)
    monkeypatch.setattr(wti, "load", lambda: oil)
    monkeypatch.setattr(vix, "load", lambda: index)
    x, columns = Returns(series=["wti", "vix"]).read()
    assert columns == ("wti", "vix") and x.shape == (7, 2)
    assert np.allclose(x[0], [100 * np.log(9 / 18), 100 * np.log(37 / 40)])


DAYS = [f"2020-05-{day:02}" for day in range(1, 7)]


def test_too_few_rows():
    with pytest.raises(
        InputError, match=r"'returns' has 5011 rows, of which 3758 .* fewer than the 4000"
    ):
        Returns(series=["sp500", "nasdaq", "wti"]).check(4000)


@pytest.mark.parametrize(
    "bad",
    [{"series": []}, {"series": ["gold"]}, {"series": ["wti", "wti"]}, {"test_fraction": 1.0}],
)
def test_bad_settings(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        Returns(**bad)


def test_the_short_history_of_vix_is_not_joined_by_default():
    splits = Returns().splits("returns", 0)
    assert list(splits.columns) == ["sp500", "nasdaq", "wti"]
    assert splits.train.shape == (3758, 3) and splits.test.shape == (1253, 3)
    alone = Returns(series=["vix"]).splits("vix", 0)
    assert list(alone.columns) == ["vix"]
    assert len(alone.train) + len(alone.test) == 1258
