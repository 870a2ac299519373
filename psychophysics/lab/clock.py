"""The clock of a session, which is monotonic: changes of the date have no effect."""

import os


def use_monotonic_clock() -> None:
    """Make PsychoPy use a monotonic clock; call it before PsychoPy is imported.

    PsychoPy reads Psychtoolbox's clock. On Linux it is the clock of the date unless this variable
    is set; 1 is CLOCK_MONOTONIC. On other systems it is monotonic.
    """
    os.environ["PSYCH_GETSECS_CLOCK"] = "1"
