"""A headless browser that shows the report of fabricated results."""

import os
import shutil

import pytest

from tailbench.pipeline.stages import figure, report


@pytest.fixture(scope="session")
def page(fabricated):
    """The report of the fabricated results, with the figure that is drawn fastest."""
    figure.run(fabricated, "training")
    output = fabricated / "report.html"
    report.run(fabricated, output)
    return output


def executable(*names):
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{names[0]} is not installed")
    assert found, f"{names[0]} is not installed"
    return found


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    from selenium import webdriver

    chromium = executable("chromium", "chromium-browser", "google-chrome")
    driver = executable("chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    browser = webdriver.Chrome(options=options, service=service)
    browser.set_script_timeout(20)
    yield browser
    browser.quit()
