"""Luminance of patches that fill the window, read by an instrument or typed."""

from collections.abc import Callable

from psychophysics.config import PAUSE, DisplayConfig
from psychophysics.lab.calibration import GUNS, IDENTITY, patch_values
from psychophysics.lab.keys import Keys
from psychophysics.lab.window import Window, screen_of
from scenes.base.errors import InputError

SETTLING_FRAMES = 30
RETURN, ERASE = ("return", "num_enter"), "backspace"
POINTS = ("period", "comma", "num_decimal")
DIGITS = {name: digit for digit in "0123456789" for name in (digit, f"num_{digit}")}
TYPED = (*DIGITS, *POINTS, *RETURN, ERASE)
DARK = 150  # on patches whose values have a smaller sum, text is bright

Color = tuple[int, int, int]


def measure(
    display: DisplayConfig, patches: int, *, windowed: bool, take: Callable[[], float] | None
) -> dict[str, list[tuple[int, float]]]:
    """Show `patches` values of each gun (colour channel), and return each value and its cd/m².

    `take` reads the instrument; without it, people type the luminance.
    """
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
                    if keys.presses((PAUSE,)):
                        raise _ended()
                light = take() if take else _typed(window, keys, color, f"{gun} {value}")
                readings[gun].append((value, light))
        return readings
    finally:
        window.close()


def _ended() -> InputError:
    return InputError("calibration was ended with Escape; nothing was saved")


def _typed(window: Window, keys: Keys, color: Color, patch: str) -> float:
    """Show a patch until its luminance is typed and Return pressed; return the luminance."""
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
    """Return the typed text after one more key: a digit, a decimal point or backspace."""
    if key == ERASE:
        return text[:-1]
    if key in POINTS:
        return text if "." in text else f"{text}."
    return text + DIGITS.get(key, "")


def luminance(text: str) -> float | None:
    """Return a typed text as a number; None if it has no digit."""
    return float(text) if any(letter.isdecimal() for letter in text) else None
