"""Risks of columns: against the same numbers taken from the arrays, and what the page shows."""

import numpy as np
import pandas as pd
import pytest

from tailbench.metrics.expected_shortfall import expected_shortfall
from tailbench.pipeline.reporting.risk_table import MOST, risk_table
from tailbench.pipeline.reporting.risks import COLUMNS, REAL, read_risks, risks
from tailbench.pipeline.results.reader import ResultsReader


@pytest.fixture(scope="module")
def inputs(fabricated):
    return ResultsReader(fabricated)


@pytest.fixture(scope="module")
def found(inputs):
    return risks(inputs)


def row(found, **keys):
    of = found
    for key, value in keys.items():
        of = of[of[key] == value]
    return of.iloc[0]


def test_values_are_the_medians_over_seeds_of_both_tails(inputs, found):
    assert list(found.columns) == COLUMNS
    test = inputs.test("returns")
    columns = inputs.meta("returns")["columns"]
    for j, column in enumerate(columns):
        for tail, sign in (("upper", 1), ("lower", -1)):
            own = row(found, dataset="returns", column=column, tail=tail, level=0.99, name=REAL)
            var = np.median([sign * np.quantile(sign * x[:, j], 0.99) for x in test])
            es = np.median([sign * expected_shortfall(sign * x[:, [j]], 0.99)[0] for x in test])
            assert (own["var"], own["es"]) == pytest.approx((var, es))
            assert own["var_low"] <= own["var"] <= own["var_high"]
            assert own["es_low"] <= own["es"] <= own["es_high"]
            assert (own["rows"], own["beyond"]) == (2000, pytest.approx(20))


def test_every_variant_and_level_has_a_row(inputs, found):
    of = found[found["dataset"] == "stable"]
    names = [REAL, *(variant.text for variant in inputs.samples("stable"))]
    assert set(of["name"]) == set(names)
    assert len(of) == len(names) * 2 * 2 * 3
    light = row(found, dataset="stable", column="x1", tail="upper", level=0.99, method="sgm")
    real = row(found, dataset="stable", column="x1", tail="upper", level=0.99, name=REAL)
    assert light["es"] < real["es"]  # its tails are bent inwards


class OneColumn:
    """Results of one column: nonnegative losses near 1e6, and of an index below one."""

    datasets = ("d",)

    def __init__(self, index, rows=50):
        rng = np.random.default_rng(0)
        self.index, self.x = index, 1e6 + rng.pareto(0.8, (2, rows, 1))

    def meta(self, _):
        return {"columns": ["loss"], "tail_index": [self.index]}

    def samples(self, _):
        from tailbench.data import Variant

        return {Variant("m"): 2 * self.x}

    def test(self, _):
        return self.x


def test_no_mean_no_shortfall_and_no_row_beyond_no_value():
    found = risks(OneColumn(0.8))
    assert found["es"].isna().all() and found["var"].notna().all()
    assert sorted(found["level"].unique()) == [0.95]  # at 99 % there is half a row
    known = risks(OneColumn(1.5))
    assert known["es"].notna().all() and (known["var"] >= 1e6).all()
    assert (known["es_low"] <= known["es_high"]).all()


def test_they_are_read_as_they_were_written(tmp_path):
    found = risks(OneColumn(0.8)).assign(column="NA")
    found.to_csv(tmp_path / "risks.csv", index=False)
    pd.testing.assert_frame_equal(read_risks(tmp_path / "risks.csv"), found)
    assert risk_table(found, "d")["cells"][0][0][0][0][2] == "–"


def test_the_page_begins_with_the_longest_tail_and_says_who_is_clear_of_it():
    table = risk_table(risks(OneColumn(1.5, rows=2000)), "d")
    assert (table["columns"], table["tails"]) == (["loss"], ["upper", "lower"])
    assert [level["text"] for level in table["levels"]] == ["95 %", "99 %", "99.9 %"]
    assert table["few"] == [False, False, True]
    column, tail, level = table["first"]
    assert (tail, level) == (0, 1)
    real, method = table["cells"][column][tail][level]
    assert table["names"] == [REAL, "m"]
    assert real[4:] == ["", ""] and method[4:] == ["above", "above"]
    assert risk_table(pd.DataFrame(columns=COLUMNS), "d") is None


def test_of_many_columns_those_with_the_longest_tails_are_shown(found):
    table = risk_table(found, "student")
    assert len(table["columns"]) == MOST and table["left_out"] == 20 - MOST
    assert len(table["cells"]) == MOST and len(table["cells"][0]) == 2
