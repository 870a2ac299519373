"""Durations as whole numbers of frames, and measured against planned presentation times."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# Largest rounding error of a duration, as a share of a frame: .0167 s at 60 Hz is one frame.
TOLERANCE = 0.05


def whole_frames(seconds: float, refresh_rate: float, name: str) -> int:
    """Return a duration as a number of frames, or raise if it is not a whole number."""
    frames = seconds * refresh_rate
    nearest = round(frames)
    if abs(frames - nearest) > TOLERANCE or (nearest == 0 and seconds > 0):
        below = int(frames)
        choices = [
            f"{count / refresh_rate:.4g} ({count} frames)"
            for count in (below, below + 1)
            if count > 0
        ]
        raise ValueError(
            f"{name}: {seconds:g} s is not a whole number of frames at {refresh_rate:g} Hz; "
            f"nearest: {' or '.join(choices)}"
        )
    return nearest


@dataclass(frozen=True, slots=True)
class Interval:
    """When an image was on the screen, in seconds from the trial's first frame."""

    planned_onset: float
    planned_duration: float
    onset: float
    duration: float
    dropped: int

    @property
    def off(self) -> float:
        """Largest error of onset and duration, in seconds."""
        return max(abs(self.onset - self.planned_onset), abs(self.duration - self.planned_duration))


def dropped_frames(flips: Sequence[float], frame: float) -> int:
    """Return the number of frames missed between flips; `frame` is their length in seconds."""
    gaps = [later - earlier for earlier, later in pairwise(flips)]
    return sum(max(round(gap / frame) - 1, 0) for gap in gaps)
