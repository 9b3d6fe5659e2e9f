"""The search of learning rates, at a size at which it says nothing but that it runs."""

import importlib
import math

import pandas as pd
import pytest

from repository import ROOT


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    made = importlib.import_module("tuning")
    monkeypatch.setattr(made, "ROWS", 150)
    monkeypatch.setattr(made, "TRIALS", {name: made.TRIALS[name] for name in SOME})
    return made


SOME = ("default", "adamw 2e-3", "batch / 2")


def test_families_that_sample_in_one_pass(script, tmp_path, monkeypatch, capsys):
    """Every trial of both, with the floors that its errors are divided by."""
    output = tmp_path / "tuning.csv"
    arguments = ["--families", "t3vae", "pareto_gan", "--steps", "4", "--seeds", "1"]
    monkeypatch.setattr("sys.argv", ["tuning", *arguments, "--output", str(output)])
    script.main()
    table = pd.read_csv(output)
    assert len(table) == 2 * len(SOME) * len(script.TARGETS) * len(script.WEIGHTS)
    assert (table["value"] > 0).all() and (table["floor"] > 0).all()
    assert table["ratio"].to_numpy() == pytest.approx(table["value"] / table["floor"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("`t3vae`", "`pareto_gan`"))
    assert all(f"| {name} |" in shown for name in SOME)


def test_the_score_weighs_the_logarithms(script):
    """By hand: a weight of one for the first error and of a half for the second."""
    values = {"max_sw1": (2.0, 8.0), "msle_norm": (4.0, 4.0)}
    rows = [
        {"family": "t3vae", "trial": "default", "target": place, "metric": name, "ratio": ratio}
        for name, ratios in values.items()
        for place, ratio in enumerate(ratios)
    ]
    (found,) = script.scores(pd.DataFrame(rows)).loc["default"]
    assert found == pytest.approx((math.log(16.0) + 0.5 * math.log(16.0)) / 3.0)
