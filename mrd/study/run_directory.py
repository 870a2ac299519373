"""The run directory: the files of one search. A process killed at any moment loses little work.

::

    run.json       the resolved search, versions, hardware, status
    history.csv    one row per step
    states/NNNNN.npz
    criterion.json
    files.json     the size of every file of a finished run
    lock           locked by the process that writes the folder

`run.json` and states are written to a temporary file, which is then renamed. A search resumes from
its newest state; `rewind` first cuts `history.csv` back to that step.
"""

import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

from mrd.study import file_sizes, history
from mrd.study.checkpoint import DamagedStateError, SearchState, read_state, write_state
from mrd.study.provenance import hardware, versions
from mrd.study.storage import (
    is_locked,
    locked,
    plain,
    read_mapping,
    remove_leftovers,
    write_json,
    writing,
)
from scenes.base.errors import InputError, one_line

SCHEMA_VERSION = 1
KEPT_STATES = 3

# Paths, within a run's folder, of the files that are written under its lock.
WRITTEN_BY_SEARCH = (
    r"(run|criterion|files)\.json|history\.csv|preview\.png|turntable\.mp4|states/\d+\.npz|"
    r"(target|start|result)/(scene\.json|\w+-\w+\.(ply|exr))|"
    r"renders/(target|start|result)_[^/]+\.(exr|png)"
)

# Files that a search writes at its end; it writes them again if it resumes from its last state.
RESULTS = ("criterion.json", "preview.png", "turntable.mp4", "target/*", "start/*", "result/*",
           "renders/*")  # fmt: skip

Status = Literal["pending", "running", "interrupted", "done", "failed"]


class RunDirectory:
    """The files of one search.

    Parameters
    ----------
    path
        Folder of the run. It is not read or written until a method is called.
    """

    written: ClassVar[str] = WRITTEN_BY_SEARCH

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    def name(self) -> str:
        """Name of the run, which is the name of its folder."""
        return self.path.name

    @property
    def exists(self) -> bool:
        """Whether `run.json` exists."""
        return (self.path / "run.json").is_file()

    # ---- The record -----------------------------------------------------------------------------

    def create(self, resolved: Mapping[str, Any]) -> None:
        """Write `run.json` before any work; do nothing if it exists for the same search.

        Parameters
        ----------
        resolved
            The inputs of the run, in types that JSON has.

        Raises
        ------
        InputError
            The folder cannot be written, or holds a run of another search.
        """
        resolved = plain(resolved)
        if not self.exists:
            with writing(self.path / "run.json"):
                self.path.mkdir(parents=True, exist_ok=True)
            with locked(self.path, self._writer):  # two processes may start at the same moment
                if not self.exists:
                    self._write_first_record(resolved)
        if self.record()["resolved"] != resolved:
            raise InputError(f"{self.path}: run.json is of another search; move the folder away")

    def _write_first_record(self, resolved: Mapping[str, Any]) -> None:
        self.write_json(
            "run.json",
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
        """Return the content of `run.json`.

        Raises
        ------
        InputError
            The file is missing or damaged, or another version of the suite wrote it.
        """
        path = self.path / "run.json"
        record = self.read_json("run.json")
        if not isinstance(record, dict) or "resolved" not in record or "status" not in record:
            raise InputError(f"{path}: is no record of a run; move the folder away to run it again")
        if record.get("schema_version") != SCHEMA_VERSION:
            raise InputError(
                f"{path}: schema_version {record.get('schema_version')!r} is not "
                f"{SCHEMA_VERSION}; it was written by another version of this suite"
            )
        return record

    def read_json(self, name: str) -> Any:
        """Return the content of a JSON file of the run, such as `criterion.json`.

        Raises
        ------
        InputError
            The file is missing, or is not JSON.
        """
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(f"{path}: there is no such file") from error
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read ({error}); move the folder away to run it again"
            ) from error

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file of the run as a whole; NaN becomes null."""
        write_json(self.path / name, content)

    def judgement(self) -> dict[str, Any] | None:
        """Return the content of `criterion.json`; None if the file is missing or damaged."""
        return read_mapping(self.path / "criterion.json")

    def _update(self, **changes: Any) -> None:
        self.write_json("run.json", self.record() | changes)

    # ---- Status and lock ------------------------------------------------------------------------

    def status(self) -> Status:
        """Return the recorded status, or `interrupted`.

        A run is interrupted if its record says running but no process holds its lock, or done but
        one of its files is missing or damaged.
        """
        recorded: Status = self.record()["status"]
        stopped = recorded == "running" and not is_locked(self.path)
        return "interrupted" if stopped or (recorded == "done" and self.lost()) else recorded

    def results(self) -> Iterable[Path]:
        """Return the existing files that a finished run consists of."""
        return (path for pattern in RESULTS for path in self.path.glob(pattern))

    def lost(self) -> list[str]:
        """Return the files that disappeared, changed in size or became unreadable since the end."""
        lost = file_sizes.differing(self.path)
        return lost if self.judgement() else sorted({*lost, "criterion.json"})

    def loss(self) -> str:
        """Describe in one line the missing files of a finished run; "" if none, or not finished."""
        lost = self.lost() if self.exists and self.record()["status"] == "done" else []
        if not lost:
            return ""
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        return f"{self.path / lost[0]}{more}: missing or damaged; generate makes it again"

    @contextmanager
    def claim(self, is_done: Callable[[], bool] = lambda: False) -> Iterator[bool]:
        """Lock the run for the time of the block, with status `running`.

        An exception sets the status to `failed` with its message, and is raised again. After Ctrl+C
        or a kill, the status is `interrupted`. `finish` sets the status to `done`.

        Parameters
        ----------
        is_done
            Called once the run is locked: another process may have finished it in the meantime.

        Yields
        ------
        bool
            Whether there is work to do; if not, no file is changed.

        Raises
        ------
        InputError
            Another process writes the run, or the folder cannot be written.
        """
        with locked(self.path, self._writer):
            if is_done():
                yield False
                return
            try:
                self._begin_session()
                yield True
            except Exception as error:
                with suppress(InputError):  # the disk may be full: raise the first error
                    self._update(status="failed", message=one_line(error), finished=_now())
                raise

    def _begin_session(self) -> None:
        remove_leftovers(self.path, self.written)
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

    def _writer(self) -> str:
        """Return, for a message, the process that last began to write the run."""
        sessions = []
        with suppress(InputError):  # a new run has no record yet
            sessions = self.record()["sessions"]
        if not sessions:
            return "another process"
        return f"process {sessions[-1]['pid']} on {sessions[-1]['host']}"

    def finish(self, message: str = "") -> None:
        """Record that the run is done, and the size of each of its files."""
        file_sizes.note(self.path, self.results())
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
        history.append_row(self.path / "history.csv", row)

    def history(self) -> list[dict[str, float]]:
        """Return the complete rows of `history.csv`, in order."""
        return history.read_rows(self.path / "history.csv")

    # ---- States ---------------------------------------------------------------------------------

    def save_state(self, state: SearchState, keep: bool = False) -> None:
        """Write a state; delete all others except the newest three and those written with `keep`.

        Parameters
        ----------
        state
            State of the search after `state.step` steps.
        keep
            Whether the state is never deleted: a series along the search's trajectory needs it.

        Raises
        ------
        InputError
            The state cannot be written; the earlier states remain.
        """
        # If a state survives a power failure, the history up to its step must survive too.
        history.flush_to_disk(self.path / "history.csv")
        kept = set(self.record()["kept_states"])
        if keep and state.step not in kept:
            kept.add(state.step)
            self._update(kept_states=sorted(kept))
        write_state(state, self.state_path(state.step))
        for step in self.state_steps()[:-KEPT_STATES]:
            if step not in kept:
                self.state_path(step).unlink(missing_ok=True)

    def state_path(self, step: int) -> Path:
        """Return the file of the state after `step` steps."""
        return self.path / "states" / f"{step:05d}.npz"

    def state_steps(self) -> list[int]:
        """Return the steps that have a state file, in increasing order."""
        return sorted(
            int(file.stem) for file in self.path.glob("states/*.npz") if file.stem.isdigit()
        )

    def newest_state(self) -> tuple[SearchState | None, list[str]]:
        """Return the newest undamaged state, and a line for each newer state that is damaged.

        Returns
        -------
        state
            None if there is no undamaged state, so that the search begins again.
        problems
            Messages: each names a damaged file, and the state that is used instead.
        """
        damaged = []
        for step in reversed(self.state_steps()):
            try:
                state = read_state(self.state_path(step))
            except DamagedStateError as error:
                damaged.append(f"{self.state_path(step)} is damaged: {error}")
            else:
                return state, [f"{each}; resuming from {step:05d}.npz" for each in damaged]
        return None, [f"{each}; starting again" for each in damaged]

    def rewind(self, step: int) -> None:
        """Remove states and history rows of later steps than `step`, where the search resumes.

        Raises
        ------
        InputError
            A file cannot be written.
        """
        for later in self.state_steps():
            if later > step:
                with writing(self.state_path(later)):
                    self.state_path(later).unlink(missing_ok=True)
        history.cut_back(self.path / "history.csv", step)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
