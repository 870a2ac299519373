"""The run directory: all that a search leaves behind, written so that it can be killed anywhere.

::

    run.json       the resolved search, versions, hardware, status
    history.csv    a row per step
    states/NNNNN.npz
    criterion.json
    files.json     the size of every file that a finished run leaves
    lock           held by the one process that writes

`run.json` and states are written beside and renamed. `history.csv` grows by a line at a time, so
its last line may be torn by a kill; `rewind` cuts it back to the state that a search resumes from.
"""

import csv
import io
import json
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

from filelock import FileLock, Timeout

from mrd.study import file_sizes
from mrd.study.checkpoint import DamagedStateError, State, read_state, write_state
from mrd.study.json_files import plain, write_json, writing
from mrd.study.provenance import hardware, versions
from scenes.base.atomic_files import left_over_from, whole_file
from scenes.base.errors import InputError, one_line

SCHEMA_VERSION = 1
KEPT_STATES = 3
SECONDS_FOR_LOCK = 2.0  # longer than `mrd status` holds it while looking

# Files that are written under the lock of a run, or of images: paths within its folder.
WRITTEN_BY_SEARCH = (
    r"(run|criterion|files)\.json|history\.csv|preview\.png|turntable\.mp4|states/\d+\.npz|"
    r"(target|start|result)/(scene\.json|\w+-\w+\.(ply|exr))|"
    r"renders/(target|start|result)_[^/]+\.(exr|png)"
)

# What a finished search leaves, and a search that goes on from its last state makes again.
LEFT = ("criterion.json", "preview.png", "turntable.mp4", "target/*", "start/*", "result/*",
        "renders/*")  # fmt: skip

Status = Literal["pending", "running", "interrupted", "done", "failed"]


class RunDirectory:
    """One search on disk.

    Parameters
    ----------
    path
        Folder of the run. Nothing is read or written before a method asks for it.
    """

    written: ClassVar[str] = WRITTEN_BY_SEARCH

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    def name(self) -> str:
        """Name of the run, which is that of its folder."""
        return self.path.name

    @property
    def exists(self) -> bool:
        """Whether the run has been created."""
        return (self.path / "run.json").is_file()

    # ---- The record -----------------------------------------------------------------------------

    def create(self, resolved: Mapping[str, Any]) -> None:
        """Write `run.json` before any work; a run that exists and asks for the same is left alone.

        Parameters
        ----------
        resolved
            The search with nothing left to look up, JSON-able.

        Raises
        ------
        InputError
            The folder cannot be written, or holds a run of another search.
        """
        resolved = plain(resolved)
        if not self.exists:
            with writing(self.path / "run.json"):
                self.path.mkdir(parents=True, exist_ok=True)
            with self._locked():  # two processes may begin at once
                if not self.exists:
                    self._begin_record(resolved)
        if self.record()["resolved"] != resolved:
            raise InputError(f"{self.path}: run.json is of another search; move the folder away")

    def _begin_record(self, resolved: Mapping[str, Any]) -> None:
        write_json(
            self.path / "run.json",
            {
                "schema_version": SCHEMA_VERSION,
                "name": self.name,
                "resolved": resolved,
                "status": "pending",
                "message": "",
                "created": _now(),
                "started": None,
                "finished": None,
                "kept_states": [],
                "sessions": [],
            },
        )

    def record(self) -> dict[str, Any]:
        """Content of `run.json`.

        Raises
        ------
        InputError
            It is missing or damaged, or was written by a newer version.
        """
        path = self.path / "run.json"
        record = self.read_json("run.json")
        if not isinstance(record, dict) or "resolved" not in record or "status" not in record:
            raise InputError(f"{path}: is no record of a run; move the folder away to run it anew")
        if record.get("schema_version") != SCHEMA_VERSION:
            raise InputError(
                f"{path}: schema_version {record.get('schema_version')!r} is not "
                f"{SCHEMA_VERSION}; it was written by another version of this suite"
            )
        return record

    def read_json(self, name: str) -> Any:
        """Content of a JSON file of the run, such as `criterion.json`.

        Raises
        ------
        InputError
            It is missing or no JSON.
        """
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(f"{path}: there is no such file") from error
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read ({error}); move the folder away to run it anew"
            ) from error

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file of the run in one step; NaN becomes null."""
        write_json(self.path / name, content)

    def judgement(self) -> dict[str, Any] | None:
        """What `criterion.json` holds; None where it is missing or damaged."""
        with suppress(InputError):
            content = self.read_json("criterion.json")
            return content if isinstance(content, dict) else None
        return None

    def _update(self, **changes: Any) -> None:
        self.write_json("run.json", self.record() | changes)

    # ---- Status and lock ------------------------------------------------------------------------

    def status(self) -> Status:
        """Where the run stands: what it is on paper, or `interrupted`.

        That is what it is if it is running on paper and nobody writes it, or done on paper and
        something of it is lost.
        """
        recorded: Status = self.record()["status"]
        stopped = recorded == "running" and not self._claimed()
        return "interrupted" if stopped or (recorded == "done" and self.lost()) else recorded

    def left(self) -> Iterable[Path]:
        """Files that it leaves when it is done."""
        return (path for pattern in LEFT for path in self.path.glob(pattern))

    def lost(self) -> list[str]:
        """Files that are gone, cut, or unreadable since it was done."""
        lost = file_sizes.differing(self.path)
        return lost if self.judgement() else sorted({*lost, "criterion.json"})

    def loss(self) -> str:
        """Say in one line what a run that was done has lost; "" where it is whole or not done."""
        lost = self.lost() if self.exists and self.record()["status"] == "done" else []
        if not lost:
            return ""
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        return f"{self.path / lost[0]}{more}: missing or damaged; generate makes it again"

    def _claimed(self) -> bool:
        lock = self.path / "lock"
        if not lock.exists():
            return False
        try:
            with FileLock(lock, timeout=0):
                return False
        except (Timeout, OSError):  # somebody else's, or a read-only disk: believe run.json
            return True

    @contextmanager
    def claim(self, is_done: Callable[[], bool] = lambda: False) -> Iterator[bool]:
        """Be the one process that writes this run; meanwhile its status is `running`.

        The operating system holds the lock, so that of a killed process is free at once. An
        exception is recorded as the status `failed` with its message, and goes on; an interrupt
        leaves the run `interrupted`. `finish` makes it `done`.

        Parameters
        ----------
        is_done
            Asked with the lock held: another process may have finished the run since this one
            found out that it was to be done.

        Yields
        ------
        bool
            Whether there is work to do; if not, nothing is changed.

        Raises
        ------
        InputError
            Another process writes the run, or the folder cannot be written.
        """
        with self._locked():
            if is_done():
                yield False
                return
            try:
                self._begin()
                yield True
            except Exception as error:
                with suppress(InputError):  # a full disk: the first error is the one to tell
                    self._update(status="failed", message=one_line(error), finished=_now())
                raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = FileLock(self.path / "lock", timeout=SECONDS_FOR_LOCK)
        with writing(self.path):
            try:
                lock.acquire()
            except Timeout as error:
                raise InputError(
                    f"{self.path} is being written by {self._writer()}; "
                    "wait for it, or stop it first"
                ) from error
        try:
            yield
        finally:
            lock.release()

    def _begin(self) -> None:
        self._remove_leftovers()
        record = self.record()
        session = {
            "started": _now(),
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "versions": versions(),
            "hardware": hardware(),
        }
        self._update(
            status="running",
            message="",
            started=record["started"] or session["started"],
            finished=None,
            sessions=[*record["sessions"], session],
        )

    def _remove_leftovers(self) -> None:
        """Remove what `whole_file` left of files of this run when it was killed, and no others.

        Only with the lock. What cannot be removed stays.
        """
        for path in (*self.path.glob(".*"), *self.path.glob("*/.*")):
            meant = left_over_from(path.relative_to(self.path))
            if meant and re.fullmatch(self.written, meant.as_posix()) and path.is_file():
                with suppress(OSError):
                    path.unlink()

    def _writer(self) -> str:
        sessions = []
        with suppress(InputError):  # of one that begins just now there is no record yet
            sessions = self.record()["sessions"]
        if not sessions:
            return "another process"
        return f"process {sessions[-1]['pid']} on {sessions[-1]['host']}"

    def finish(self, message: str = "") -> None:
        """Record that the run is done, and the size of every file that it leaves."""
        file_sizes.note(self.path, self.left())
        self._update(status="done", message=message, finished=_now())

    # ---- History --------------------------------------------------------------------------------

    def append_history(self, row: Mapping[str, Any]) -> None:
        """Add a row to `history.csv`.

        Parameters
        ----------
        row
            Numbers by column, `step` among them; every row has the columns of the first.

        Raises
        ------
        InputError
            The file cannot be written.
        ValueError
            The columns differ from those of the first row.
        """
        path = self.path / "history.csv"
        columns = _columns(path) or list(row)
        if set(columns) != set(row) or "step" not in row:
            raise ValueError(f"history has the columns {columns}, and the row {list(row)}")
        with writing(path), path.open("a", newline="", encoding="utf-8") as file:
            file.write(_csv_rows([row], columns, header=file.tell() == 0))

    def history(self) -> list[dict[str, float]]:
        """Whole rows of `history.csv`, in order; a line torn by a kill is left out."""
        path = self.path / "history.csv"
        if not path.is_file():
            return []
        text = path.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]
        rows = []
        for row in csv.DictReader(io.StringIO(whole)):
            if None in row or None in row.values():
                continue
            with suppress(ValueError):
                rows.append({column: float(value) for column, value in row.items()})
        return rows

    # ---- States ---------------------------------------------------------------------------------

    def save_state(self, state: State, keep: bool = False) -> None:
        """Write a state, and drop all but the newest three and those that are to be kept.

        Parameters
        ----------
        state
            Where the search stands after `state.step` steps.
        keep
            Whether it stays for good, as a state of the search's trajectory.

        Raises
        ------
        InputError
            The state cannot be written; the earlier ones are still there.
        """
        _flush(self.path / "history.csv")
        kept = set(self.record()["kept_states"])
        if keep and state.step not in kept:
            kept.add(state.step)
            self._update(kept_states=sorted(kept))
        write_state(state, self.state_path(state.step))
        for step in self.state_steps()[:-KEPT_STATES]:
            if step not in kept:
                self.state_path(step).unlink(missing_ok=True)

    def state_path(self, step: int) -> Path:
        """File of the state after `step` steps."""
        return self.path / "states" / f"{step:05d}.npz"

    def state_steps(self) -> list[int]:
        """List the steps of which there is a state file, in growing order."""
        return sorted(
            int(file.stem) for file in self.path.glob("states/*.npz") if file.stem.isdigit()
        )

    def newest_state(self) -> tuple[State | None, list[str]]:
        """Newest state that is whole, and a line for every newer one that is damaged.

        Returns
        -------
        state
            None where a search has to begin at its start.
        problems
            What to tell: each names a damaged file, and what is used in its place.
        """
        damaged = []
        for step in reversed(self.state_steps()):
            try:
                state = read_state(self.state_path(step))
            except DamagedStateError as error:
                damaged.append(f"{self.state_path(step)} is damaged: {error}")
            else:
                return state, [f"{each}; going on from {step:05d}.npz" for each in damaged]
        return None, [f"{each}; starting again" for each in damaged]

    def rewind(self, step: int) -> None:
        """Drop states and rows of the history after `step`: the search goes on from there.

        Raises
        ------
        InputError
            A file cannot be written.
        """
        for later in self.state_steps():
            if later > step:
                with writing(self.state_path(later)):
                    self.state_path(later).unlink(missing_ok=True)
        path = self.path / "history.csv"
        if not path.is_file():
            return
        rows = [row for row in self.history() if row["step"] <= step]
        if not rows:
            with writing(path):
                path.unlink()
            return
        with whole_file(path) as beside:
            text = _csv_rows(rows, list(rows[0]), header=True)
            beside.write_text(text, encoding="utf-8", newline="")


def _columns(path: Path) -> list[str]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def _csv_rows(rows: list[Any], columns: list[str], header: bool) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows({column: _number(row[column]) for column in columns} for row in rows)
    return text.getvalue()


def _number(value: Any) -> str:
    """Shortest text that reads back as the same number; whole numbers without a point."""
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def _flush(path: Path) -> None:
    # A state on disk promises that the history up to it is there too, power failure included.
    if path.is_file():
        with writing(path), path.open("rb+") as file:
            os.fsync(file.fileno())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
