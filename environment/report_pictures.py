"""Pictures of parts of a report, for the manual: ``report_pictures.py REPORT.html FOLDER``.

They are taken with Debian's chromium and chromium-driver, without a screen.
"""

import io
import shutil
import sys
from base64 import b64decode
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

# Name of the picture → words of its first heading, and the greatest height in pixels.
PARTS = {
    "report_headlines": ("people against models", 620),
    "report_invariance": ("People against models", 630),
    "report_level_zero": ("Level 0", 330),
    "report_psychometric": ("Psychometric functions", 760),
}
WIDTH, MARGIN = 1000, 16

# Top and bottom of a heading's part, in pixels of the page: up to the next heading or the end.
BOUNDS = """
const all = [...document.querySelectorAll('h1, h2')];
const at = all.findIndex(each => each.innerText.includes(arguments[0]));
const top = each => each.getBoundingClientRect().top + window.scrollY;
const end = at + 1 < all.length ? top(all[at + 1]) : document.body.scrollHeight;
return [Math.max(0, top(all[at])), end];
"""


def main(report: Path, folder: Path) -> None:
    """Write all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--force-color-profile=srgb"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        driver.get(report.resolve().as_uri())
        driver.set_window_size(WIDTH, 1000)
        for name, (heading, most) in PARTS.items():
            first, last = driver.execute_script(BOUNDS, heading)
            area = {
                "x": 0,
                "y": max(0, first - MARGIN),
                "width": WIDTH,
                "height": min(last - first, most),
                "scale": 1,
            }
            words = {"format": "png", "captureBeyondViewport": True, "clip": area}
            save(driver, words, folder / f"{name}.png")
    finally:
        driver.quit()


def save(driver: webdriver.Chrome, words: dict[str, object], path: Path) -> None:
    """Write a part of the page as a PNG of 256 colours."""
    data = b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", words)["data"])
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    picture.quantize(256).save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
