"""Patches of one colour on the whole window, and a reading of each: by an instrument, or typed."""

from collections.abc import Callable

from psychophysics.config import PAUSE, Display
from psychophysics.lab.calibration import GUNS, IDENTITY, patch_values
from psychophysics.lab.keys import Keys
from psychophysics.lab.window import Window, screen_of
from scenes.base.errors import InputError

SETTLING_FRAMES = 30
RETURN, ERASE = ("return", "num_enter"), "backspace"
POINTS = ("period", "comma", "num_decimal")
DIGITS = {name: digit for digit in "0123456789" for name in (digit, f"num_{digit}")}
TYPED = (*DIGITS, *POINTS, *RETURN, ERASE)
# A patch whose values sum to less than this is dark: what is written on it has to be bright.
DARK = 150

Color = tuple[int, int, int]


def measured(
    display: Display, patches: int, *, windowed: bool, take: Callable[[], float] | None
) -> dict[str, list[tuple[int, float]]]:
    """Show patches of every gun from dark to full, and take a reading of each."""
    if windowed:
        display = display.model_copy(update={"full_screen": False})
    window = Window(display, screen_of(display), IDENTITY, paced=True)
    try:
        keys = Keys(window.handle)
        readings: dict[str, list[tuple[int, float]]] = {}
        for number, gun in enumerate(GUNS):
            readings[gun] = []
            for value in patch_values(patches):
                color = (value * (number == 0), value * (number == 1), value * (number == 2))
                for _ in range(SETTLING_FRAMES):
                    window.fill(color)
                    window.flip()
                    _check_going_on(keys)
                light = take() if take else _typed(window, keys, color, f"{gun} {value}")
                readings[gun].append((value, light))
        return readings
    finally:
        window.close()


def _check_going_on(keys: Keys) -> None:
    if keys.presses((PAUSE,)):
        raise _ended()


def _ended() -> InputError:
    return InputError("calibration was ended with Escape; nothing was saved")


def _typed(window: Window, keys: Keys, color: Color, patch: str) -> float:
    """Show a patch with a line at its lower edge, until a reading is typed and Return pressed."""
    keys.forget()
    text = ""
    note = None
    while True:
        note = note or window.note(f"{patch}: {text}_ cd/m², Return", bright=sum(color) < DARK)
        window.fill(color)
        note.draw()
        window.flip()
        for press in keys.presses((*TYPED, PAUSE)):
            if press.key == PAUSE:
                raise _ended()
            if press.key in RETURN and (reading := luminance(text)) is not None:
                return reading
            text, note = edited(text, press.key), None


def edited(text: str, key: str) -> str:
    """Type a key into a text: digits, one decimal point, backspace; others change nothing."""
    if key == ERASE:
        return text[:-1]
    if key in POINTS:
        return text if "." in text else f"{text}."
    return text + DIGITS.get(key, "")


def luminance(text: str) -> float | None:
    """Read what was typed as a number; None where there is no digit in it yet."""
    return float(text) if any(letter.isdecimal() for letter in text) else None
