"""Keys: which was pressed, and when, after the frame that asked for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scenes.errors import InputError, unknown


@dataclass(frozen=True, slots=True)
class Press:
    """A key press: its name, and seconds since `Keys.restart`."""

    key: str
    time: float


class Keys:
    """The keyboard, or a button box that acts as one.

    Psychtoolbox reads it with its own time stamps; where that is not installed, the window's own
    events are used, whose times are those of the poll.

    Parameters
    ----------
    window
        PsychoPy's window.
    """

    def __init__(self, window: Any) -> None:
        from psychopy import core

        self._window = window
        self._device: Any = _psychtoolbox()
        self._clock: Any = core.Clock() if self._device is None else self._device.clock
        self._held: list[Any] = []

    @property
    def backend(self) -> str:
        """``psychtoolbox``, or ``window`` where that is not there."""
        return "window" if self._device is None else "psychtoolbox"

    def restart_at_flip(self) -> None:
        """Let time begin at the next flip."""
        self._window.callOnFlip(self._clock.reset)

    def forget(self) -> None:
        """Forget all presses so far."""
        from psychopy import event

        event.clearEvents()
        if self._device is not None:
            self._device.clearEvents()
            # A press whose release is swallowed here would lend its time to the next press.
            self._device._keysStillDown.clear()
            self._device.responses.clear()
            self._held.clear()

    def presses(self, names: Sequence[str]) -> list[Press]:
        """Presses of these keys since the last time, in order."""
        from psychopy import event

        if self._device is None:
            timed = event.getKeys(keyList=list(names), timeStamped=self._clock)
            return [Press(name, float(time)) for name, time in timed]
        # getKeys would lose a tap that begins and ends between two polls, so the device's own list
        # is read. It holds a key when it goes down, and the same object again when it comes up.
        self._device.dispatchMessages()
        found = []
        for press in self._device.responses:
            if not any(press is held for held in self._held):
                self._held.append(press)
                if press.name in names:
                    found.append(Press(str(press.name), float(press.rt)))
        self._device.responses.clear()
        self._held = [press for press in self._held if press.duration is None]
        return found


def check_names(names: Sequence[str]) -> None:
    """Find out whether there are keys of these names.

    Raises
    ------
    InputError
        There is none of a name.
    """
    from psychopy.hardware import keyboard

    known = sorted(set(keyboard.keyNames.values()))
    for name in names:
        if name not in known:
            raise InputError(f"experiment.keys: {unknown('key', name, known)}")


def _psychtoolbox() -> Any:
    """Psychtoolbox's keyboard, or None where it cannot be loaded."""
    from psychopy.hardware import keyboard

    if not keyboard.havePTB:
        return None
    return keyboard.Keyboard(backend="ptb").device
