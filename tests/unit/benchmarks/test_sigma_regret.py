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
        rows.append({**common, "method": "dip", "sigma_T": 1.5, "value": 0.5})
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


def test_rules_are_told_apart(script):
    """The second takes a level between those of the sweep, better than any of them."""
    both = [script.regrets(table(), rule, "noised", "max_sw1") for rule in ("auto", "dip")]
    rows = script.summary(pd.concat(both)).to_dict("records")
    assert [row["rule"] for row in rows] == ["auto", "dip"]
    assert [row["median sigma_T"] for row in rows] == [2.0, 1.5]
    assert rows[1]["regret"] == pytest.approx(math.log(0.5))
    assert rows[0]["one level"] == rows[1]["one level"]


def test_the_table_of_a_run_is_printed_and_written(script, tmp_path, monkeypatch, capsys):
    table().to_csv(tmp_path / "metrics.csv")
    arguments = [str(tmp_path / "metrics.csv"), "--metrics", "max_sw1"]
    output = tmp_path / "regrets.csv"
    monkeypatch.setattr("sys.argv", ["sigma_regret", *arguments, "--output", str(output)])
    script.main()
    shown = capsys.readouterr().out.splitlines()
    assert "auto" in shown[1] and "dip" in shown[2]
    assert pd.read_csv(output)["rule"].tolist() == ["auto", "auto", "dip", "dip"]


def test_a_run_without_the_methods(script):
    with pytest.raises(SystemExit, match="no msle of both auto and noised"):
        script.regrets(table(), "auto", "noised", "msle")
