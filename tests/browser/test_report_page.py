"""The report in a browser: it works from a file, alone, and on any width."""

import base64
import json
import re

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tailbench.pipeline.results.reader import ResultsReader


@pytest.fixture
def opened(browser, page):
    resize(browser, 1280)
    prefer(browser, "light")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(page.as_uri())
    return browser


def prefer(browser, scheme):
    """Choose the colours; never scroll smoothly, which a click would not wait for."""
    media = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in media.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def resize(browser, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def unfold(browser, name):
    """Open a folded section, and wait until its rows are there."""
    browser.execute_async_script(
        """const fold = document.querySelector(arguments[0] + " > details");
        const done = arguments[1];
        if (fold.open) done();
        else { fold.addEventListener("toggle", () => done()); fold.open = true; }""",
        f"#{name}",
    )


@pytest.fixture
def results(opened):
    """The report with the table of all results open."""
    unfold(opened, "all")
    return opened


def column(browser, table, index):
    script = """return [...document.querySelector(arguments[0]).tBodies[0].rows]
        .filter(row => !row.hidden).map(row => row.cells[arguments[1]].innerText.trim())"""
    return browser.execute_script(script, table, index)


def header(browser, table, index):
    return browser.find_elements(By.CSS_SELECTOR, f"{table} thead button")[index]


def test_no_errors_and_no_requests(opened, page):
    assert [e for e in opened.get_log("browser") if e["level"] in ("SEVERE", "WARNING")] == []
    events = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    sent = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in sent if not url.startswith("data:")] == [page.as_uri()]
    assert page.stat().st_size < 2_000_000


def test_every_image_is_shown(opened, fabricated):
    drawn = len(list((fabricated / "figures").glob("*/*.png")))
    widths = opened.execute_script("return [...document.images].map(i => i.naturalWidth)")
    assert len(widths) == drawn == 3
    assert min(widths) > 0
    assert opened.execute_script("return [...document.images].every(i => i.alt.length > 20)")


def test_sorting_is_numeric_and_turns_round(results):
    button = header(results, "#results", 3)
    button.click()

    def number(text):
        return float(text.replace("−", "-")) if text != "–" else float("inf")

    values = [number(text) for text in column(results, "#results", 3)]
    assert values == sorted(values)
    assert len(set(values)) > 100
    cell = results.find_elements(By.CSS_SELECTOR, "#results thead th")[3]
    assert cell.get_attribute("aria-sort") == "ascending"
    button.click()
    values = [number(text) for text in column(results, "#results", 3)]
    assert values == sorted(values, reverse=True)
    assert cell.get_attribute("aria-sort") == "descending"


def test_missing_values_come_last_either_way(results):
    for _ in range(2):
        header(results, "#results", 7).click()
        texts = column(results, "#results", 7)
        dashes = [i for i, text in enumerate(texts) if text == "–"]
        assert dashes
        assert dashes[0] == len(texts) - len(dashes)


def test_sorting_by_keyboard_and_by_name(results):
    header(results, "#results", 2).send_keys(Keys.ENTER)
    names = list(dict.fromkeys(column(results, "#results", 2)))
    steps = [name for name in names if name.startswith("dlpm")]
    assert steps == [
        "dlpm, sampling_steps = 10",
        "dlpm, sampling_steps = 25",
        "dlpm, sampling_steps = 50",
        "dlpm, sampling_steps = 100",
    ]


def test_filters_hide_rows(results):
    bar = results.find_element(By.CSS_SELECTOR, '[data-for="results"]')
    dataset, metric = (Select(s) for s in bar.find_elements(By.TAG_NAME, "select"))
    dataset.select_by_visible_text("student")
    assert set(column(results, "#results", 0)) == {"student"}
    metric.select_by_visible_text("MSLE ↓")
    assert set(column(results, "#results", 1)) == {"MSLE ↓"}
    bar.find_element(By.TAG_NAME, "input").send_keys("SIGMA_T")
    assert len(column(results, "#results", 2)) == 5
    assert bar.find_element(By.TAG_NAME, "output").text.startswith("5 of ")
    bar.find_element(By.TAG_NAME, "input").send_keys("nonsense")
    assert column(results, "#results", 2) == []


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_figures_enlarge_in_their_proportions_and_close(opened, width):
    resize(opened, width)
    button = opened.find_element(By.CSS_SELECTOR, ".zoom")
    opened.execute_script(
        """arguments[0].closest("details").open = true;
        arguments[0].scrollIntoView({behavior: "instant"})""",
        button,
    )
    button.send_keys(Keys.ENTER)
    shown = opened.find_element(By.CSS_SELECTOR, "dialog[open] img")
    own = button.find_element(By.TAG_NAME, "img")
    assert shown.get_attribute("src") == own.get_attribute("src")
    for image in (shown, own):
        drawn, true = opened.execute_script(
            """const i = arguments[0];
            return [i.width / i.height, i.naturalWidth / i.naturalHeight]""",
            image,
        )
        assert drawn == pytest.approx(true, rel=0.02)
    opened.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
    assert opened.find_elements(By.CSS_SELECTOR, "dialog[open]") == []


def test_methods_can_be_hidden_and_shown(opened):
    box = opened.find_element(By.CSS_SELECTOR, ".toggles input")
    marks = f".m{box.get_attribute('data-method')}"
    count = "return [...document.querySelectorAll(arguments[0])].filter(e => %s).length"
    whole = opened.execute_script(count % "true", marks)
    assert whole > 10
    for hidden in (whole, 0):
        box.send_keys(Keys.SPACE)
        found = opened.execute_script(count % "getComputedStyle(e).display === 'none'", marks)
        assert found == hidden


def test_marks_tell_their_values(opened):
    points = opened.find_elements(By.CSS_SELECTOR, ".pareto circle title")
    rows = opened.find_elements(By.CSS_SELECTOR, ".ranks li[title]")
    assert len(points) > 20 and len(rows) > 15
    assert "floors, " in points[0].get_attribute("textContent")
    assert " floors (" in rows[0].get_attribute("title")


def test_risks_follow_the_choice_of_column_tail_and_level(opened):
    table = 'table[data-name="returns"]'
    bar = opened.find_element(By.CSS_SELECTOR, '[data-risks="returns"]')
    selects = [Select(s) for s in bar.find_elements(By.TAG_NAME, "select")]
    first = [select.first_selected_option.get_attribute("value") for select in selects]
    begun = column(opened, table, 1)
    selects[0].select_by_visible_text("vix")
    assert column(opened, table, 1) != begun
    for select, value in zip(selects, first, strict=True):
        select.select_by_value(value)
    assert column(opened, table, 1) == begun
    selects[1].select_by_visible_text("lower")
    assert all(text.startswith("−") for text in column(opened, table, 1))
    assert column(opened, table, 0)[0] == "real data"


def test_a_link_opens_what_is_folded(opened):
    opened.find_element(By.CSS_SELECTOR, 'nav a[href="#budgets"]').click()
    opened.execute_async_script("setTimeout(arguments[0], 200)")
    assert opened.execute_script("return document.querySelector('#budgets > details').open")


def test_it_prints_to_a_few_pages(opened):
    found = opened.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    pages = re.findall(rb"/Type\s*/Page[^s]", base64.b64decode(found["data"]))
    assert 2 <= len(pages) <= 12


def test_configuration_is_there_and_can_be_copied(opened, fabricated):
    details = opened.find_element(By.CSS_SELECTOR, "#config details")
    details.find_element(By.TAG_NAME, "summary").click()
    text = opened.find_element(By.ID, "yaml").text
    for name in ResultsReader(fabricated).datasets:
        assert name in text
    button = opened.find_element(By.CSS_SELECTOR, ".copy")
    button.click()
    opened.execute_async_script("setTimeout(arguments[0], 300)")
    assert button.text in ("Copied", "Press Ctrl+C")


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_overflows_the_page_or_is_hidden_beside_it(opened, width):
    resize(opened, width)
    for name in ("all", "paired"):
        unfold(opened, name)
    opened.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    page = opened.execute_script("return document.documentElement.scrollWidth")
    assert page <= width
    hidden = opened.execute_script(
        """return [...document.querySelectorAll(".scroll")]
        .filter(box => box.scrollWidth > box.clientWidth + 1)
        .map(box => box.querySelector("table").getAttribute("aria-label"))"""
    )
    assert hidden == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_of_metrics_can_be_read(opened, scheme):
    """The contrast of letters and their ground is at least 4.5 to 1, in every shade."""
    prefer(opened, scheme)
    pairs = opened.execute_script(
        """return [1, 2, 3, 4, 5].map(i => document.querySelector(`.map .s${i}`)).filter(c => c)
        .map(c => [getComputedStyle(c).color, getComputedStyle(c).backgroundColor])"""
    )
    assert len(pairs) >= 4

    def luminance(text):
        parts = [int(part) / 255 for part in re.findall(r"\d+", text)[:3]]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for ink, ground in pairs:
        bright, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_dark_mode_is_readable(opened):
    def brightness():
        colour = opened.execute_script(
            "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
        )
        return [sum(map(int, c[c.index("(") + 1 : -1].split(",")[:3])) / 3 for c in colour]

    ink, paper = brightness()
    assert paper - ink > 150
    prefer(opened, "dark")
    ink, paper = brightness()
    assert ink - paper > 150


def test_links_within_the_page_lead_somewhere(opened):
    broken = opened.execute_script(
        """return [...document.querySelectorAll('a[href^="#"]')].map(a => a.hash.slice(1))
           .filter(id => !document.getElementById(id))"""
    )
    assert broken == []
