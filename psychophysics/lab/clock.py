"""The clock of all times of a session: monotonic, so that no change of the date moves it."""

import os


def use_monotonic_clock() -> None:
    """Let PsychoPy take its times, and those of key presses, from a monotonic clock.

    It takes them from Psychtoolbox, which reads the date's clock on Linux unless this is set before
    it is loaded. 1 is Linux's CLOCK_MONOTONIC. On other systems its clock is monotonic.
    """
    os.environ["PSYCH_GETSECS_CLOCK"] = "1"
