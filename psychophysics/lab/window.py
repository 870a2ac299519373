"""The window: shows images pixel for pixel, and returns the time of each frame."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from psychophysics.config import DisplayConfig
from psychophysics.lab.calibration import Bytes, on_display
from psychophysics.lab.clock import use_monotonic_clock
from psychophysics.lab.screen_checks import CARD, check_screen, remedy
from psychophysics.tasks.base import Place
from scenes.base.errors import InputError, needs, one_line

FRAMES_MEASURED = 90
POLLED = 0.002  # seconds before a frame in which a pacer polls the clock


@dataclass(frozen=True)
class Screen:
    """A display's geometry: resolution in pixels, width and viewing distance in cm."""

    pixels: tuple[int, int]
    width: float
    distance: float
    monitor: str | None


def screen_of(display: DisplayConfig) -> Screen:
    """Return a display's geometry, from the study or from PsychoPy's monitor centre."""
    if display.monitor is None:
        return Screen(display.pixels, display.width, display.distance, None)
    use_monotonic_clock()
    with needs("lab"):
        from psychopy import monitors

    known = monitors.getAllMonitors()
    if display.monitor not in known:
        raise InputError(
            f"experiment.display.monitor: PsychoPy's monitor centre has no '{display.monitor}'; "
            f"it has: {', '.join(known)}; or give pixels, width and distance in the study"
        )
    monitor = monitors.Monitor(display.monitor)
    pixels, width, distance = monitor.getSizePix(), monitor.getWidth(), monitor.getDistance()
    if not (pixels and width and distance):
        raise InputError(
            f"experiment.display.monitor: '{display.monitor}' has no pixels, width or distance in "
            "PsychoPy's monitor centre; add them there, or give them in the study"
        )
    return Screen((int(pixels[0]), int(pixels[1])), float(width), float(distance), display.monitor)


def check_display() -> None:
    """Raise if PsychoPy is not installed, or there is no display."""
    use_monotonic_clock()
    with needs("lab"):
        import psychopy  # noqa: F401
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        raise InputError(
            "no display: DISPLAY is not set; run this at the experiment's computer, or test the "
            "study without one: mrd experiment simulate STUDY"
        )


def check_clock() -> None:
    """Raise if PsychoPy's clock is not monotonic (see `psychophysics.lab.clock`)."""
    from psychopy import clock

    if sys.platform.startswith("linux") and abs(clock.getTime() - time.monotonic()) > 1:
        raise InputError(
            "PsychoPy takes its times from the clock of the date, which can be set in a session; "
            "set PSYCH_GETSECS_CLOCK=1 before psychopy is imported"
        )


def ask_participant(session: str) -> tuple[str, str]:
    """Return the codes of participant and session from a dialog; `session` is the default."""
    check_display()
    from psychopy import gui

    fields = {"participant (letters and digits)": "", "session": session}
    dialog = gui.DlgFromDict(fields, title="Experiment", sortKeys=False)
    if not dialog.OK:
        raise InputError("cancelled in the dialog; nothing was started")
    participant, typed = fields.values()
    return str(participant).strip(), str(typed).strip()


class Pacer:
    """Software pacer for displays without vertical sync, such as Xvfb."""

    def __init__(self, rate: float) -> None:
        self.frame = 1 / rate
        self._next = time.perf_counter()

    def wait(self) -> None:
        """Wait for the next frame; missed frames are skipped."""
        now = time.perf_counter()
        while self._next <= now:
            self._next += self.frame
        if (sleep := self._next - now - POLLED) > 0:
            time.sleep(sleep)
        while time.perf_counter() < self._next:
            pass


class Window:
    """A PsychoPy window that shows 8-bit images exactly; `table` maps sRGB to the display."""

    def __init__(
        self, display: DisplayConfig, screen: Screen, table: Bytes, *, paced: bool
    ) -> None:
        check_display()
        check_clock()
        check_screen(display, screen.pixels)
        from psychopy import core, logging, visual

        logging.console.setLevel(logging.ERROR)
        self.display, self.table = display, table
        self.pacer = Pacer(display.refresh_rate) if paced else None
        try:
            self._window: Any = visual.Window(
                size=screen.pixels,
                fullscr=display.full_screen,
                screen=display.screen,
                units="pix",
                colorSpace="rgb255",
                color=self._grey(display.background),
                allowGUI=not display.full_screen,
                checkTiming=False,
                multiSample=False,
                winType="pyglet",
            )
        except Exception as error:  # the error's type depends on the system's driver
            raise InputError(
                f"no window can be opened: {one_line(error)}; check display and graphics driver, "
                "or test the study without a window: mrd experiment simulate STUDY"
            ) from error
        self._visual, self._clock = visual, core
        self._window.mouseVisible = False
        self._stimuli: list[Any] = []
        self._cross = self._text("+", 48)
        self._mark = self._text("?", 48)
        self._pages: dict[str, Any] = {}
        self._patch: Any = None
        if display.photodiode:
            # An outline would extend a pixel beyond the patch.
            self._patch = visual.Rect(
                self._window, colorSpace="rgb255", lineColor=None, **self._corner()
            )

    # ---- Frames ---------------------------------------------------------------------------------

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self._window.size
        return int(width), int(height)

    @property
    def given(self) -> tuple[int, int]:
        """Width and height that the system gave the window: not always the requested ones."""
        self._window.winHandle.dispatch_events()
        given = tuple(self._window.winHandle.get_size())
        return self.size if given == tuple(self._window.clientSize) else given

    @property
    def handle(self) -> Any:
        """PsychoPy's window, for the keyboard."""
        return self._window

    def flip(self) -> float:
        """Show the next frame, and return its time in seconds."""
        if self.pacer:
            self.pacer.wait()
        self._window.flip()
        return float(self._clock.getTime())

    def refresh_rate(self) -> float:
        """Return the measured frames per second, from the median time between flips."""
        times = [self.flip() for _ in range(FRAMES_MEASURED)]
        return float(1 / np.median(np.diff(times[FRAMES_MEASURED // 3 :])))

    def close(self) -> None:
        """Close the window."""
        self._window.close()

    # ---- Drawing --------------------------------------------------------------------------------

    def prepare(self, images: Sequence[npt.NDArray[Any]], places: Sequence[Place]) -> None:
        """Load images (H, W, 3), uint8 or uint16 sRGB, to the graphics card for `draw_image`."""
        while len(self._stimuli) < len(images):
            self._stimuli.append(
                self._visual.ImageStim(self._window, units="pix", interpolate=False)
            )
        for stimulus, image, place in zip(self._stimuli, images, places, strict=False):
            self._load(stimulus, on_display(image, self.table))
            stimulus.pos = self.middle(image.shape[1], image.shape[0], place)

    def _load(self, stimulus: Any, image: Bytes) -> None:
        # PsychoPy draws only PIL images of bytes exactly.
        stimulus.image = Image.fromarray(image)
        stimulus.size = (image.shape[1], image.shape[0])
        stimulus.draw()  # the first drawing loads the texture
        self._window.clearBuffer()

    def middle(self, width: int, height: int, place: Place) -> tuple[float, float]:
        """Return an image's offset from the window's middle that aligns it with whole pixels."""
        x, y = round(place[0] * width), round(place[1] * height)
        across, up = self.size
        return x + (across - width) % 2 / 2, y + (up - height) % 2 / 2

    def fill(self, color: Sequence[int]) -> None:
        """Fill the window with a colour of the display, 0 to 255 per channel."""
        width, height = self.size
        self._visual.Rect(
            self._window, width=width, height=height, units="pix", colorSpace="rgb255",
            fillColor=list(color), lineColor=list(color),
        ).draw()  # fmt: skip

    def draw_image(self, number: int) -> None:
        """Draw a prepared image."""
        self._stimuli[number].draw()

    def draw_fixation(self) -> None:
        """Draw the cross in the middle."""
        self._cross.draw()

    def draw_question_mark(self) -> None:
        """Draw the question mark that is shown until the answer."""
        self._mark.draw()

    def draw_text(self, text: str) -> None:
        """Draw a page."""
        # Laying out text takes several frames, so the last text is reused.
        if text not in self._pages:
            self._pages = {text: self._text(text, 28)}
        self._pages[text].draw()

    def note(self, text: str, *, bright: bool) -> Any:
        """Return a line of text near the lower edge, bright or dark, with a method `draw`."""
        note = self._text(text, 28)
        note.color = self.table[230 if bright else 20].tolist()
        note.pos = (0, -0.45 * self.size[1])
        return note

    def draw_patch(self, lit: bool) -> None:
        """Draw the photodiode's patch, if there is one."""
        if self._patch is not None:
            self._patch.fillColor = self.table[255 if lit else 0].tolist()
            self._patch.draw()

    def _text(self, text: str, height: int) -> Any:
        bright = self.display.background < 0.5
        color = self.table[230 if bright else 20].tolist()
        return self._visual.TextStim(
            self._window, text=text, height=height, color=color, colorSpace="rgb255",
            wrapWidth=0.8 * self.size[0],
        )  # fmt: skip

    def _grey(self, value: float) -> list[int]:
        grey: list[int] = self.table[round(value * 255)].tolist()
        return grey

    def _corner(self) -> dict[str, Any]:
        patch = self.display.photodiode
        if patch is None:
            return {}
        width, height = self.size
        x, y = (width - patch.size) / 2, (height - patch.size) / 2
        right, top = "right" in patch.corner, "top" in patch.corner
        place = (x if right else -x, y if top else -y)
        return {"width": patch.size, "height": patch.size, "pos": place, "units": "pix"}

    # ---- Reading back ---------------------------------------------------------------------------

    def frame(self) -> Bytes:
        """Return the drawn frame that is not shown yet: (H, W, 3) uint8, row 0 at the top."""
        picture = self._window.getMovieFrame(buffer="back")
        self._window.movieFrames = []
        return np.asarray(picture.convert("RGB"), dtype=np.uint8)

    def check_exact(self, image: npt.NDArray[Any], place: Place, what: str) -> None:
        """Draw an image, and raise if a pixel of the frame differs; `what` names the image."""
        self.prepare([image], [place])
        self.draw_image(0)
        frame = self.frame()
        self._window.clearBuffer()
        width, height = self.size
        if frame.shape[:2] != (height, width):
            raise InputError(
                f"{what}: the window has {width} × {height} pixels, and a frame of it has "
                f"{frame.shape[1]} × {frame.shape[0]}; turn off scaling of the desktop (HiDPI)"
            )
        shown = frame[self.region(image.shape[1], image.shape[0], place)]
        meant = on_display(image, self.table)
        if not np.array_equal(shown, meant):
            raise InputError(
                f"{what}: the frame shown differs from what is stored in "
                f"{int((shown != meant).any(-1).sum())} of {meant.shape[0] * meant.shape[1]} "
                f"pixels; {remedy(shown, meant)}"
            )

    def region(self, width: int, height: int, place: Place) -> tuple[slice, slice]:
        """Return the rows and columns of the frame that an image fills."""
        across, up = self.size
        x, y = self.middle(width, height, place)
        left = round(across / 2 + x - width / 2)
        top = round(up / 2 - y - height / 2)
        return slice(top, top + height), slice(left, left + width)


def test_card() -> Bytes:
    """Return an image (256, 256, 3) of all values in which adjacent pixels differ."""
    down, across = np.mgrid[:CARD, :CARD]
    return np.stack([across, down, (across * 7 + down * 13) % 256], axis=-1).astype(np.uint8)
