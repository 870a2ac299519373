"""The clock of a session, which is monotonic: setting the computer's date has no effect."""

import os


def use_monotonic_clock() -> None:
    """Make PsychoPy use a monotonic clock; call it before PsychoPy is imported.

    PsychoPy reads Psychtoolbox's clock. On Linux it follows the computer's date unless this
    variable is set; 1 stands for CLOCK_MONOTONIC. On other systems it is always monotonic.
    """
    os.environ["PSYCH_GETSECS_CLOCK"] = "1"
