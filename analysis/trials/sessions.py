"""All sessions of a study as one frame of trials, joined with the stimulus set that they showed.

Every cell is checked on the way in: a message names file, row (line of the file), column and value.
"""

import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from analysis.trials import pooling, searches
from analysis.trials.session_cells import NUMBERS, check, check_against_set, runs
from psychophysics.data import bids_names, session_files
from psychophysics.data.data_set import ObserverKind
from psychophysics.data.json_files import parse_json
from psychophysics.data.same_experiment import session_name
from psychophysics.tasks.registry import TASKS
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet

MISSING = "n/a"
MODEL = "model"

TEXT = ("phase", "condition", "target", "family", "attribute", "model", "layer", "comparison")
NEEDED = (
    *TEXT, *NUMBERS, "trial", "special", "same", "response", "correct_response", "response_time",
)  # fmt: skip


def load(
    folder: Path,
    stimuli: StimulusSet,
    *,
    apart: bool = False,
    like: str | None = None,
    excluded: Collection[str] = (),
) -> pd.DataFrame:
    """Read every session of people, or of simulated observers, in a data folder.

    Sessions that a model answered are left out: it is no participant. What models make of the
    trials comes from their distances (`analysis.statistics.model_observers`).

    Parameters
    ----------
    folder
        BIDS data: ``data/`` or ``data-simulated/``.
    stimuli
        The set that was shown.
    apart, like, excluded
        Which sessions are left out, where there are some of another set or experiment
        (`analysis.trials.pooling.pooled`); by default they are refused.

    Returns
    -------
    pandas.DataFrame
        The frame of `analysis.trials.frame`: observer (participant), condition (attribute, and the
        model of the search),
        stimulus, level, correct, n, task, same; and session, trial, phase, target, family,
        attribute, model, layer, run, role (``result``, ``control`` or ``pixel``),
        physical_distance, response, response_time, special, dropped (frames), finished,
        ``image_1`` … (stimulus ids, in order), kind (``person`` or ``simulated``), source; and of
        the search at_result (the comparison is its end, or the control at the level of that),
        verdict and unit (`analysis.trials.searches`). All phases are in it. ``attrs``: ``models``
        counts the sessions of models that were left out, ``left_out`` lists those of another set or
        experiment as `analysis.trials.exclusions` does, ``notes`` says what differs between
        sessions, and ``data_sha256`` is the hash of all files that were read, taken of those very
        bytes.

    Raises
    ------
    InputError
        There is no session but of models, or one is there twice; a file is too large, not UTF-8,
        lacks a column, holds a trial twice or a cell that is not allowed; sessions are of several
        sets or experiments; one tells of an image, a level or a search otherwise than the set.
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
    asked = {path: sidecars[path] for path in paths if kinds[path] != MODEL}
    if not asked:
        raise InputError(
            f"{folder}: holds sessions of models alone; mrd experiment run or simulate makes others"
        )
    pool = pooling.pooled(asked, stimuli, folder, apart=apart, like=like, excluded=excluded)
    frames, left_out, digests = [], [], []
    seen: dict[object, Path] = {}
    for path in paths:
        content = session_files.table_bytes(path)
        name = path.relative_to(folder).as_posix()
        digests.append((name, session_files.digest(content, described[path])))
        if path in pool.left_out:
            left_out.append(_entry(path, content, *pool.left_out[path]))
        elif path in asked:
            frames.append(_session(path, content, stimuli, sidecars[path], kinds[path]))
            _check_copy(path, content, seen)
    trials = searches.joined(pd.concat(frames, ignore_index=True), searches.of(stimuli))
    trials.attrs["models"] = len(paths) - len(asked)
    trials.attrs["left_out"] = left_out
    trials.attrs["notes"] = [*_without_table(folder, paths), *pool.notes]
    trials.attrs["data_sha256"] = session_files.data_hash(digests)
    return trials


def _without_table(folder: Path, tables: Sequence[Path]) -> list[str]:
    """Say which descriptions have no table: of an interrupted import, or a table that was lost."""
    return [
        f"{path}: has no table beside it, so there is no session to analyse; import the session "
        "again, or restore the table"
        for path in session_files.sidecars(folder)
        if path.with_suffix(".tsv") not in tables
    ]


def _check_copy(path: Path, content: bytes, seen: dict[object, Path]) -> None:
    """Refuse a session that is there twice: of one participant and session, or of equal rows."""
    for key in (session_name(path), hashlib.sha256(content).hexdigest()):
        if key in seen:
            raise InputError(
                f"{path}: is there twice: {seen[key]} is the same session; its trials would "
                "count double: move one out of the folder"
            )
        seen[key] = path


def _entry(path: Path, content: bytes, rule: str, detail: str) -> dict[str, object]:
    """Make the row of the exclusions for a session that is left out whole."""
    observer, session = session_name(path).split("/")
    raw = _read(path, content)
    trials = int((raw["phase"] == "main").sum()) if "phase" in raw else 0
    named = {"observer": observer, "session": session}
    return {"rule": rule, **named, "trials": trials, "detail": detail}


def _kind(path: Path, sidecar: Mapping[str, Any]) -> str:
    """Who answered a session: ``person``, ``model`` or ``simulated``, as its sidecar says."""
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
    """Read a table of text; nothing in it is interpreted yet."""
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
    if not sidecar.get("Finished"):  # a last row that was cut off was never over
        content = content[: content.rfind(b"\n") + 1]
    raw = _read(path, content)
    # Rows as people count them: the header is line 1.
    raw.index = pd.RangeIndex(2, len(raw) + 2)
    task = _task(path, sidecar)
    images = [f"stimulus_{number + 1}" for number in range(TASKS[task].images)]
    for column in (*NEEDED, *images):
        if column not in raw.columns:
            raise InputError(f"{path}: column '{column}' is missing; restore the file")
    if raw.empty:
        raise InputError(f"{path}: holds no trial; remove the session or run it")
    check(raw, task, path)
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
    subject, session = session_name(path).split("/")
    dropped = [column for column in raw.columns if column.startswith("dropped_")]
    frames = raw[dropped].apply(pd.to_numeric, errors="coerce").sum(axis=1)
    same = raw["same"] == "true"
    model = raw["model"].where(raw["model"] != MISSING, "pixels")
    made = pd.DataFrame(
        {
            "observer": subject,
            "session": session,
            "trial": raw["trial"].astype(int),
            "phase": raw["phase"],
            "condition": raw["attribute"] + ", by " + model,
            "stimulus": raw["stimulus"] if "stimulus" in raw else raw[images[0]],
            "level": raw["level"].astype(float),
            "physical_distance": raw["physical_distance"].astype(float),
            "correct": raw["correct"].astype(int),
            "n": 1,
            "task": task,
            "same": same,
            "target": raw["target"],
            "family": raw["family"],
            "attribute": raw["attribute"],
            "model": model,
            "layer": raw["layer"],
            "run": runs(raw),
            "role": raw["comparison"],
            "special": raw["special"],
            "response": raw["response"],
            "correct_response": raw["correct_response"],
            "response_time": pd.to_numeric(raw["response_time"], errors="coerce"),
            "dropped": frames,
            "finished": bool(sidecar.get("Finished")),
            "kind": kind,
            "source": str(path),
        }
    )
    for number, column in enumerate(images):
        made[f"image_{number + 1}"] = raw[column]
    return made
