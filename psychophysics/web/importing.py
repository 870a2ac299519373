"""Import of sessions that the page saved, as BIDS files.

They run through the session loop with the saved rows as answers (`returned.SavedAnswers`), so
the files are like those of any other session.
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
from psychophysics.data import bids_names, columns, data_set
from psychophysics.experiment import Experiment, Seat
from psychophysics.session import Outcome
from psychophysics.trials import generate_trials
from psychophysics.web import plan
from psychophysics.web.returned import Row, SavedAnswers, altered
from psychophysics.web.saved import Saved, Sitting, read
from scenes.base.atomic_files import cannot_write, check_writable
from scenes.base.changes import differences
from scenes.base.errors import InputError
from stimuli.visual_angle import degrees


@dataclass(frozen=True)
class SavedSession:
    """A saved session that fits the experiment."""

    path: Path
    seat: Seat
    saved: Saved

    @property
    def name(self) -> str:
        """The session's name in messages."""
        return f"session {self.seat.session} of participant {self.seat.participant}"


# ---- Checks before anything is written -----------------------------------------------------------


def check_files(asked: Experiment, paths: Sequence[Path], folder: Path) -> list[SavedSession]:
    """Read saved sessions, and check every row.

    Parameters
    ----------
    asked
        The experiment.
    paths
        Files that the page saved.
    folder
        Data folder to import to.

    Raises
    ------
    InputError
        A file is not a session, or is one of another study, set or design; a row was altered or
        does not fit its trial; a session exists already or occurs twice; or the folder has
        sessions of another set.
    """
    plan.check(asked.config)
    experiment.check_set(asked, folder)
    found: dict[tuple[str, str], SavedSession] = {}
    for path in paths:
        each = _check_session(asked, path)
        key = (each.seat.participant, each.seat.session)
        if key in found:
            raise InputError(
                f"{path}: {each.name} is in {found[key].path} as well; give only one of them"
            )
        found[key] = each
        _check_new(each, bids_names.table_path(folder, *key, asked.task))
        number = data_set.participant_number(folder, each.seat.participant)
        if number not in (None, each.seat.number):
            raise InputError(
                f"{path}: participant {each.seat.participant} has number {number} in "
                f"{folder / 'participants.tsv'}, and {each.seat.number} in the page's design, "
                "with other blocks and keys"
            )
    return list(found.values())


def _check_new(each: SavedSession, table: Path) -> None:
    """Raise if a session's table exists; a sidecar alone is left from an interrupted import."""
    if table.exists():
        raise InputError(f"{each.path}: {each.name} exists already ({table}); leave the file out")


def _check_session(asked: Experiment, path: Path) -> SavedSession:
    saved = read(path)
    bids_names.check_code(saved.session, f"{path}: session")
    rule = rule_of(saved.facts, f"{path}: facts")
    try:
        seat = plan.make_seat(asked, plan.number_of_code(saved.participant), saved.session, rule)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    _check_bound(saved, asked, seat, path)
    rows = list(enumerate(saved.rows, 1))
    if not rows:
        raise InputError(f"{path}: holds no trial; leave the file out")
    trials = generate_trials(asked.conditions, asked.config, seat.seed, seat.blocks)
    count, finished = 0, True
    try:
        for _ in session.answer_trials(trials, SavedAnswers(asked, seat, rows, path)):
            count += 1
    except Stopped:
        finished = False
    if count < len(rows):
        raise InputError(
            f"{path}: row {count + 1}: the design has {count} trials; remove the rows after them"
        )
    if finished != saved.finished:
        raise altered(str(path), f"finished: {saved.finished} with {count} rows")
    _check_sittings(saved, path)
    if saved.checksum != saved.true_checksum:
        raise InputError(
            f"{path}: the rows were altered: their checksum is {saved.true_checksum}, and "
            f"{saved.checksum[:8]} is stated; give the file as the page saved it"
        )
    return SavedSession(path, seat, saved)


def _check_bound(saved: Saved, asked: Experiment, seat: Seat, path: Path) -> None:
    """Raise if the page was exported from another study or set."""
    then = {"Study": saved.study, "Task": saved.task, **saved.facts}
    now = {"Study": asked.study, "Task": asked.task.name, **plan.facts(asked, seat)}
    for key, value in now.items():
        if then.get(key) != value:
            what = ", ".join(differences(then.get(key), value)) or key
            raise InputError(
                f"{path}: the page was made with another {key} ({what}); restore it to import "
                "the session"
            )
    if saved.columns != columns.names(asked.task):
        raise InputError(
            f"{path}: columns are not those that this version of the suite writes; import it with "
            f"mrd-suite {saved.software.get('mrd-suite', '?')}, which made the page"
        )


def _check_sittings(saved: Saved, path: Path) -> None:
    """Raise unless the rows' sittings (loads of the page) are in order, each with a description."""
    column = saved.columns.index("sitting")
    numbers = [int(cells[column]) for cells in saved.rows]
    last = numbers[-1]
    if numbers != sorted(numbers) or last > len(saved.sittings):
        raise altered(str(path), f"column 'sitting': {len(saved.sittings)} sittings are described")
    if saved.finished and last != len(saved.sittings):
        raise altered(str(path), f"{len(saved.sittings)} sittings, and the last row is of {last}")


# ---- Writing -------------------------------------------------------------------------------------


def store(
    asked: Experiment,
    sessions: Sequence[SavedSession],
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Write checked sessions, each in one step.

    Parameters
    ----------
    asked
        The experiment.
    sessions
        Sessions from `check_files`.
    folder
        Data folder.
    say
        Called with each line on repairs of ``participants.tsv``.

    Returns
    -------
    list of Outcome
        The end of each session.

    Raises
    ------
    InputError
        A file cannot be written.
    """
    check_writable(folder)
    with _staging(folder) as staging:
        outcomes = [_replay(asked, each, staging) for each in sessions]
        for each in sessions:
            codes = each.seat.participant, each.seat.session
            data_set.enrol(folder, asked.study, codes[0], "person", each.seat.number, say)
            staged, table = (
                bids_names.table_path(base, *codes, asked.task) for base in (staging, folder)
            )
            _check_new(each, table)  # another import may have written it since `check_files`
            try:
                table.parent.mkdir(parents=True, exist_ok=True)
                # The sidecar first: a table without one is an error, a sidecar alone is ignored.
                for suffix in (".json", ".tsv"):
                    staged.with_suffix(suffix).replace(table.with_suffix(suffix))
            except OSError as error:
                raise cannot_write(table, error) from error
    return outcomes


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Yield an empty folder inside another, on the same disk, which is removed afterwards."""
    staging = folder / ".import"
    try:
        with FileLock(folder / ".import.lock"):
            shutil.rmtree(staging, ignore_errors=True)  # of an interrupted import
            staging.mkdir()
            try:
                yield staging
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _replay(asked: Experiment, each: SavedSession, folder: Path) -> Outcome:
    """Run a session through the loop, sitting by sitting, with its rows as answers."""
    column = each.saved.columns.index("sitting")
    numbered = list(enumerate(each.saved.rows, 1))
    outcome = Outcome(finished=False, trials=0, intervals=0, late=0)
    for number, sitting in enumerate(each.saved.sittings, 1):
        rows = [row for row in numbered if row[1][column] == str(number)]

        def observer(
            seat: Seat, _rng: np.random.Generator, rows: Sequence[Row] = rows
        ) -> SavedAnswers:
            return SavedAnswers(asked, seat, rows, each.path)

        facts = about(asked, each.saved, sitting)
        outcome = experiment.run(asked, each.seat, folder, observer, facts, durable=False)
    return outcome


def about(asked: Experiment, saved: Saved, sitting: Sitting) -> dict[str, Any]:
    """Return the sidecar's entries on one load of the page, as for a start at a window."""
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
