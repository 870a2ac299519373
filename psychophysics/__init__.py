"""What people do: trials, procedures, sessions, and the window they sit at."""

import os

# Psychtoolbox, and so PsychoPy, takes its times on Linux from the clock of the date unless this is
# set before it is loaded. 1 is Linux's CLOCK_MONOTONIC, which no change of the date moves.
os.environ["PSYCH_GETSECS_CLOCK"] = "1"
