"""The observer for people: shows trials at a window frame by frame, and reads key presses."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from psychophysics import pages
from psychophysics.answer import Answer, Stopped
from psychophysics.config import GO_ON, PAUSE, ExperimentConfig
from psychophysics.lab.keys import Keys, Press
from psychophysics.lab.window import Window
from psychophysics.schedule import Part, schedule
from psychophysics.tasks.registry import TASKS
from psychophysics.timing import Interval, dropped_frames, whole_frames
from psychophysics.trials import Trial

Image = npt.NDArray[Any]


class _Paused(Exception):
    """Escape was pressed during a trial."""


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Turn off garbage collection during a trial, as collecting takes several frames."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collecting:
            gc.enable()


class Person:
    """A person at a window; `image` loads a stored image, `rng` draws the noise masks."""

    def __init__(
        self,
        window: Window,
        keys: Keys,
        config: ExperimentConfig,
        answer_keys: Sequence[str],
        image: Callable[[str], Image],
        rng: np.random.Generator,
    ) -> None:
        self._window, self._keys, self._config = window, keys, config
        self._answer_keys, self._image, self._rng = tuple(answer_keys), image, rng
        self._task = TASKS[config.task]
        self._schedule = schedule(config)
        self._frame = 1 / config.display.refresh_rate
        self._began = window.flip()
        self._before: Trial | None = None

    # ---- Between trials -------------------------------------------------------------------------

    def begin(self, trial: Trial, before: Trial | None) -> None:
        """Show the first pages; the instructions mark each answer key that was pressed."""
        self._before = before
        text = pages.instructions(self._config, self._task, self._answer_keys)
        self._page(text, trying=self._answer_keys)
        if before is not None:
            self._page(pages.resumed(before.number))
        elif trial.phase == "practice":
            self._page(pages.practice())

    def rest(self, trial: Trial, done: int) -> None:
        """Show a page before a trial."""
        if self._before is not None:
            self._page(pages.rest(self._before, trial, done, self._config.feedback))

    def give_feedback(self, trial: Trial, answer: Answer) -> None:
        """Show feedback in practice, or in all trials if the study has feedback."""
        if self._config.feedback or trial.phase == "practice":
            right = None if answer.choice is None else answer.choice == trial.arrangement.correct
            text = pages.feedback(right)
            for _ in range(self._frames("feedback")):
                self._window.draw_text(text)
                self._window.draw_patch(lit=False)
                self._window.flip()
                if self._keys.presses((PAUSE,)):
                    self._pause()
                    return

    def end(self) -> None:
        """Show the last page."""
        self._page(pages.thanks())

    # ---- A trial --------------------------------------------------------------------------------

    def answer(self, trial: Trial) -> Answer:
        """Show a trial until it is answered; after a pause it starts again."""
        showings = 0
        while True:
            showings += 1
            try:
                self._interval(trial)
                with _without_collecting():
                    answer = self._show_trial()
            except _Paused:
                self._pause()
            else:
                self._before = trial
                return replace(answer, showings=showings)

    def _interval(self, trial: Trial) -> None:
        """Load the images of the next trial while the screen is empty."""
        start = self._blank()
        images = [self._image(image.stimulus_id) for image in trial.images]
        masks = [self._mask(image) for image in images if self._config.timing.mask]
        places = self._schedule.places
        self._window.prepare([*images, *masks], [*places, *places[: len(masks)]])
        self._pressed(None, listening=False)
        while self._blank() - start < self._config.timing.interval - self._frame / 2:
            self._pressed(None, listening=False)

    def _blank(self) -> float:
        self._window.draw_patch(lit=False)
        return self._window.flip()

    def _mask(self, image: Image) -> npt.NDArray[np.uint8]:
        """Return coloured noise of an image's size, in patches of an eighth of its width."""
        height, width = image.shape[:2]
        side = max(width // 8, 1)
        cells = (-(-height // side), -(-width // side), 3)
        noise = self._rng.integers(0, 256, cells, dtype=np.uint8)
        return noise.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]

    def _show_trial(self) -> Answer:
        """Show the parts of the trial, then wait for the answer."""
        self._pressed(None, listening=False)
        self._keys.forget()
        flips: list[float] = []
        starts: list[int] = []
        last = self._schedule.last_images
        press: Press | None = None
        for number, part in enumerate(self._schedule.parts):
            starts.append(len(flips))
            for frame in range(part.frames):
                self._draw(part)
                if number == last and frame == 0:
                    self._keys.restart_at_flip()
                flips.append(self._window.flip())
                press = self._pressed(press, listening=number >= last)
        self._draw_question_mark()
        flips.append(self._window.flip())
        starts.append(len(flips) - 1)
        press = self._wait_for_answer(press, since=flips[starts[last]])
        return Answer(
            choice=None if press is None else self._answer_keys.index(press.key),
            key=None if press is None else press.key,
            response_time=None if press is None else press.time,
            onset=flips[0] - self._began,
            intervals=self._intervals(flips, starts),
        )

    def _draw(self, part: Part) -> None:
        for image in part.images:
            offset = len(self._schedule.places) if part.kind == "mask" else 0
            self._window.draw_image(image + offset)
        if part.kind == "fixation":
            self._window.draw_fixation()
        self._window.draw_patch(lit=part.kind == "images")

    def _draw_question_mark(self) -> None:
        self._window.draw_question_mark()
        self._window.draw_patch(lit=False)

    def _pressed(self, press: Press | None, *, listening: bool) -> Press | None:
        """Return `press`, or else the first new answer after the onset of the last images."""
        for new in self._keys.presses((*self._answer_keys, PAUSE)):
            if new.key == PAUSE:
                raise _Paused
            if press is None and listening and new.time >= 0:
                press = new
        return press

    def _wait_for_answer(self, press: Press | None, since: float) -> Press | None:
        """Return the answer, or None if it does not come in time."""
        longest = self._config.timing.answer
        while press is None:
            self._draw_question_mark()
            now = self._window.flip()
            press = self._pressed(press, listening=True)
            if press is None and longest and now - since >= longest:
                return None
        return press

    def _intervals(self, flips: Sequence[float], starts: Sequence[int]) -> tuple[Interval, ...]:
        """Return the measured and planned times of each image."""
        intervals: dict[int, Interval] = {}
        planned = self._schedule.planned(self._frame)
        for number, part in enumerate(self._schedule.parts):
            if part.kind != "images":
                continue
            first, end = starts[number], starts[number + 1]
            for image in part.images:
                onset, duration = planned[image]
                intervals[image] = Interval(
                    planned_onset=onset,
                    planned_duration=duration,
                    onset=flips[first] - flips[0],
                    duration=flips[end] - flips[first],
                    dropped=dropped_frames(flips[max(first - 1, 0) : end + 1], self._frame),
                )
        return tuple(intervals[image] for image in range(len(planned)))

    # ---- Pages ----------------------------------------------------------------------------------

    def _pause(self) -> None:
        if self._page(pages.paused(), (GO_ON, PAUSE)) == PAUSE:
            raise Stopped

    def _page(
        self, text: str, names: Sequence[str] = (GO_ON, PAUSE), trying: Sequence[str] = ()
    ) -> str:
        """Show a page until a key of `names` is pressed; return it. Escape shows the pause page.

        Keys of `trying` are marked on the page when they are pressed.
        """
        self._keys.forget()
        read: set[str] = set()
        while True:
            shown = f"{text}\n\n{pages.keys_read(trying, read)}" if trying else text
            self._window.draw_text(shown)
            self._window.draw_patch(lit=False)
            self._window.flip()
            for press in self._keys.presses((*names, *trying)):
                if press.key in trying:
                    read.add(press.key)
                    continue
                if press.key == PAUSE and text != pages.paused():
                    self._pause()
                    self._keys.forget()
                    continue
                self._blank()
                return press.key

    def _frames(self, name: str) -> int:
        return whole_frames(
            getattr(self._config.timing, name), self._config.display.refresh_rate, name
        )
