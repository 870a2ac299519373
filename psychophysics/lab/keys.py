"""Key presses and their times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psychophysics.lab.clock import use_monotonic_clock
from psychophysics.lab.keyboard_layout import layout_of_the_server, study_name
from scenes.base.errors import InputError, unknown

# Arguments `place` and `symbols` of `study_name` for a pressed key, and its time.
_RawPress = tuple[str, list[str] | None, float]
_RENAMED = {"enter": "return"}  # pyglet's name on some systems


@dataclass(frozen=True, slots=True)
class Press:
    """A key press: its name, and its time in seconds since `Keys.restart_at_flip`."""

    key: str
    time: float


class Keys:
    """The keyboard, or a button box that acts as one.

    Psychtoolbox reads it with its own time stamps; without it, the window's events are used, whose
    times are those at which they are read. Both use the clock of `Window.flip`.
    """

    def __init__(self, window: Any) -> None:
        from psychopy import core

        self._window = window
        self._now: Callable[[], float] = core.getTime
        self._device: Any = _psychtoolbox()
        self._layout = layout_of_the_server()
        self._zero = self._now()
        self._held: list[Any] = []
        self._events: list[tuple[int, float]] = []
        if self._device is None:
            window.winHandle.push_handlers(on_key_press=self._take)

    @property
    def backend(self) -> str:
        """``psychtoolbox``, or ``window`` if it is not installed."""
        return "window" if self._device is None else "psychtoolbox"

    def restart_at_flip(self) -> None:
        """Start the time of presses at the next flip."""
        self._window.callOnFlip(self._restart)

    def _restart(self) -> None:
        self._zero = self._now()
        if self._device is not None:
            self._device.clock.reset()

    def forget(self) -> None:
        """Discard all presses so far."""
        if self._device is None:
            self._window.winHandle.dispatch_events()
            self._events.clear()
            return
        self._device.clearEvents()
        # Without this, a press whose release is discarded would pass its time to the next press.
        self._device._keysStillDown.clear()
        self._device.responses.clear()
        self._held.clear()

    def presses(self, names: Sequence[str]) -> list[Press]:
        """Return the presses of the study's keys `names` since the last call, in order."""
        found = self._of_the_window() if self._device is None else self._of_psychtoolbox()
        named = ((study_name(names, place, symbols), time) for place, symbols, time in found)
        return [Press(name, time) for name, time in named if name is not None]

    def _of_psychtoolbox(self) -> list[_RawPress]:
        # getKeys would lose a tap that begins and ends between two polls, so the device's own list
        # is read. The list has the same object when a key goes down and when it comes up.
        self._device.dispatchMessages()
        found: list[_RawPress] = []
        for press in self._device.responses:
            if not any(press is held for held in self._held):
                self._held.append(press)
                # Psychtoolbox counts key codes from 1.
                found.append((str(press.name), self._symbols(press.code - 1), float(press.rt)))
        self._device.responses.clear()
        self._held = [press for press in self._held if press.duration is None]
        return found

    def _of_the_window(self) -> list[_RawPress]:
        from psychopy.hardware.keyboard import keyNames
        from pyglet.window import key

        self._window.winHandle.dispatch_events()
        events, self._events = self._events, []
        found: list[_RawPress] = []
        for symbol, time in events:
            name = key.symbol_string(symbol).lower().removeprefix("_")
            code = self._code(symbol)
            place = _RENAMED.get(name, name) if code is None else keyNames.get(code + 1, name)
            found.append((place, self._symbols(code), time - self._zero))
        return found

    def _take(self, symbol: int, modifiers: int) -> None:  # noqa: ARG002
        self._events.append((symbol, self._now()))

    def _code(self, symbol: int) -> int | None:
        if self._layout is None:
            return None
        # For a symbol without a name, pyglet gives the key's code, shifted by 32 bits.
        return symbol >> 32 or self._layout.code(symbol)

    def _symbols(self, code: int | None) -> list[str] | None:
        return None if self._layout is None or code is None else self._layout.symbols(code)


def check_names(names: Sequence[str]) -> None:
    """Raise if PsychoPy has no key of one of these names."""
    use_monotonic_clock()
    from psychopy.hardware import keyboard

    known = sorted(set(keyboard.keyNames.values()))
    for name in names:
        if name not in known:
            raise InputError(f"experiment.keys: {unknown('key', name, known)}")


def _psychtoolbox() -> Any:
    """Return Psychtoolbox's keyboard, or None if it cannot be loaded."""
    from psychopy.hardware import keyboard

    if not keyboard.havePTB:
        return None
    return keyboard.Keyboard(backend="ptb").device
