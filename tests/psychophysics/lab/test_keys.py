"""Names of pressed keys."""

import pytest

from psychophysics.lab.keyboard_layout import study_name
from tests.psychophysics.lab import window_sessions

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


@pytest.mark.parametrize("backend", ["psychtoolbox", "window"])
def test_keys_of_all_layouts_with_caps_lock_and_without_num_lock(backend, window_process):
    found = window_process.run(window_sessions.keys_of_layouts, backend)
    keys = ["1", "2", "3", "a", "1", "escape", "space"]
    assert found == dict.fromkeys(("us", "fr", "ru", "us,ru"), keys)
