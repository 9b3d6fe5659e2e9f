"""Every corruption of the benchmark of metrics is noticed by one of them, at a small size."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest, t

from tailbench import registry

FOLDER = Path(__file__).parents[2] / "benchmarks"
NAMES = ["extremal_dependence", "memorisation", "msle", "tail_coverage", "tail_ks"]


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("metric_power")
    sys.modules.pop("metric_power", None)


@pytest.fixture(scope="module")
def found(script):
    return script.power(8000, 4, 5, NAMES)


@pytest.fixture(scope="module")
def page():
    return (FOLDER.parent / "docs" / "metrics.md").read_text(encoding="utf-8")


def cells_of(script, page):
    """The numbers of the table by output."""
    return {
        key: [float(cell.strip(" *") or "nan") for cell in row.split("|")[2:-1]]
        for key, row in script.rows_of(page)[0].items()
    }


def test_the_page_has_every_output_and_a_metric_that_notices_each_corruption(script, page):
    rows = cells_of(script, page)
    parts = [registry.load("metrics", name) for name in script.judged_metrics()]
    assert list(rows) == [key for part in parts for key in part.outputs]
    assert all(len(cells) == len(script.CORRUPTIONS) for cells in rows.values())
    assert (np.nanmax(list(rows.values()), axis=0) >= 3).all()


def test_rows_of_the_page_are_replaced_one_by_one(script, page):
    rows, start, end = script.rows_of(page)
    found = {name: {"msle": 7.04} for name in script.CORRUPTIONS}
    made = script.rewritten(page, found)
    after, *place = script.rows_of(made)
    assert after == rows | {"msle": "| `msle` |" + " **7.0** |" * len(script.CORRUPTIONS)}
    assert place == [start, end]
    whole, own = page.splitlines(), made.splitlines()
    assert (own[:start], own[end:]) == (whole[:start], whole[end:])
    with pytest.raises(ValueError, match="no table of these corruptions"):
        script.rows_of("# A page")


@pytest.mark.slow
def test_the_page_has_what_the_script_finds(script, page):
    found = script.power(10_000, 5, 5, ["msle", "tail_coverage", "tail_direction", "tail_ks"])
    rows, made = cells_of(script, page), cells_of(script, script.rewritten(page, found))
    for key in next(iter(found.values())):
        assert made[key] == pytest.approx(rows[key], rel=0.06), key  # two digits are written


def test_each_corruption_is_noticed(script, found):
    assert list(found) == list(script.CORRUPTIONS)
    for name, multiples in found.items():
        assert max(multiples.values()) > 3, name


@pytest.mark.parametrize(
    ("corruption", "output"),
    [
        ("top 1 % doubled", "msle"),
        ("top 1 % dropped", "coverage_error_upper"),
        ("columns shuffled", "chi95_error"),
        ("shuffled in the top 5 %", "chi95_error"),
        ("Gaussian copula", "chi95_error"),
        ("training rows resampled", "dcr_ratio"),
        ("modes reweighted", "tail_mass_error"),
    ],
)
def test_it_is_noticed_by_the_metric_that_is_made_for_it(found, corruption, output):
    assert found[corruption][output] > 2


def test_dependence_alone_is_not_seen_in_margins(found):
    for corruption in ("columns shuffled", "shuffled in the top 5 %"):
        for output in ("msle", "coverage_error_upper", "coverage_error_lower"):
            assert found[corruption][output] == pytest.approx(1, abs=1e-9)


def test_the_gaussian_copula_keeps_the_margins(script):
    rng = np.random.default_rng(0)
    x = script.draw(20_000, 3, rng, copula="gaussian")
    for column in x[:, 1:].T:
        assert kstest(column, t(script.NU).cdf).pvalue > 1e-3


def test_the_table(script):
    text = script.markdown({"one": {"a": 1.04, "b": 12.3}, "two": {"a": np.nan, "b": 3.0}})
    assert text.splitlines() == [
        "| Output | one | two |",
        "| --- | ---: | ---: |",
        "| `a` | 1.0 |  |",
        "| `b` | **12** | **3.0** |",
    ]
