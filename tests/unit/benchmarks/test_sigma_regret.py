"""The regret of a rule by a table whose levels are set."""

import importlib
import math

import pandas as pd
import pytest

from repository import ROOT


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("sigma_regret")


def table():
    """Two seeds, whose best levels are 1 and 2; the rule takes 2 for both, and once scatters."""
    rows = []
    values = {0: {1.0: 1.0, 2.0: 2.0, 4.0: 4.0}, 1: {1.0: 3.0, 2.0: 1.0, 4.0: 9.0}}
    for seed, levels in values.items():
        common = {"dataset": "toy", "seed": seed, "metric": "max_sw1"}
        rows += [
            {**common, "method": "noised", "sigma_T": level, "value": value}
            for level, value in levels.items()
        ]
        chosen = {0: 2.0, 1: 1.0}[seed]
        rows.append({**common, "method": "auto", "sigma_T": 2.0, "value": chosen})
    return pd.DataFrame(rows)


def test_regrets(script):
    found = script.regrets(table(), "auto", "noised", "max_sw1")
    assert found["regret"].tolist() == pytest.approx([math.log(2.0), 0.0])
    assert found["best sigma_T"].tolist() == [1.0, 2.0]
    random = [math.log(8.0) / 3, math.log(27.0) / 3]
    assert found["at random"].tolist() == pytest.approx(random)
    (row,) = script.summary(found).to_dict("records")
    assert row["seeds"] == 2 and row["which"] == "2"
    assert row["one level"] == pytest.approx(math.log(2.0) / 2)
    assert row["regret"] == pytest.approx(math.log(2.0) / 2)


def test_a_run_without_the_methods(script):
    with pytest.raises(SystemExit, match="no msle of both auto and noised"):
        script.regrets(table(), "auto", "noised", "msle")
