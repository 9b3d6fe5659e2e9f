"""The page of scores in a browser: it works from a file, alone, and on any width."""

import json

import numpy as np
import pytest

from tailbench import score
from tailbench.metrics.score_inputs import match_tables
from tailbench.pipeline.reporting.score_page import score_page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    rng = np.random.default_rng(0)
    tables = match_tables(rng.standard_normal((900, 3)), rng.standard_t(2.5, (900, 3)))
    table = score(tables.samples, tables.reference, metrics=["msle", "extremal_dependence"])
    path = tmp_path_factory.mktemp("page") / "score.html"
    path.write_text(score_page(table, tables, ["samples.csv", "held_out.csv"]), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_whole_and_asks_for_nothing(browser, page, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(page.as_uri())
    assert [e for e in browser.get_log("browser") if e["level"] in ("SEVERE", "WARNING")] == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in sent if not url.startswith("data:")] == [page.as_uri()]
    shown = "return [...document.images].map(i => i.naturalWidth > 0 && i.width > 100)"
    assert browser.execute_script(shown) == [True] * 3
    wide = "return document.documentElement.scrollWidth <= innerWidth"
    assert browser.execute_script(wide)
    assert "msle" in browser.execute_script("return document.querySelector('table').innerText")
