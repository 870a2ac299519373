"""Names of pressed keys, from the keyboard's layout."""

import ctypes
import ctypes.util
import sys
from collections.abc import Sequence
from typing import Any

# Names of the number pad's keys with NumLock off, in the window's own events.
_PAD = {
    "num_insert": "0", "num_end": "1", "num_down": "2", "num_next": "3", "num_page_down": "3",
    "num_left": "4", "num_begin": "5", "num_right": "6", "num_home": "7", "num_up": "8",
    "num_prior": "9", "num_page_up": "9",
}  # fmt: skip
# Keys that the number pad's keys count as, with Num Lock on or off; as in ``web/page/keyboard.js``.
_COUNTS_AS = {str(digit): [str(digit)] for digit in range(10)} | {
    "1": ["1", "end"], "2": ["2", "down"], "3": ["3", "pagedown"], "4": ["4", "left"],
    "6": ["6", "right"], "7": ["7", "home"], "8": ["8", "up"], "9": ["9", "pageup"],
    "enter": ["return"], "divide": ["slash"], "subtract": ["minus"], "equal": ["equal"],
}  # fmt: skip
_SYMBOLS = {"quotedbl": "doublequote", "grave": "quoteleft"}  # names of X that differ in PsychoPy
_CORE_KEYBOARD, _ASCII = 0x100, range(0x20, 0x7F)
_FIRST, _LAST = 8, 255  # key codes of X


def study_name(names: Sequence[str], place: str, symbols: Sequence[str] | None) -> str | None:
    """Return which of the study's keys (`names`) a pressed key counts as; None if it is none.

    `place` is the key's name in the US layout, `symbols` are printed on it, without and with Shift.
    """
    on_pad = _PAD.get(place) or (place[4:] if place[:4] == "num_" else "")
    by_place = [place] if on_pad or not symbols else []
    pad = [f"num_{on_pad}", *_COUNTS_AS.get(on_pad, [])] if on_pad else []
    return next((name for name in [*(symbols or ()), *by_place, *pad] if name in names), None)


class Layout:
    """Layout of the X server's keyboard, read at each call because it may change in a session."""

    def __init__(self, library: ctypes.CDLL, display: int) -> None:
        self._library, self._display = library, display

    def symbols(self, code: int) -> list[str]:
        """Return the ASCII symbols on a key, without and with Shift, in the current layout."""
        keys, width = self._mapping(code, 1)
        try:
            state = ctypes.create_string_buffer(64)
            self._library.XkbGetState(self._display, _CORE_KEYBOARD, state)
            first = 2 * state.raw[0]  # the first byte is the number of the current layout
            found = [keys[column] for column in (first, first + 1) if column < min(width, 4)]
        finally:
            self._library.XFree(keys)
        return [self._name(symbol) for symbol in found if symbol in _ASCII]

    def code(self, symbol: int) -> int | None:
        """Return the code of the key that has this symbol without Shift."""
        keys, width = self._mapping(_FIRST, _LAST - _FIRST + 1)
        try:
            codes = range(_FIRST, _LAST + 1)
            return next((code for code in codes if keys[(code - _FIRST) * width] == symbol), None)
        finally:
            self._library.XFree(keys)

    def _mapping(self, first: int, count: int) -> tuple[Any, int]:
        width = ctypes.c_int()
        keys = self._library.XGetKeyboardMapping(self._display, first, count, ctypes.byref(width))
        return keys, width.value

    def _name(self, symbol: int) -> str:
        name = str(self._library.XKeysymToString(symbol).decode()).lower()
        return _SYMBOLS.get(name, name)


def layout_of_the_server() -> Layout | None:
    """Return the X server's layout; None on systems where key names follow the layout already."""
    path = ctypes.util.find_library("X11") if sys.platform.startswith("linux") else None
    if path is None:
        return None
    library = ctypes.CDLL(path)
    library.XOpenDisplay.restype = ctypes.c_void_p
    library.XGetKeyboardMapping.restype = ctypes.POINTER(ctypes.c_ulong)
    library.XGetKeyboardMapping.argtypes = [
        ctypes.c_void_p, ctypes.c_ubyte, ctypes.c_int, ctypes.POINTER(ctypes.c_int),
    ]  # fmt: skip
    library.XKeysymToString.restype = ctypes.c_char_p
    library.XKeysymToString.argtypes = [ctypes.c_ulong]
    library.XkbGetState.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_char_p]
    library.XFree.argtypes = [ctypes.c_void_p]
    display = library.XOpenDisplay(None)
    return Layout(library, display) if display else None
