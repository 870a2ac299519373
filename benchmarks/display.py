"""Measure the timing of trials of three 512² images at 60 Hz, in a real window.

``python -m benchmarks.display [--trials 600] [--paced]``, on an idle machine, with a display. Xvfb
has no vertical sync: ``--paced`` replaces it by a software pacer, and the figures record this.
Without ``--paced``, on a real display, the figures describe the display; docs/experiment.md
explains the check with a photodiode.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from benchmarks.figure import figure
from psychophysics.config import DisplayConfig, ExperimentConfig, TimingConfig
from psychophysics.design import Condition, Stimulus
from psychophysics.lab.calibration import IDENTITY
from psychophysics.lab.keys import Keys
from psychophysics.lab.person import Person
from psychophysics.lab.window import Screen, Window
from psychophysics.tasks.registry import TASKS
from psychophysics.timing import Interval
from psychophysics.trials import Trial

SIZE, IMAGES = 512, 48
# A trial waits one frame for an answer that never comes, then the next one begins.
TIMING = TimingConfig(fixation=0.1, stimulus=0.2, blank=0.1, mask=0.0, interval=0.2, answer=1 / 60)


def main() -> None:
    """Show the trials and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=600)
    parser.add_argument("--paced", action="store_true")
    arguments = parser.parse_args()
    config = ExperimentConfig(timing=TIMING, display=DisplayConfig(full_screen=False))
    with tempfile.TemporaryDirectory() as folder, _stored(Path(folder)) as images:
        screen = Screen((800, 600), 53.0, 60.0, None)
        window = Window(config.display, screen, IDENTITY, paced=arguments.paced)
        person = Person(
            window, Keys(window.handle), config, config.answer_keys,
            lambda name: images[int(name)], np.random.default_rng(1),
        )  # fmt: skip
        started = time.perf_counter()
        shown = [
            interval
            for number in range(arguments.trials)
            for interval in person.answer(_trial(number)).intervals
        ]
        seconds = time.perf_counter() - started
        window.close()
    _report(shown, arguments.trials, seconds, paced=arguments.paced)


def _report(shown: list[Interval], trials: int, seconds: float, *, paced: bool) -> None:
    frame = 1 / 60
    off = np.array([interval.off for interval in shown]) / frame
    sync = "software pacer" if paced else "vertical sync"
    figure("display_intervals_off", int((off > 1).sum()), intervals=len(shown), frames=sync)
    figure("display_largest_error_frames", float(off.max()), frames=sync)
    figure("display_dropped_frames", sum(each.dropped for each in shown), frames=sync)
    figure("display_seconds_a_trial", seconds / trials, frames=sync)


@contextmanager
def _stored(folder: Path) -> Iterator[h5py.Dataset]:
    """Store images like a stimulus set: compressed, one per chunk, with checksums."""
    rng = np.random.default_rng(1)
    shape = (SIZE, SIZE, 3)
    with h5py.File(folder / "images.h5", "w") as file:
        stored = file.create_dataset(
            "images", (IMAGES, *shape), np.uint8, chunks=(1, *shape), compression="gzip",
            compression_opts=1, fletcher32=True,
        )  # fmt: skip
        for number in range(IMAGES):
            coarse = rng.integers(0, 256, (SIZE // 8, SIZE // 8, 3), dtype=np.uint8)
            stored[number] = coarse.repeat(8, axis=0).repeat(8, axis=1)
        yield stored


def _trial(number: int) -> Trial:
    images = tuple(
        Stimulus(str((3 * number + place) % IMAGES), "target", "c0", "own", place, 0.0)
        for place in range(3)
    )
    condition = Condition(
        "display", "", "", "", "", "", "result", (0.0,), {}, {}, ("c0",), ("own",), 3
    )
    arrangement = TASKS["oddity"].arrangements[0]
    return Trial(number + 1, "main", condition, 0.0, arrangement, images, remaining=1)


if __name__ == "__main__":
    main()
