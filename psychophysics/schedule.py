"""Trials as sequences of frames."""

from dataclasses import dataclass
from typing import Literal

from psychophysics.config import ExperimentConfig
from psychophysics.tasks.base import Place
from psychophysics.tasks.registry import TASKS
from psychophysics.timing import whole_frames


@dataclass(frozen=True)
class Part:
    """A part of a trial: its kind, its number of frames, and the numbers of its images."""

    kind: Literal["fixation", "images", "mask", "blank"]
    frames: int
    images: tuple[int, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """The parts of a trial up to its answer, and the place of each image."""

    parts: tuple[Part, ...]
    places: tuple[Place, ...]

    @property
    def last_images(self) -> int:
        """Number of the part that shows the last images; answers count from its first frame."""
        return max(n for n, part in enumerate(self.parts) if part.kind == "images")

    def extent(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height in pixels that a trial needs if its images have this size."""
        across = max(abs(x) for x, _ in self.places) * 2 + 1
        up = max(abs(y) for _, y in self.places) * 2 + 1
        return round(across * width), round(up * height)

    def planned(self, frame: float) -> list[tuple[float, float]]:
        """Return onset and duration of each image in seconds; `frame` is the length of a frame."""
        onset = 0
        times: dict[int, tuple[float, float]] = {}
        for part in self.parts:
            if part.kind == "images":
                for image in part.images:
                    times[image] = (onset * frame, part.frames * frame)
            onset += part.frames
        return [times[image] for image in range(len(self.places))]


def schedule(config: ExperimentConfig) -> Schedule:
    """Return the schedule of an experiment's trials."""
    timing, rate = config.timing, config.display.refresh_rate
    frames = {
        name: whole_frames(getattr(timing, name), rate, name)
        for name in ("fixation", "stimulus", "blank", "mask")
    }
    parts = [Part("fixation", frames["fixation"])]
    places: dict[int, Place] = {}
    shows = TASKS[config.task].layout(config.presentation)
    for number, show in enumerate(shows):
        images = tuple(image for image, _ in show.images)
        places |= dict(show.images)
        parts += [Part("images", frames["stimulus"], images), Part("mask", frames["mask"], images)]
        if number < len(shows) - 1:
            parts.append(Part("blank", frames["blank"]))
    return Schedule(
        tuple(part for part in parts if part.frames),
        tuple(places[image] for image in range(len(places))),
    )
