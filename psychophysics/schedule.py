"""A trial as frames: what is on the screen, for how many of them."""

from dataclasses import dataclass
from typing import Literal

from psychophysics.config import ExperimentConfig
from psychophysics.tasks.base import Place
from psychophysics.tasks.registry import TASKS
from psychophysics.timing import whole_frames

Kind = Literal["fixation", "images", "mask", "blank"]


@dataclass(frozen=True)
class Part:
    """A part of a trial."""

    kind: Kind
    frames: int
    images: tuple[int, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """A trial up to its answer."""

    parts: tuple[Part, ...]
    places: tuple[Place, ...]

    @property
    def last_images(self) -> int:
        """Number of the part that shows the last images: from it on, answers count."""
        return max(n for n, part in enumerate(self.parts) if part.kind == "images")

    def extent(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in pixels that images of this size need, around the window's middle."""
        across = max(abs(x) for x, _ in self.places) * 2 + 1
        up = max(abs(y) for _, y in self.places) * 2 + 1
        return round(across * width), round(up * height)

    def planned(self, frame: float) -> list[tuple[float, float]]:
        """Onset and duration of each image in seconds, for a frame of so many seconds."""
        onset = 0
        found: dict[int, tuple[float, float]] = {}
        for part in self.parts:
            if part.kind == "images":
                for image in part.images:
                    found[image] = (onset * frame, part.frames * frame)
            onset += part.frames
        return [found[image] for image in range(len(self.places))]


def schedule(config: ExperimentConfig) -> Schedule:
    """Lay out the trials of an experiment."""
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
