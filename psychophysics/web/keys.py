"""Names of keys in a browser.

A key is identified by its symbol (``key``) or by its place (``code``), as in the W3C's *UI Events
KeyboardEvent key values* and *code values*: letters by symbol; digits by both, since some layouts
need Shift for them; the number pad by place. ``page/keyboard.js`` has further keys that count as
these.
"""

import string
from collections.abc import Sequence

from scenes.base.errors import InputError, unknown

_NAMED = {
    "left": "ArrowLeft", "right": "ArrowRight", "up": "ArrowUp", "down": "ArrowDown",
    "return": "Enter", "backspace": "Backspace", "delete": "Delete", "home": "Home", "end": "End",
    "pageup": "PageUp", "pagedown": "PageDown",
}  # fmt: skip
_PRINTED = {
    "comma": ",", "period": ".", "slash": "/", "backslash": "\\", "semicolon": ";",
    "apostrophe": "'", "bracketleft": "[", "bracketright": "]", "minus": "-", "equal": "=",
}  # fmt: skip
KEYS: dict[str, dict[str, str]] = {
    **{name: {"key": key, "code": key} for name, key in _NAMED.items()},
    **{name: {"key": key} for name, key in _PRINTED.items()},
    **{letter: {"key": letter} for letter in string.ascii_lowercase},
    **{digit: {"key": digit, "code": f"Digit{digit}"} for digit in string.digits},
    **{f"num_{digit}": {"code": f"Numpad{digit}"} for digit in string.digits},
}


def browser_keys(names: Sequence[str]) -> list[dict[str, str]]:
    """Return PsychoPy's names of keys with a browser's names; raise if it has none for a key."""
    for name in names:
        if name not in KEYS:
            problem = unknown("key of a page in a browser", name, KEYS)
            raise InputError(f"experiment.keys: {problem}")
    return [{"name": name, **KEYS[name]} for name in names]
