"""Patches of one colour on the whole window, and a reading of each."""

from collections.abc import Callable

from psychophysics.calibration import GUNS, IDENTITY, patch_values
from psychophysics.config import Display
from psychophysics.window import Window, screen_of

SETTLING_FRAMES = 30


def measured(
    display: Display, patches: int, *, windowed: bool, take: Callable[[], float]
) -> dict[str, list[tuple[int, float]]]:
    """Show patches of every gun from dark to full, and take a reading of each.

    Parameters
    ----------
    display
        The study's.
    patches
        Of each gun.
    windowed
        A window instead of the full screen.
    take
        Takes a reading in cd/m², from an instrument or a person.

    Returns
    -------
    dict
        By gun: value 0 to 255, and luminance.

    Raises
    ------
    InputError
        There is no display.
    """
    if windowed:
        display = display.model_copy(update={"full_screen": False})
    window = Window(display, screen_of(display), IDENTITY, paced=True)
    try:
        readings: dict[str, list[tuple[int, float]]] = {}
        for number, gun in enumerate(GUNS):
            readings[gun] = []
            for value in patch_values(patches):
                color = [value if gun_number == number else 0 for gun_number in range(3)]
                for _ in range(SETTLING_FRAMES):
                    window.fill(color)
                    window.flip()
                readings[gun].append((value, take()))
        return readings
    finally:
        window.close()
