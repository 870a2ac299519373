"""The geometry of a display, from the study or from PsychoPy's monitor centre."""

import os
import subprocess
import sys

from psychophysics.config import DisplayConfig
from psychophysics.lab.window import Screen, screen_of
from tests.paths import ROOT

# The monitor centre keeps its files in HOME, so a process with another HOME is needed.
CENTRE = """
from psychopy import monitors
from psychophysics.config import DisplayConfig
from psychophysics.lab.window import Screen, screen_of
from scenes.base.errors import InputError

lab = monitors.Monitor("lab", width=52.5, distance=57)
lab.setSizePix((1600, 1200))
lab.save()
monitors.Monitor("half", distance=57).save()
assert screen_of(DisplayConfig(monitor="lab")) == Screen((1600, 1200), 52.5, 57.0, "lab")
for name in ("lap", "half"):
    try:
        screen_of(DisplayConfig(monitor=name))
    except InputError as error:
        print(error)
"""


def test_the_numbers_of_a_study_are_used():
    display = DisplayConfig(pixels=(1280, 1024), width=38, distance=70)
    assert screen_of(display) == Screen((1280, 1024), 38.0, 70.0, None)


def test_numbers_come_from_the_monitor_centre(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CENTRE], cwd=ROOT, env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    errors = [line for line in done.stdout.splitlines() if line.startswith("experiment.")]
    unknown, incomplete = errors  # PsychoPy prints more
    assert unknown.startswith(
        "experiment.display.monitor: PsychoPy's monitor centre has no 'lap'; it has: "
    )
    assert "lab" in unknown
    assert incomplete == (
        "experiment.display.monitor: 'half' has no pixels, width or distance in PsychoPy's monitor "
        "centre; add them there, or give them in the study"
    )
