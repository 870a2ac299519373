"""Keys: which of a study's keys a pressed one counts as."""

import subprocess
import sys

import pytest

from psychophysics.lab.keyboard_layout import study_name

DIGITS = ("1", "2", "3", "4", "escape")


@pytest.mark.parametrize(
    ("names", "place", "symbols", "expected"),
    [
        (DIGITS, "1", ["1", "exclam"], "1"),
        (DIGITS, "1", ["ampersand", "1"], "1"),  # French
        (DIGITS, "2", ["2"], "2"),  # é and 2
        (DIGITS, "2", ["bracketleft", "7"], None),  # programmer's Dvorak
        (DIGITS, "num_1", [], "1"),
        (DIGITS, "num_end", None, "1"),
        (DIGITS, "num_page_down", None, "3"),
        (("1", "num_1"), "num_1", [], "num_1"),
        (("left", "right"), "num_4", [], "left"),
        (("left", "4"), "num_4", [], "4"),
        (("home", "end"), "num_7", [], "home"),
        (("slash", "return"), "num_enter", None, "return"),
        (("period", "delete"), "num_decimal", [], None),
        (("a", "z"), "q", ["a", "a"], "a"),  # French
        (("a", "z"), "a", ["q", "q"], None),
        (("a", "z"), "a", [], "a"),  # Cyrillic
        (("a", "z"), "a", None, "a"),
        (("comma", "period"), "m", ["comma", "question"], "comma"),
        (DIGITS, "escape", [], "escape"),
        (DIGITS, "num_enter", [], None),
        (DIGITS, "unknown", None, None),
    ],
)
def test_a_key_counts_by_its_symbols_and_on_the_number_pad(names, place, symbols, expected):
    assert study_name(names, place, symbols) == expected


LAYOUTS = """
import subprocess, sys, time
from psychophysics.lab import keys
from psychophysics.lab.calibration import IDENTITY
from psychophysics.config import Display
from psychophysics.lab.window import Screen, Window

if sys.argv[1] == "window":
    keys._psychtoolbox = lambda: None
window = Window(Display(full_screen=False), Screen((300, 300), 53, 60, None), IDENTITY, paced=False)
board = keys.Keys(window.handle)
assert board.backend == sys.argv[1]
window.flip()

def run(*words):
    subprocess.run(words, check=True)

run("xdotool", "search", "--name", "PsychoPy", "windowfocus")
for layout in ("us", "fr", "ru", "us,ru"):
    run("setxkbmap", layout)
    run("xdotool", "key", "Caps_Lock")
    board.forget()
    # Codes of the keys 1, 2, 3, Q, A, 1 of the number pad; Escape and space.
    for key in ("10", "11", "12", "24", "38", "87", "Escape", "space"):
        run("xdotool", "key", key)
    found, end = [], time.monotonic() + 20
    while not found or found[-1].key != "space":
        assert time.monotonic() < end, found
        window.flip()
        found += board.presses(("1", "2", "3", "a", "escape", "space"))
    print(layout, *(press.key for press in found))
"""


@pytest.mark.parametrize("backend", ["psychtoolbox", "window"])
def test_real_keys_of_layouts_with_caps_lock_and_without_num_lock(backend, screen):
    done = subprocess.run(
        [sys.executable, "-c", LAYOUTS, backend],
        env=screen, capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    subprocess.run(["setxkbmap", "us"], env=screen, check=True)
    assert done.returncode == 0, done.stderr
    keys = "1 2 3 a 1 escape space"
    assert done.stdout.splitlines() == [f"{name} {keys}" for name in ("us", "fr", "ru", "us,ru")]
