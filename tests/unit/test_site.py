"""The site: every page has its place, its pictures are drawn by its code, its links are checked."""

import re

import pytest

import tailbench
from repository import ROOT
from tools_of import tool

DOCS = ROOT / "docs"
check_site = tool("check_site")
navigation = tool("../docs/extensions/navigation")
from_code = tool("../docs/extensions/from_code")
outside = tool("../docs/extensions/outside")


def test_every_page_has_one_place():
    pages = {str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md")}
    listed = [page for section in navigation.SECTIONS.values() for page in section]
    assert sorted(listed) == sorted(pages - {"index"}), "docs/extensions/navigation.py lists them"


def test_the_reference_has_every_public_name():
    text = from_code.api()
    for name in set(tailbench.__all__) - {"__version__"}:
        assert re.search(rf":: tailbench\.{name}$", text, re.MULTILINE), name


def test_the_table_of_parts_has_every_part():
    from tailbench import registry

    text = from_code.parts()
    for kind in ("targets", "datasets", "models", "metrics", "figures", "theory"):
        for name in registry.names(kind):
            assert f"`{name}`" in text, name
    for method in registry.method_types():
        assert f"[`{method}`](configuration.md#methods-type-{method})" in text


def test_links_of_the_table_of_parts_lead_somewhere():
    configuration = (DOCS / "configuration.md").read_text()
    headings = re.findall(r"^### `(\w+)`, type `(\w+)`$", configuration, re.MULTILINE)
    anchors = {f"{section}-type-{type_}" for section, type_ in headings}
    linked = set(re.findall(r"configuration\.md#([\w-]+)", from_code.parts()))
    assert linked and linked <= anchors


def test_the_settings_of_a_model_are_in_its_reference():
    lines = []
    from_code._document(None, "class", "tailbench.MVT", tailbench.MVT, None, lines)
    text = "\n".join(lines)
    for settings in (tailbench.MVT.Settings, *tailbench.MVT.methods.values()):
        for name, field in settings.model_fields.items():
            assert f"``{name}``" in text and field.description in text


def test_a_page_outside_of_the_site_is_a_file_there(tmp_path):
    text = "[a](../CONTRIBUTING.md#tests) [b](../models.md) [c](../../README.md) [d](near.md)"
    made = outside.as_files(text, tmp_path / "docs" / "how", tmp_path / "docs")
    assert (
        made
        == "[a](../CONTRIBUTING.md#tests) [b](../models.md) [c](path:../../README.md) [d](near.md)"
    )
    top = outside.as_files("[a](../CONTRIBUTING.md#tests)", tmp_path / "docs", tmp_path / "docs")
    assert top == "[a](path:../CONTRIBUTING.md)"


@pytest.fixture
def site(tmp_path):
    (tmp_path / "style.css").write_text("a { color: red }")
    (tmp_path / "other.html").write_text('<h1 id="here">Here</h1>')
    page = (
        '<link rel="stylesheet" href="style.css"><link rel="canonical" href="https://a.org/">'
        '<a href="other.html#here">a</a> <a href="https://example.org/x">b</a> <a href="#top">c</a>'
        '<p id="top">'
    )
    (tmp_path / "index.html").write_text(page)
    return tmp_path


def test_a_site_without_mistakes_passes(site):
    assert check_site.problems(site) == []


@pytest.mark.parametrize(
    "added, said",
    [
        ('<a href="gone.html">', "there is no gone.html"),
        ('<a href="other.html#gone">', "there is no anchor other.html#gone"),
        ('<img src="gone.png">', "there is no gone.png"),
        ('<script src="https://cdn.example.org/a.js">', "fetched from another host"),
        ('<script src="//cdn.example.org/a.js">', "fetched from another host"),
        ('<link rel="stylesheet" href="https://example.org/a.css">', "fetched from another host"),
    ],
)
def test_a_mistake_is_found(site, added, said):
    with (site / "index.html").open("a") as file:
        file.write(added)
    check_site._page.cache_clear()
    (problem,) = check_site.problems(site)
    assert problem.startswith("index.html: ") and said in problem


def test_a_font_of_another_host_is_found(site):
    (site / "style.css").write_text("@font-face { src: url(https://fonts.example.org/a.woff) }")
    (problem,) = check_site.problems(site)
    assert problem.startswith("style.css")


def test_the_gallery_has_the_pictures_that_it_shows():
    text = (DOCS / "gallery.md").read_text()
    shown = re.findall(r"!\[[^\]]+\]\((gallery/[\w-]+\.png)\)", text)
    saved = re.findall(r'savefig\("(gallery/[\w-]+\.png)"', text)
    there = sorted(DOCS.glob("gallery/*"))
    assert shown == saved and len(shown) >= 10
    assert {path.relative_to(DOCS).as_posix() for path in there} == set(shown)
    assert sum(path.stat().st_size for path in there) <= 1_500_000


@pytest.mark.slow
def test_the_gallery_is_drawn_by_its_code(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    gallery = tool("gallery")
    drawn = gallery.draw(tmp_path)
    assert [path.name for path in drawn] == sorted(path.name for path in DOCS.glob("gallery/*"))
    assert all(path.stat().st_size > 5000 for path in drawn)
