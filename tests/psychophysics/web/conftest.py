"""A browser, pages in it, and one session that was played there from its beginning to its end."""

import shutil
from types import SimpleNamespace

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from psychophysics import experiment
from psychophysics.web import plan
from psychophysics.web.export import export
from tests.psychophysics.studies import study_in
from tests.psychophysics.web.at_the_page import QUICK, Page, Server, trials_of

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
    """Write the page of an experiment on the small set, serve it, and give it in the browser."""
    servers = []

    def make(post=False, participants=1, **words):
        asked = small_experiment(**(SMALL | words))
        folder = tmp_path / "page"
        servers.append(Server(folder))
        address = servers[0].address
        export(asked, folder, participants, "01", f"{address}answers" if post else None)
        browser.get_log("browser")  # what other tests left there
        return SimpleNamespace(
            asked=asked, folder=folder, server=servers[0], at=Page(browser, address),
            seat=plan.seat_of(asked, 0, "01"),
        )  # fmt: skip

    yield make
    if servers:
        Page(browser, servers[0].address).close()
    for server in servers:
        server.close()


PLAYED = """comparisons: [result, control]
  feedback: false
  rest_every: 3
  swap_keys: true"""


@pytest.fixture(scope="session")
def played(browser, downloads, small_set, tmp_path_factory):
    """Play a session of participant web02: two rounds of practice, a pause, a reload, two files.

    2 + 2 trials of practice, the first two answered wrongly; 3 levels of 2 conditions and a catch
    trial, of which every third is answered wrongly.
    """
    from mrd.study.study import read_study

    folder = study_in(tmp_path_factory.mktemp("played"), small_set, mask=0.1)
    text = (folder / "study.yaml").read_text()
    for was, now in (
        ("trials: 2}", "trials: 1}"), ("comparisons: [result]", PLAYED), ("catch: 0", "catch: 1"),
        ("practice: {trials: 0}", "practice: {trials: 2, correct: 1, rounds: 3}"),
    ):  # fmt: skip
        assert was in text
        text = text.replace(was, now)
    (folder / "study.yaml").write_text(text)
    study = read_study(folder)
    asked = experiment.prepared(study.name, study.seed, study.experiment, study.stimulus_set)
    seat = experiment.seat_of(asked, "web02", "01", "person", 1)
    export(asked, folder / "page", 2, "01")
    server = Server(folder / "page")
    page = Page(browser, server.address)
    trials = trials_of(asked, seat)
    page.open("web02")
    page.begin()
    page.turn_pages()
    page.press("escape")  # the first trial is shown again
    page.until(lambda state: state["text"] and "Paused" in state["text"])

    def right(trial):
        return trial.number > 2 and trial.number % 3 != 2

    first, then = page.play(trials, seat.keys, right, most=6)
    page.open("web02")
    page.begin()
    second, left = page.play(trials, seat.keys, right, trial=then)
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
