"""Fixtures: a browser, pages in it, and one session that was played in it."""

import shutil
from types import SimpleNamespace

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from psychophysics import experiment
from psychophysics.web import plan
from psychophysics.web.export import export
from tests.psychophysics.web.answers import (
    experiment_of,
    is_right,
    study_with_practice,
    trials_of,
)
from tests.psychophysics.web.at_the_page import QUICK, Page, Server

SMALL = {"attributes": ["shape"], "comparisons": ["result"], "timing": QUICK,
         "procedure": {"kind": "constant_stimuli", "trials": 1}}  # fmt: skip


@pytest.fixture(scope="session")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def browser(downloads):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb",
        "--disable-background-networking", "--window-size=1000,700",
    ):  # fmt: skip
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture
def page_of(browser, small_experiment, tmp_path):
    """Return a function that exports, serves and opens the page of an experiment."""
    servers = []

    def make(post=False, participants=1, **words):
        asked = small_experiment(**(SMALL | words))
        folder = tmp_path / "page"
        servers.append(Server(folder))
        address = servers[0].address
        export(asked, folder, participants, "01", f"{address}answers" if post else None)
        browser.get_log("browser")  # of other tests
        return SimpleNamespace(
            asked=asked, folder=folder, server=servers[0], at=Page(browser, address),
            seat=plan.make_seat(asked, 0, "01"),
        )  # fmt: skip

    yield make
    if servers:
        Page(browser, servers[0].address).close()
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def played(browser, downloads, small_set, tmp_path_factory):
    """Play a session of participant web02 with a pause and a reload, and save it in two files."""
    folder = study_with_practice(tmp_path_factory.mktemp("played"), small_set)
    asked = experiment_of(folder)
    seat = experiment.make_seat(asked, "web02", "01", "person", 1)
    export(asked, folder / "page", 2, "01")
    server = Server(folder / "page")
    page = Page(browser, server.address)
    trials = trials_of(asked, seat)
    page.open("web02")
    page.begin()
    page.turn_pages()
    page.press("escape")  # the first trial is shown again
    page.until(lambda state: state["text"] and "Paused" in state["text"])
    first, then = page.play(trials, seat.keys, is_right, most=6)
    page.open("web02")
    page.begin()
    second, left = page.play(trials, seat.keys, is_right, trial=then)
    assert left is None
    page.turn_pages()
    for button in ("Save the answers", "Save them as a table (CSV)"):
        page.click(button)
    files = [downloads / f"sub-web02_ses-01_task-oddity.{kind}" for kind in ("json", "csv")]
    page.until(lambda _: all(file.is_file() for file in files))
    resources = page.script("return performance.getEntriesByType('resource').map(e => e.name)")
    console = page.console()
    page.close()
    server.close()
    return SimpleNamespace(
        folder=folder, asked=asked, seat=seat, answered=first + second, json=files[0], csv=files[1],
        texts=page.texts, console=console, resources=resources, address=server.address,
    )  # fmt: skip
