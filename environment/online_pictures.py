"""Pictures of the online experiment for the manual: ``online_pictures.py STUDY FOLDER [PAGES]``.

They are taken with Debian's chromium and chromium-driver, without a screen. If PAGES names a
folder, every page is also saved there, in the widths of a screen and of a telephone.
"""

import io
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from mrd.study.study import Study, read_study
from psychophysics import experiment
from psychophysics.config import ExperimentConfig
from psychophysics.web.export import export

WINDOWS = {"wide": (1400, 800, "space"), "narrow": (400, 800, "time")}
SHOWN = "canvas:not([hidden])"
CARD = 310  # width of a credit card in pixels, as on the display of the study
LONGEST, GAP = 60, 12  # seconds of waiting for a page; pixels between pictures
TIMING = {"fixation": 0.1, "stimulus": 2.0, "blank": 0.1, "interval": 0.1, "feedback": 2.0}
CUT = {"card": (760, 640), "images": (700, 640), "break": (540, 640)}


class Page:
    """The page of an experiment, in a window of the browser."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        self._driver, self._address = driver, address
        self.pictures: dict[str, Image.Image] = {}

    def take(self, name: str, words: str) -> None:
        """Wait for a text, or for a part of the canvas, and take a picture of the page."""
        self._until(
            f"const canvas = document.querySelector('{SHOWN}');"
            f"return document.body.innerText.includes('{words}')"
            f" || canvas?.dataset.part === '{words}'"
        )
        self.pictures[name] = Image.open(io.BytesIO(self._driver.get_screenshot_as_png()))

    def press(self, key: str, code: str) -> None:
        """Press a key."""
        for kind in ("rawKeyDown", "keyUp"):
            words = {"type": kind, "key": key, "code": code}
            self._driver.execute_cdp_cmd("Input.dispatchKeyEvent", words)

    def answer(self) -> None:
        """Wait for the question, and press the first answer key."""
        self._until(f"return document.querySelector('{SHOWN}')?.dataset.part === 'question'")
        self.press("1", "Digit1")

    def go_through(self) -> None:
        """Go through the beginning of a session: two practice trials and two others."""
        self._driver.get(self._address)
        self.take("who", "Which participant")
        self._driver.get(f"{self._address}?participant=web01")
        self.take("card_before", "How large is your screen")
        self._run(
            f"const slider = document.querySelector('input'); slider.value = {CARD};"
            "slider.dispatchEvent(new Event('input'))"
        )
        self.take("card", "How large is your screen")
        self._run("document.querySelector('button').click()")
        self.take("measuring", "refresh rate")
        self.take("instructions", "Which is the odd one")
        self.press(" ", "Space")
        self.take("practice", "First some practice")
        self.press(" ", "Space")
        self.take("images", "images")
        for _ in range(2):
            self.answer()
            self.take("feedback", "right" if self._right() else "wrong")
        self.take("practice_over", "That was practice")
        self.press(" ", "Space")
        self.take("question", "question")
        self.press("Escape", "Escape")
        self.take("paused", "Paused")
        self.press(" ", "Space")
        for _ in range(2):
            self.answer()
            self._until("return document.querySelector('canvas').dataset.part !== 'question'")
        self.take("break", "Take a break")
        for _ in range(2):
            self.press("Escape", "Escape")
            time.sleep(0.5)
        self.take("end", "Save the answers")
        self._run("localStorage.clear()")

    def _right(self) -> bool:
        self._until("return /right|wrong/.test(document.body.innerText)")
        return "right" in str(self._run("return document.body.innerText"))

    def _until(self, script: str) -> None:
        end = time.monotonic() + LONGEST
        while not self._run(script):
            if time.monotonic() > end:
                raise TimeoutError(self._run("return document.body.innerText"))
            time.sleep(0.02)

    def _run(self, script: str) -> object:
        found: object = self._driver.execute_script(script)
        return found


@contextmanager
def browser() -> Iterator[Callable[[int, int], webdriver.Chrome]]:
    """Start Chromium; yield a function that sets the width and height of its window."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--force-color-profile=srgb"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))

    def sized(width: int, height: int) -> webdriver.Chrome:
        words = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", words)
        return driver

    try:
        yield sized
    finally:
        driver.quit()


def exported(study: Study, presentation: str, folder: Path) -> Path:
    """Write the page of a short experiment with the study's set; return its path."""
    config = ExperimentConfig.model_validate(
        {
            "task": "oddity", "presentation": presentation, "timing": TIMING, "catch": 0,
            "practice": {"trials": 2, "rounds": 1}, "rest_every": 2, "comparisons": ["result"],
            "display": {"full_screen": False}, "attributes": ["material"],
            "procedure": {"kind": "constant_stimuli", "trials": 2},
        }
    )  # fmt: skip
    prepared = experiment.prepare(study.name, study.seed, config, study.stimulus_set)
    return export(prepared, folder, 1, "01")


def main(study: Path, folder: Path, pages: Path | None) -> None:
    """Write all pictures."""
    described = read_study(study)
    with tempfile.TemporaryDirectory() as temporary, browser() as sized:
        for name, (width, height, presentation) in WINDOWS.items():
            address = exported(described, presentation, Path(temporary, name)).as_uri()
            page = Page(sized(width, height), address)
            page.go_through()
            if name == "wide":
                save(page.pictures, folder / "online.png")
            for each, picture in page.pictures.items() if pages else ():
                picture.save(Path(str(pages), f"{name}_{each}.png"))


def save(pictures: dict[str, Image.Image], path: Path) -> None:
    """Write the centres of three pages side by side, separated by white."""
    panels = []
    for name, (width, height) in CUT.items():
        whole = np.asarray(pictures[name].convert("RGB"))
        top, left = (whole.shape[0] - height) // 2, (whole.shape[1] - width) // 2
        panels += [whole[top : top + height, left : left + width], np.full((height, GAP, 3), 255)]
    row = np.concatenate(panels[:-1], axis=1).astype(np.uint8)
    size = row.shape[1] // 2, row.shape[0] // 2
    Image.fromarray(row).resize(size, Image.Resampling.LANCZOS).save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
