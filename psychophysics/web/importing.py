"""The way back: sessions that the page saved become the BIDS files that every session leaves.

They go through the session's own loop. Who answers is the saved table (`returned.Returned`), so
what is written down is what the loop writes of anyone.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from psychophysics import experiment, session
from psychophysics.answer import Stopped
from psychophysics.counterbalance import rule_of
from psychophysics.data import columns, data_set, records
from psychophysics.experiment import Experiment, Seat
from psychophysics.session import Outcome
from psychophysics.trials import order
from psychophysics.web import plan
from psychophysics.web.returned import Returned, Row, altered
from psychophysics.web.saved import Saved, Sitting, read
from scenes.base.atomic_files import cannot_write, check_writable
from scenes.base.changes import differences
from scenes.base.errors import InputError
from stimuli.visual_angle import degrees


@dataclass(frozen=True)
class Session:
    """A saved session that fits the experiment."""

    path: Path
    seat: Seat
    saved: Saved

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"session {self.seat.session} of participant {self.seat.participant}"


# ---- What is checked before anything is written --------------------------------------------------


def checked(asked: Experiment, paths: Sequence[Path], folder: Path) -> list[Session]:
    """Read sessions, and check every row of them.

    Parameters
    ----------
    asked
        The experiment.
    paths
        What the page saved.
    folder
        Of the data, where they are to go.

    Raises
    ------
    InputError
        A file is no session, or one of another study, set or design; a row was altered, or is not
        of the trial that the design has there; a session is there already, or twice; the folder
        holds sessions of another set.
    """
    plan.check(asked.config)
    experiment.check_set(asked, folder)
    found: dict[tuple[str, str], Session] = {}
    for path in paths:
        each = _checked(asked, path)
        key = (each.seat.participant, each.seat.session)
        if key in found:
            raise InputError(
                f"{path}: {each.name} is in {found[key].path} as well; give one of them"
            )
        found[key] = each
        _check_new(each, records.session_path(folder, *key, asked.task))
        number = data_set.number_of(folder, each.seat.participant)
        if number not in (None, each.seat.number):
            raise InputError(
                f"{path}: participant {each.seat.participant} has number {number} in "
                f"{folder / 'participants.tsv'}, and {each.seat.number} in the page's design; "
                "their blocks and keys would differ"
            )
    return list(found.values())


def _check_new(each: Session, table: Path) -> None:
    """Refuse a session whose table exists; a description alone is of an interrupted import."""
    if table.exists():
        raise InputError(f"{each.path}: {each.name} is there already ({table}); leave the file out")


def _checked(asked: Experiment, path: Path) -> Session:
    saved = read(path)
    records.checked_code(saved.session, f"{path}: session")
    rule = rule_of(saved.facts, f"{path}: facts")
    try:
        seat = plan.seat_of(asked, plan.number_of(saved.participant), saved.session, rule)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    _check_bound(saved, asked, seat, path)
    rows = list(enumerate(saved.rows, 1))
    if not rows:
        raise InputError(f"{path}: holds no trial; leave the file out")
    trials = order(asked.conditions, asked.config, seat.seed, seat.blocks)
    made, finished = 0, True
    try:
        for _ in session.answers(trials, Returned(asked, seat, rows, path)):
            made += 1
    except Stopped:
        finished = False
    if made < len(rows):
        raise InputError(
            f"{path}: row {made + 1}: the design has {made} trials; remove what follows"
        )
    if finished != saved.finished:
        raise altered(str(path), f"finished: {saved.finished} with {made} rows")
    _check_sittings(saved, path)
    if saved.checksum != saved.true_checksum:
        raise InputError(
            f"{path}: the rows were altered: their checksum is {saved.true_checksum}, and "
            f"{saved.checksum[:8]} is stated; give the file as the page saved it"
        )
    return Session(path, seat, saved)


def _check_bound(saved: Saved, asked: Experiment, seat: Seat, path: Path) -> None:
    """Compare what the page was made of with study and set as they are."""
    there = {"Study": saved.study, "Task": saved.task, **saved.facts}
    now = {"Study": asked.study, "Task": asked.task.name, **plan.facts(asked, seat)}
    for key, value in now.items():
        if there.get(key) != value:
            what = ", ".join(differences(there.get(key), value)) or key
            raise InputError(
                f"{path}: the page was made with another {key} ({what}); put it back to import "
                "the session"
            )
    if saved.columns != columns.names(asked.task):
        raise InputError(
            f"{path}: columns are not those that this version of the suite writes; import it with "
            f"mrd-suite {saved.software.get('mrd-suite', '?')}, which made the page"
        )


def _check_sittings(saved: Saved, path: Path) -> None:
    """Rows tell which load of the page they are of: in order, and each is described."""
    column = saved.columns.index("sitting")
    numbers = [int(cells[column]) for cells in saved.rows]
    last = numbers[-1]
    if numbers != sorted(numbers) or last > len(saved.sittings):
        raise altered(str(path), f"column 'sitting': {len(saved.sittings)} are described")
    if saved.finished and last != len(saved.sittings):
        raise altered(str(path), f"{len(saved.sittings)} sittings, and rows end in {last}")


# ---- What is written -----------------------------------------------------------------------------


def store(
    asked: Experiment,
    sessions: Sequence[Session],
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Write checked sessions; each is there whole, or not at all.

    Parameters
    ----------
    asked
        The experiment.
    sessions
        From `checked`.
    folder
        Of the data.
    say
        Takes a line on what was repaired in ``participants.tsv``.

    Returns
    -------
    list of Outcome
        How each ended.

    Raises
    ------
    InputError
        A file cannot be written.
    """
    check_writable(folder)
    with _staging(folder) as staging:
        outcomes = [_replayed(asked, each, staging) for each in sessions]
        for each in sessions:
            codes = each.seat.participant, each.seat.session
            data_set.enrolled(folder, asked.study, codes[0], "person", each.seat.number, say)
            made, table = (
                records.session_path(base, *codes, asked.task) for base in (staging, folder)
            )
            _check_new(each, table)  # by another import, since it was checked
            try:
                table.parent.mkdir(parents=True, exist_ok=True)
                # The description first: a table without one is refused, a description without a
                # table is no session.
                for suffix in (".json", ".tsv"):
                    made.with_suffix(suffix).replace(table.with_suffix(suffix))
            except OSError as error:
                raise cannot_write(table, error) from error
    return outcomes


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Give an empty folder inside another, on the same disk; it is gone afterwards."""
    made = folder / ".import"
    try:
        with FileLock(folder / ".import.lock"):
            shutil.rmtree(made, ignore_errors=True)  # what an interrupted import left
            made.mkdir()
            try:
                yield made
            finally:
                shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _replayed(asked: Experiment, each: Session, folder: Path) -> Outcome:
    """Run a session through the loop, sitting by sitting, answered by its rows."""
    column = each.saved.columns.index("sitting")
    numbered = list(enumerate(each.saved.rows, 1))
    outcome = Outcome(finished=False, trials=0, intervals=0, late=0)
    for number, sitting in enumerate(each.saved.sittings, 1):
        rows = [row for row in numbered if row[1][column] == str(number)]

        def observer(seat: Seat, _rng: np.random.Generator, rows: Sequence[Row] = rows) -> Returned:
            return Returned(asked, seat, rows, each.path)

        facts = about(asked, each.saved, sitting)
        outcome = experiment.run(asked, each.seat, folder, observer, facts, durable=False)
    return outcome


def about(asked: Experiment, saved: Saved, sitting: Sitting) -> dict[str, Any]:
    """Tell what the sidecar says of a sitting, as of one at the window."""
    width, height = asked.image_size
    per_cm = sitting.pixels_per_cm * sitting.pixel_ratio
    sides = [max(1, round(side * sitting.cm_per_pixel * per_cm)) for side in (width, height)]
    return {
        "Started": sitting.started,
        "Imported": datetime.now(UTC).isoformat(timespec="seconds"),
        "SoftwareVersions": saved.software,
        "Display": {
            "Browser": sitting.browser,
            "ScreenStated": list(sitting.screen),
            "WindowPixels": [round(side * sitting.pixel_ratio) for side in sitting.window],
            "PixelsPerCm": round(per_cm, 3),
            "DistanceCm": sitting.distance,
            "FullScreen": sitting.full_screen,
            "StimulusPixels": sides,
            "StimulusDegrees": [
                degrees(side, distance=10 * sitting.distance, pitch=10 / per_cm) for side in sides
            ],
            "RefreshRateStated": asked.config.display.refresh_rate,
            "RefreshRateMeasured": sitting.refresh_rate,
            "SoftwarePacer": False,
            "Calibration": None,
            "PixelExact": False,
            "Keyboard": "browser",
            "NotChecked": ["Calibration", "DistanceCm", "PixelExact"],
        },
    }
