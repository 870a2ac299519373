"""Records of sessions: a table with a row for each trial, on disk before the next trial.

Rows are only added. A last row that was cut off while it was written is removed when the session is
resumed, and its trial is shown again.
"""

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from psychophysics.data import columns
from psychophysics.data.bids_names import table_path
from psychophysics.data.json_files import read_bytes, read_json, write_json
from psychophysics.tasks.base import Task
from scenes.base.atomic_files import cannot_write, check_writable, remove_leftovers, whole_file
from scenes.base.changes import differences
from scenes.base.errors import InputError


class SessionFinished(InputError):
    """The session is finished."""


class SessionChanged(InputError):
    """The session was begun with another study, set or observer."""


@dataclass(frozen=True)
class RecordedTrial:
    """What the table of a resumed session holds of a trial."""

    phase: str
    correct: bool
    stimuli: tuple[str, ...]
    dropped: tuple[int, ...]  # dropped frames of each image that was shown at a window


@dataclass
class Record:
    """A session's table, open for writing."""

    path: Path
    sidecar: dict[str, Any]
    answered: list[RecordedTrial]  # rows of earlier sittings
    file: IO[bytes]
    durable: bool
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        self.rows = len(self.answered)

    @property
    def sitting(self) -> int:
        """Number of this start of the program, from 1."""
        return len(self.sidecar["Sittings"])

    def write(self, cells: Sequence[str]) -> None:
        """Add a row; if `durable`, return only when it is on the disk."""
        try:
            self.file.write(tsv_line(cells))
            if self.durable:
                self._sync()
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.rows += 1

    def close(self, finished: bool, **notes: Any) -> None:
        """Force all rows to the disk, and add `finished` and `notes` to the sidecar."""
        try:
            self._sync()
            self.file.close()
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.sidecar |= {"Finished": finished, **notes}
        write_json(self.path.with_suffix(".json"), self.sidecar)

    def _sync(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())


def tsv_line(cells: Sequence[str]) -> bytes:
    """Return cells as a line of a tab-separated table."""
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


@contextmanager
def open_record(
    folder: Path,
    participant: str,
    session: str,
    task: Task,
    facts: Mapping[str, Any],
    sitting: Mapping[str, Any],
    *,
    instructions: str = "",
    durable: bool = True,
) -> Iterator[Record]:
    """Open the record of a new or unfinished session.

    A sitting is one start of the program. `facts` must be equal in all sittings of a session;
    `sitting` describes this one.
    """
    path = table_path(folder, participant, session, task)
    check_writable(path.parent)
    lock = FileLock(path.with_name(f".{path.stem}.lock"), blocking=False)
    try:
        with lock:
            for file in (path, path.with_suffix(".json")):
                remove_leftovers(file)
            record = _open(path, task, facts, sitting, instructions, durable)
            try:
                yield record
            finally:
                # Closing writes again, and may repeat an error that was reported already.
                with suppress(OSError):
                    record.file.close()
    except Timeout as error:
        raise InputError(
            f"{path}: this session is running in another process; end that one first"
        ) from error


def _open(
    path: Path,
    task: Task,
    facts: Mapping[str, Any],
    sitting: Mapping[str, Any],
    instructions: str,
    durable: bool,
) -> Record:
    sidecar_path = path.with_suffix(".json")
    before = read_json(sidecar_path) if sidecar_path.is_file() else {}
    if path.exists() and not sidecar_path.is_file():
        raise InputError(
            f"{path}: its sidecar {sidecar_path.name} is missing; restore it, or start "
            "another session with --session"
        )
    answered: list[RecordedTrial] = []
    if is_begun(path, before):
        _check_same(path, before, facts)
        answered = _read_rows(path, task)
        sidecar = before
    else:
        sidecar = {
            "TaskName": task.name,
            "TaskDescription": f"{task.name}: {len(task.alternatives)} choices",
            "Instructions": instructions,
            "Session": json.loads(json.dumps(facts)),
            "Finished": False,
            **columns.data_dictionary(task),
        }
    sidecar["Sittings"] = [*before.get("Sittings", []), dict(sitting)]
    # The sidecar is written first: a table without one is an error.
    write_json(sidecar_path, sidecar)
    if not answered:
        with whole_file(path) as beside:
            beside.write_bytes(tsv_line(columns.names(task)))
    try:
        file = path.open("ab")
    except OSError as error:
        raise cannot_write(path, error) from error
    return Record(path, sidecar, answered, file, durable)


def is_begun(path: Path, sidecar: Mapping[str, Any]) -> bool:
    """Return whether a session's table has a row or the session is finished."""
    if sidecar.get("Finished"):
        return True
    # The header is written in one step. A table without a complete line was altered: it counts as
    # begun, and reading its rows raises.
    return path.is_file() and read_bytes(path).count(b"\n") != 1


def _check_same(path: Path, sidecar: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Raise if a session is finished, or its sidecar differs from `facts`."""
    if not path.is_file():
        raise SessionChanged(
            f"{path}: the table of this finished session is missing; restore it from a copy, or "
            f"remove {path.with_suffix('.json').name} to run the session again"
        )
    began = sidecar.get("Session", {})
    for key, value in json.loads(json.dumps(facts)).items():
        if began.get(key) != value:
            what = ", ".join(differences(began.get(key), value)) or key
            raise SessionChanged(
                f"{path}: this session was begun with another {key} ({what}); restore it to "
                "finish the session, or start another with --session"
            )
    if sidecar.get("Finished"):
        raise SessionFinished(
            f"{path}: this session is finished; start another with --session, or use another "
            "participant code"
        )


def check_open(
    folder: Path, participant: str, session: str, task: Task, facts: Mapping[str, Any]
) -> None:
    """Raise if `open_record` would refuse the session."""
    path = table_path(folder, participant, session, task)
    sidecar = path.with_suffix(".json")
    if sidecar.is_file() and is_begun(path, before := read_json(sidecar)):
        _check_same(path, before, facts)


def _read_rows(path: Path, task: Task) -> list[RecordedTrial]:
    """Return the rows on disk; remove a last row that was cut off."""
    content = read_bytes(path)
    whole = content[: content.rfind(b"\n") + 1]
    names = columns.names(task)
    rows = list(csv.reader(io.StringIO(whole.decode(errors="replace")), delimiter="\t"))
    if not rows or tuple(rows[0]) != names:
        raise InputError(
            f"{path}: line 1 is not the header that this version of the suite writes; restore the "
            "file, or finish the session with the version that began it"
        )
    trials = []
    for number, cells in enumerate(rows[1:], start=2):
        if len(cells) != len(names):
            raise InputError(
                f"{path}: line {number} has {len(cells)} cells, not {len(names)}: the file was "
                "altered; restore it, or start another session with --session"
            )
        row = dict(zip(names, cells, strict=True))
        trials.append(_recorded_trial(row, task, f"{path}: line {number}"))
    if len(whole) < len(content):
        _truncate(path, len(whole))
    return trials


def _recorded_trial(row: Mapping[str, str], task: Task, where: str) -> RecordedTrial:
    numbers = range(1, task.images + 1)
    dropped = [row[f"dropped_{number}"] for number in numbers]
    for cell in dropped:
        if cell != columns.MISSING and not cell.isdecimal():
            raise InputError(
                f"{where}: dropped frames '{cell}' are not a whole number: the file was altered; "
                "restore it, or start another session with --session"
            )
    return RecordedTrial(
        row["phase"],
        row["correct"] == "1",
        tuple(row[f"stimulus_{number}"] for number in numbers),
        tuple(int(cell) for cell in dropped if cell != columns.MISSING),
    )


def _truncate(path: Path, length: int) -> None:
    try:
        with path.open("rb+") as file:
            file.truncate(length)
            os.fsync(file.fileno())
    except OSError as error:
        raise cannot_write(path, error) from error


def remove_session(folder: Path, participant: str, session: str, task: Task) -> None:
    """Remove a simulated session, so that it can be run again."""
    path = table_path(folder, participant, session, task)
    # The sidecar is removed last: a table without one is an error.
    for file in (path, path.with_suffix(".json")):
        file.unlink(missing_ok=True)
