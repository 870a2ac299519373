"""Read all sessions of a study as one frame of trials, joined with their stimulus set.

Every cell is checked; a message names file, row (line of the file), column and value.
"""

import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from analysis.trials import searches
from analysis.trials.session_checks import NUMBERS, check_against_set, check_cells, run_names
from analysis.trials.session_choice import choose_sessions
from psychophysics.data import bids_names, session_files
from psychophysics.data.columns import MISSING
from psychophysics.data.data_set import ObserverKind
from psychophysics.data.json_files import parse_json
from psychophysics.data.same_experiment import session_name
from psychophysics.tasks.registry import TASKS
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet

MODEL = "model"  # kind of observer

TEXT = ("phase", "condition", "target", "family", "attribute", "model", "layer", "comparison")
COPIED = (
    "phase", "target", "family", "attribute", "layer", "special", "response", "correct_response",
)  # fmt: skip
NEEDED = (
    *TEXT, *NUMBERS, "trial", "special", "same", "response", "correct_response", "response_time",
)  # fmt: skip


def load(
    folder: Path,
    stimuli: StimulusSet,
    *,
    other_sets: bool = False,
    like: str | None = None,
    excluded: Collection[str] = (),
) -> pd.DataFrame:
    """Read every session of people, or of simulated observers, in a data folder.

    Sessions answered by a model are skipped: a model is no participant; its answers are predicted
    from its distances (`analysis.statistics.model_observers`).

    Parameters
    ----------
    folder
        BIDS data: ``data/`` or ``data-simulated/``.
    stimuli
        The set that was shown.
    other_sets
        Whether sessions of other stimulus sets are excluded; by default they are refused.
    like
        A participant, or ``participant/session``: sessions of other experiments than this one are
        excluded; by default they are refused.
    excluded
        Participants excluded by the study; their experiment does not matter.

    Returns
    -------
    pandas.DataFrame
        The frame of `analysis.trials.frame`: observer (participant), condition (attribute and
        model of the search), stimulus, level, correct, n, task, same; and session, trial, phase,
        target, family, attribute, model, layer, run, role (``result``, ``control`` or ``pixel``),
        physical_distance, response, response_time (seconds), special, dropped (frames), finished,
        ``image_1`` … (stimulus ids, in order), kind (``person`` or ``simulated``), source (file);
        of the search, at_result (the result, or the control at its level), verdict and unit
        (`analysis.trials.searches`). It holds all phases. ``attrs``: ``models`` is the number of
        skipped sessions of models, ``left_out`` lists sessions of other sets or experiments as
        `analysis.trials.exclusions` does, ``notes`` lists differences between sessions, and
        ``data_sha256`` is the hash of all files as they were read.

    Raises
    ------
    InputError
        There are only sessions of models, or a session occurs twice; a file is too large, not
        UTF-8, lacks a column, has a trial twice or a cell that is not allowed; sessions are of
        several sets or experiments; a cell contradicts the set.
    """
    paths = session_files.tables(folder)
    if not paths:
        raise InputError(
            f"{folder}: holds no session (no {bids_names.TABLE_PATTERN}); "
            "mrd experiment run makes one"
        )
    described = {path: session_files.sidecar_bytes(path) for path in paths}
    sidecars = {
        path: parse_json(each, path.with_suffix(".json")) for path, each in described.items()
    }
    kinds = {path: _kind(path, sidecar) for path, sidecar in sidecars.items()}
    answered = {path: sidecars[path] for path in paths if kinds[path] != MODEL}
    if not answered:
        raise InputError(
            f"{folder}: holds only sessions of models; mrd experiment run or simulate makes others"
        )
    choice = choose_sessions(
        answered, stimuli, folder, other_sets=other_sets, like=like, excluded=excluded
    )
    frames, left_out, digests = [], [], []
    seen: dict[object, Path] = {}
    for path in paths:
        content = session_files.table_bytes(path)
        name = path.relative_to(folder).as_posix()
        digests.append((name, session_files.digest(content, described[path])))
        if path in choice.left_out:
            left_out.append(_excluded(path, content, *choice.left_out[path]))
        elif path in answered:
            frames.append(_session(path, content, stimuli, sidecars[path], kinds[path]))
            _check_copy(path, content, seen)
    every = pd.concat(frames, ignore_index=True)
    trials = searches.add_searches(every, searches.read_searches(stimuli))
    trials.attrs["models"] = len(paths) - len(answered)
    trials.attrs["left_out"] = left_out
    trials.attrs["notes"] = [*_without_table(folder, paths), *choice.notes]
    trials.attrs["data_sha256"] = session_files.data_hash(digests)
    return trials


def _without_table(folder: Path, tables: Sequence[Path]) -> list[str]:
    """Return a note for each sidecar without a table (interrupted import, or lost table)."""
    return [
        f"{path}: has no table beside it, so there is no session to analyse; import the session "
        "again, or restore the table"
        for path in session_files.sidecars(folder)
        if path.with_suffix(".tsv") not in tables
    ]


def _check_copy(path: Path, content: bytes, seen: dict[object, Path]) -> None:
    """Raise if a session occurs twice: the same participant and session, or equal rows."""
    for key in (session_name(path), hashlib.sha256(content).hexdigest()):
        if key in seen:
            raise InputError(
                f"{path}: occurs twice: {seen[key]} is the same session; its trials would "
                "count double: move one out of the folder"
            )
        seen[key] = path


def _excluded(path: Path, content: bytes, rule: str, detail: str) -> dict[str, object]:
    """Return the row for an excluded session in the table of exclusions."""
    observer, session = session_name(path).split("/")
    raw = _read(path, content)
    trials = int((raw["phase"] == "main").sum()) if "phase" in raw else 0
    named = {"observer": observer, "session": session}
    return {"rule": rule, **named, "trials": trials, "detail": detail}


def _kind(path: Path, sidecar: Mapping[str, Any]) -> str:
    """Return who answered a session: ``person``, ``model`` or ``simulated``."""
    session = sidecar.get("Session")
    kind = session.get("Observer") if isinstance(session, dict) else None
    if kind not in get_args(ObserverKind):
        raise InputError(
            f"{path.with_suffix('.json')}: Session.Observer is {kind!r}; allowed: "
            f"{', '.join(get_args(ObserverKind))}; restore the file, or move the session out of "
            "the folder"
        )
    return str(kind)


def _read(path: Path, content: bytes) -> pd.DataFrame:
    """Return a session's table as text."""
    options: dict[str, Any] = {"sep": "\t", "dtype": str, "keep_default_na": False}
    try:
        return pd.read_csv(io.BytesIO(content), encoding="utf-8", **options)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{path}: row {line}: not UTF-8; save the file as UTF-8") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path}: cannot be read as a table: {error}") from error


def _session(
    path: Path, content: bytes, stimuli: StimulusSet, sidecar: Mapping[str, Any], kind: str
) -> pd.DataFrame:
    if not sidecar.get("Finished"):  # the last row may be cut off
        content = content[: content.rfind(b"\n") + 1]
    raw = _read(path, content)
    # Lines of the file: the header is line 1.
    raw.index = pd.RangeIndex(2, len(raw) + 2)
    task = _task(path, sidecar)
    images = [f"stimulus_{number + 1}" for number in range(TASKS[task].images)]
    for column in (*NEEDED, *images):
        if column not in raw.columns:
            raise InputError(f"{path}: column '{column}' is missing; restore the file")
    if raw.empty:
        raise InputError(f"{path}: holds no trial; remove the session or run it")
    check_cells(raw, task, path)
    check_against_set(raw, images, stimuli, path)
    return _frame(raw, path, sidecar, task, images, kind)


def _task(path: Path, sidecar: Mapping[str, Any]) -> str:
    task = sidecar.get("TaskName")
    if not isinstance(task, str) or task not in TASKS:
        raise InputError(
            f"{path.with_suffix('.json')}: TaskName: {task!r}: allowed: {', '.join(TASKS)}"
        )
    return task


def _frame(
    raw: pd.DataFrame,
    path: Path,
    sidecar: Mapping[str, Any],
    task: str,
    images: Sequence[str],
    kind: str,
) -> pd.DataFrame:
    """Return a session's table as a frame of trials."""
    subject, session = session_name(path).split("/")
    dropped = [column for column in raw.columns if column.startswith("dropped_")]
    model = raw["model"].where(raw["model"] != MISSING, "pixels")
    return raw[[*COPIED]].assign(
        observer=subject,
        session=session,
        trial=raw["trial"].astype(int),
        condition=raw["attribute"] + ", by " + model,
        stimulus=raw["stimulus"] if "stimulus" in raw else raw[images[0]],
        level=raw["level"].astype(float),
        physical_distance=raw["physical_distance"].astype(float),
        correct=raw["correct"].astype(int),
        n=1,
        task=task,
        same=raw["same"] == "true",
        model=model,
        run=run_names(raw),
        role=raw["comparison"],
        response_time=pd.to_numeric(raw["response_time"], errors="coerce"),
        dropped=raw[dropped].apply(pd.to_numeric, errors="coerce").sum(axis=1),
        finished=bool(sidecar.get("Finished")),
        kind=kind,
        source=str(path),
        **{f"image_{number + 1}": raw[column] for number, column in enumerate(images)},
    )
