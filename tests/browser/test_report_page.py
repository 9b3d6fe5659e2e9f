"""The report in a browser: it works from a file, alone, and on any width."""

import json

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
    assert page.stat().st_size < 15_000_000


def test_every_image_is_shown(opened, fabricated):
    drawn = len(list((fabricated / "figures").glob("*/*.png")))
    widths = opened.execute_script("return [...document.images].map(i => i.naturalWidth)")
    assert len(widths) == drawn == 3
    assert min(widths) > 0
    assert opened.execute_script("return [...document.images].every(i => i.alt.length > 20)")


def test_sorting_is_numeric_and_turns_round(opened):
    button = header(opened, "#results", 3)
    button.click()

    def number(text):
        return float(text.replace("−", "-")) if text != "–" else float("inf")

    values = [number(text) for text in column(opened, "#results", 3)]
    assert values == sorted(values)
    assert len(set(values)) > 100
    cell = opened.find_elements(By.CSS_SELECTOR, "#results thead th")[3]
    assert cell.get_attribute("aria-sort") == "ascending"
    button.click()
    values = [number(text) for text in column(opened, "#results", 3)]
    assert values == sorted(values, reverse=True)
    assert cell.get_attribute("aria-sort") == "descending"


def test_missing_values_come_last_either_way(opened):
    for _ in range(2):
        header(opened, "#results", 7).click()
        texts = column(opened, "#results", 7)
        dashes = [i for i, text in enumerate(texts) if text == "–"]
        assert dashes
        assert dashes[0] == len(texts) - len(dashes)


def test_sorting_by_keyboard_and_by_name(opened):
    header(opened, "#results", 2).send_keys(Keys.ENTER)
    names = list(dict.fromkeys(column(opened, "#results", 2)))
    steps = [name for name in names if name.startswith("dlpm")]
    assert steps == [
        "dlpm, sampling_steps = 10",
        "dlpm, sampling_steps = 25",
        "dlpm, sampling_steps = 50",
        "dlpm, sampling_steps = 100",
    ]


def test_filters_hide_rows(opened):
    bar = opened.find_element(By.CSS_SELECTOR, '[data-for="results"]')
    dataset, metric = (Select(s) for s in bar.find_elements(By.TAG_NAME, "select"))
    dataset.select_by_visible_text("student")
    assert set(column(opened, "#results", 0)) == {"student"}
    metric.select_by_visible_text("msle")
    assert {text.split()[0] for text in column(opened, "#results", 1)} == {"msle"}
    bar.find_element(By.TAG_NAME, "input").send_keys("SIGMA_T")
    assert len(column(opened, "#results", 2)) == 5
    assert bar.find_element(By.TAG_NAME, "output").text.startswith("5 of ")
    bar.find_element(By.TAG_NAME, "input").send_keys("nonsense")
    assert column(opened, "#results", 2) == []


def test_figures_enlarge_and_close(opened):
    button = opened.find_element(By.CSS_SELECTOR, ".zoom")
    opened.execute_script("arguments[0].scrollIntoView({behavior: 'instant'})", button)
    button.send_keys(Keys.ENTER)
    shown = opened.find_element(By.CSS_SELECTOR, "dialog[open] img")
    assert shown.get_attribute("src") == button.find_element(By.TAG_NAME, "img").get_attribute(
        "src"
    )
    opened.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
    assert opened.find_elements(By.CSS_SELECTOR, "dialog[open]") == []


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


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_overflows_the_page(opened, width):
    resize(opened, width)
    opened.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    page = opened.execute_script("return document.documentElement.scrollWidth")
    assert page <= width


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
