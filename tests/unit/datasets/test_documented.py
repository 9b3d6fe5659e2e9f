"""What the page on data says of each table: all that a reader looks for, and true numbers."""

import re

import pytest

from repository import ROOT
from tailbench import registry
from tailbench.datasets.image_base import ImageDataset
from tailbench.stats.tail_index import estimate_sides

PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
NAMES = [
    name
    for name in registry.names("datasets")
    if name != "file" and not issubclass(registry.load("datasets", name), ImageDataset)
]
INTERVAL = r"(-?\.\d+) \[(-?\.\d+), (-?\.\d+)\]"


def section(name):
    start = PAGE.index(f"\n### `{name}`\n")
    return PAGE[start : PAGE.index("\n##", start + 4)]


def test_there_is_a_section_for_each_table():
    headings = re.findall(r"^### `(\w+)`$", PAGE, flags=re.M)
    assert set(headings) & set(registry.names("datasets")) == set(NAMES) and len(NAMES) == 9


@pytest.mark.parametrize("name", NAMES)
def test_it_has_source_licence_rows_split_index_and_questions(name):
    (row,) = re.findall(rf"^\| \[`{name}`\].*$", PAGE, flags=re.M)
    _, field, rows, package, split = (cell.strip() for cell in row.strip("|").split("|"))
    assert field and re.search(r"\d × \d", rows) and (", " in package or package == "the same")
    assert re.search(r"last|quarter", split)
    text = section(name)
    assert "- Source: " in text and "- Users ask " in text
    # dates, or that there are none
    assert re.search(r"\b(19|20)\d\d\b", text)
    # an index of each side with its interval, or where the side ends
    (index,) = re.findall(r"^- \$\\xi\$ (.*?)(?=^- )", text, flags=re.M | re.S)
    assert re.search(r"\[-?\d?\.\d+, -?\d?\.\d+\]|± ?\d?\.\d+", index)
    ends = re.search(r"lower\s+side\s+ends|No value is below", index)
    assert ends or ("low" in index and "high" in index)


@pytest.mark.parametrize("series", [("sp500", "nasdaq", "wti"), ("vix",)])
def test_indices_of_returns_are_those_of_the_rows(series):
    pytest.importorskip("arch")
    x, _ = registry.load("datasets", "returns")(series=series).read()
    text = " ".join(section("returns").split())
    written = [tuple(map(float, numbers)) for numbers in re.findall(INTERVAL, text)]
    sides = [tail for both in estimate_sides(x) for tail in both]
    found = [(t.xi, t.xi - 1.96 * t.xi_se, t.xi + 1.96 * t.xi_se) for t in sides]
    first = 0 if series[0] == "sp500" else 6
    for said, own in zip(written[first : first + len(found)], found, strict=True):
        assert said == pytest.approx(own, abs=0.011)
