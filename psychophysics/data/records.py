"""Sessions on disk: BIDS behavioural files, a row a trial, each on disk before the next trial.

::

    sub-01/ses-01/beh/sub-01_ses-01_task-oddity_run-01_beh.tsv   a row a trial
    sub-01/ses-01/beh/sub-01_ses-01_task-oddity_run-01_beh.json  columns, and the session

The table only ever grows. A row that was cut off while it was written is removed when the session
goes on: its trial was never over.
"""

import csv
import io
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from psychophysics.data import columns
from psychophysics.tasks.base import Task
from scenes.base.atomic_files import cannot_write, check_writable, remove_leftovers, whole_file
from scenes.base.changes import differences
from scenes.base.errors import InputError

PEOPLE, SIMULATED = "data", "data-simulated"
FIRST_SESSION = "01"
_CODE = re.compile(r"[A-Za-z0-9]{1,32}")


class Finished(InputError):
    """The session is over; it is not asked again."""


class Changed(InputError):
    """The session was begun with another study, set or observer."""


def checked_code(code: str, what: str) -> str:
    """Return a participant's or session's code: letters and digits alone."""
    if not _CODE.fullmatch(code):
        raise InputError(
            f"{what} '{code}': use 1 to 32 letters and digits (such as 01), no personal data"
        )
    return code


@dataclass(frozen=True)
class Made:
    """A trial that is on disk."""

    phase: str
    correct: bool
    stimuli: tuple[str, ...]
    dropped: tuple[int, ...]


@dataclass
class Record:
    """One session's table, open for writing."""

    path: Path
    sidecar: dict[str, Any]
    task: Task
    answered: list[Made]
    file: IO[bytes]
    durable: bool = True
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        self.rows = len(self.answered)

    @property
    def sitting(self) -> int:
        """Number of this start of the program, from 1."""
        return len(self.sidecar["Sittings"])

    def write(self, cells: Sequence[str]) -> None:
        """Add a row; when this returns it is on the disk."""
        try:
            self.file.write(tsv_line(cells))
            if self.durable:
                self._to_disk()
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.rows += 1

    def close(self, finished: bool, **notes: Any) -> None:
        """Force everything to the disk and say in the sidecar how the session stands."""
        try:
            self._to_disk()
            self.file.close()
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.sidecar |= {"Finished": finished, **notes}
        write_json(self.path.with_suffix(".json"), self.sidecar)

    def _to_disk(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())


def tsv_line(cells: Sequence[str]) -> bytes:
    """Put cells in a line of a table."""
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


@contextmanager
def opened(
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
    """Open a session's record: a new one, or one that was not finished."""
    path = session_path(folder, participant, session, task)
    check_writable(path.parent)
    lock = FileLock(path.with_name(f".{path.stem}.lock"), blocking=False)
    try:
        with lock:
            for file in (path, path.with_suffix(".json")):
                remove_leftovers(file)
            record = _open(path, task, facts, sitting, instructions)
            record.durable = durable
            try:
                yield record
            finally:
                # What could not be written was told; closing tries to write it again.
                with suppress(OSError):
                    record.file.close()
    except Timeout as error:
        raise InputError(
            f"{path}: this session is running in another process; end that one first"
        ) from error


def session_path(folder: Path, participant: str, session: str, task: Task) -> Path:
    """Path of a session's table."""
    subject, visit = f"sub-{participant}", f"ses-{session}"
    name = f"{subject}_{visit}_task-{_camel(task.name)}_run-01_beh.tsv"
    return folder / subject / visit / "beh" / name


def _camel(name: str) -> str:
    """BIDS labels hold letters and digits alone: match_to_sample is matchToSample."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _open(
    path: Path, task: Task, facts: Mapping[str, Any], sitting: Mapping[str, Any], instructions: str
) -> Record:
    description = path.with_suffix(".json")
    before = read_json(description) if description.is_file() else {}
    if path.exists() and not description.is_file():
        raise InputError(
            f"{path}: its description {description.name} is missing; restore it, or start "
            "another session with --session"
        )
    answered: list[Made] = []
    if begun(path, before):
        _check_same(path, before, facts)
        answered = _kept_rows(path, task)
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
    # The description comes first: a table without one could not go on.
    write_json(description, sidecar)
    if not answered:
        with whole_file(path) as beside:
            beside.write_bytes(tsv_line(columns.names(task)))
    try:
        file = path.open("ab")
    except OSError as error:
        raise cannot_write(path, error) from error
    return Record(path, sidecar, task, answered, file)


def begun(path: Path, sidecar: Mapping[str, Any]) -> bool:
    """Return whether a session is bound to what it was begun with: its table holds a row."""
    if sidecar.get("Finished"):
        return True
    # The header was written whole: a table without a whole line was altered, which is told later.
    return path.is_file() and _content(path).count(b"\n") != 1


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _check_same(path: Path, sidecar: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Refuse to go on with a session that is finished, or was begun otherwise."""
    if not path.is_file():
        raise Changed(
            f"{path}: the table of this finished session is missing; restore it from a copy, or "
            f"remove {path.with_suffix('.json').name} to ask the session again"
        )
    began = sidecar.get("Session", {})
    for key, value in json.loads(json.dumps(facts)).items():
        if began.get(key) != value:
            what = ", ".join(differences(began.get(key), value)) or key
            raise Changed(
                f"{path}: this session was begun with another {key} ({what}); put it back to "
                "finish the session, or start another with --session"
            )
    if sidecar.get("Finished"):
        raise Finished(
            f"{path}: this session is finished; start another with --session, or use another "
            "participant code"
        )


def check_open(
    folder: Path, participant: str, session: str, task: Task, facts: Mapping[str, Any]
) -> None:
    """Find out before a window opens whether a session can be asked; see `opened`."""
    path = session_path(folder, participant, session, task)
    description = path.with_suffix(".json")
    if description.is_file() and begun(path, before := read_json(description)):
        _check_same(path, before, facts)


def _kept_rows(path: Path, task: Task) -> list[Made]:
    """Read the rows on disk; cut off a last one that was not written whole."""
    content = _content(path)
    whole = content[: content.rfind(b"\n") + 1]
    names = columns.names(task)
    rows = list(csv.reader(io.StringIO(whole.decode(errors="replace")), delimiter="\t"))
    if not rows or tuple(rows[0]) != names:
        raise InputError(
            f"{path}: line 1 is not the header that this version of the suite writes; restore the "
            "file, or finish the session with the version that began it"
        )
    made = []
    for number, cells in enumerate(rows[1:], start=2):
        if len(cells) != len(names):
            raise InputError(
                f"{path}: line {number} has {len(cells)} cells, not {len(names)}: the file was "
                "altered; restore it, or start another session with --session"
            )
        made.append(_made(dict(zip(names, cells, strict=True)), task, f"{path}: line {number}"))
    if len(whole) < len(content):
        _cut(path, len(whole))
    return made


def _made(row: Mapping[str, str], task: Task, where: str) -> Made:
    numbers = range(1, task.images + 1)
    dropped = [row[f"dropped_{number}"] for number in numbers]
    for cell in dropped:
        if cell != columns.MISSING and not cell.isdecimal():
            raise InputError(
                f"{where}: dropped frames '{cell}' are no whole number: the file was altered; "
                "restore it, or start another session with --session"
            )
    return Made(
        row["phase"],
        row["correct"] == "1",
        tuple(row[f"stimulus_{number}"] for number in numbers),
        tuple(int(cell) for cell in dropped if cell != columns.MISSING),
    )


def _cut(path: Path, length: int) -> None:
    try:
        with path.open("rb+") as file:
            file.truncate(length)
            os.fsync(file.fileno())
    except OSError as error:
        raise cannot_write(path, error) from error


def discard(folder: Path, participant: str, session: str, task: Task) -> None:
    """Remove a simulated session, so that it can be made anew."""
    path = session_path(folder, participant, session, task)
    # The description last: without it, a table is refused.
    for file in (path, path.with_suffix(".json")):
        file.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds a mapping."""
    try:
        return json_of(path.read_bytes(), path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def json_of(content: bytes, path: Path) -> dict[str, Any]:
    """Return the mapping that the bytes of a JSON file hold."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: holds no mapping; restore the file")
    return found


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as JSON, whole or not at all."""
    with whole_file(path) as beside:
        text = json.dumps(content, indent=2, ensure_ascii=False)
        beside.write_text(f"{text}\n", encoding="utf-8")
