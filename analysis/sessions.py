"""All sessions of a study as one frame of trials, joined with the stimulus set that they showed.

Every cell is checked on the way in: a message names file, row (line of the file), column and value.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from analysis import searches
from analysis.session_cells import NUMBERS, check, check_against_set, runs
from psychophysics.data_set import Kind
from psychophysics.records import read_json
from psychophysics.tasks.registry import TASKS
from scenes.errors import InputError
from stimuli.stimulus_set import StimulusSet

MOST_BYTES = 200_000_000  # of one session's table: some 500 000 trials
TABLES = "sub-*/ses-*/beh/*_beh.tsv"
MISSING = "n/a"
MODEL = "model"

TEXT = ("phase", "condition", "target", "family", "attribute", "model", "layer", "comparison")
NEEDED = (
    *TEXT, *NUMBERS, "trial", "special", "same", "response", "correct_response", "response_time",
)  # fmt: skip


def load(folder: Path, stimuli: StimulusSet) -> pd.DataFrame:
    """Read every session of people, or of simulated observers, in a data folder.

    Sessions that a model answered are left out: it is no participant. What models make of the
    trials comes from their distances (`analysis.model_observers`).

    Parameters
    ----------
    folder
        BIDS data: ``data/`` or ``data-simulated/``.
    stimuli
        The set that was shown.

    Returns
    -------
    pandas.DataFrame
        The frame of `analysis.trials`: observer (participant), condition (attribute, and the
        model of the search),
        stimulus, level, correct, n, task, same; and session, trial, phase, target, family,
        attribute, model, layer, run, role (``result``, ``control`` or ``pixel``),
        physical_distance, response, response_time, special, dropped (frames), finished,
        ``image_1`` … (stimulus ids, in order), kind (``person`` or ``simulated``), source; and of
        the search at_result (the comparison is its end, or the control at the level of that),
        verdict and unit (`analysis.searches`). All phases are in it; ``attrs["models"]`` counts
        the sessions of models that were left out.

    Raises
    ------
    InputError
        There is no session but of models, or one is there twice; a file is too large, not UTF-8,
        lacks a column, holds a trial twice or a cell that is not allowed; it was made with another
        set, or tells of an image, a level or a search otherwise than the set; tasks are mixed.
    """
    paths = sorted(folder.glob(TABLES))
    if not paths:
        raise InputError(f"{folder}: holds no session (no {TABLES}); mrd experiment run makes one")
    sidecars = {path: read_json(path.with_suffix(".json")) for path in paths}
    kinds = {path: _kind(path, sidecar) for path, sidecar in sidecars.items()}
    asked = [path for path in paths if kinds[path] != MODEL]
    if not asked:
        raise InputError(
            f"{folder}: holds sessions of models alone; mrd experiment run or simulate makes others"
        )
    read = [_session(path, stimuli, sidecars[path], kinds[path]) for path in asked]
    trials = searches.joined(pd.concat(read, ignore_index=True), searches.of(stimuli))
    tasks = sorted(trials["task"].unique())
    if len(tasks) > 1:
        raise InputError(
            f"{folder}: sessions of several tasks ({', '.join(tasks)}); analyse one at a time"
        )
    _check_copies(asked)
    trials.attrs["models"] = len(paths) - len(asked)
    return trials


def _check_copies(paths: Sequence[Path]) -> None:
    """Refuse a session that is there twice, in a copied folder or under another's name."""
    seen: dict[object, Path] = {}
    for path in paths:
        for key in (_codes(path), hashlib.sha256(path.read_bytes()).hexdigest()):
            if key in seen:
                raise InputError(
                    f"{path}: is there twice: {seen[key]} is the same session; its trials would "
                    "count double: move one out of the folder"
                )
            seen[key] = path


def _kind(path: Path, sidecar: dict[str, Any]) -> str:
    """Who answered a session: ``person``, ``model`` or ``simulated``, as its sidecar says."""
    session = sidecar.get("Session")
    kind = session.get("Observer") if isinstance(session, dict) else None
    if kind not in get_args(Kind):
        raise InputError(
            f"{path.with_suffix('.json')}: Session.Observer is {kind!r}; allowed: "
            f"{', '.join(get_args(Kind))}; restore the file, or move the session out of the folder"
        )
    return str(kind)


def _codes(path: Path) -> tuple[str, str]:
    """Participant and session, from the name of the file."""
    named = re.match(r"sub-([^_]+)_ses-([^_]+)_", path.name)
    if named is None:
        raise InputError(
            f"{path}: is not named sub-…_ses-…_beh.tsv; give it the name that it was written "
            "under, or move it out of the folder"
        )
    return named[1], named[2]


def _read(path: Path) -> pd.DataFrame:
    """Read a table of text; nothing in it is interpreted yet."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise InputError(
            f"{path}: {size / 1e6:.0f} MB; at most {MOST_BYTES / 1e6:.0f} MB are read for one "
            "session: split the file by session"
        )
    try:
        return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(f"{path}: row {line}: not UTF-8; save the file as UTF-8") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path}: cannot be read as a table: {error}") from error


def _session(path: Path, stimuli: StimulusSet, sidecar: dict[str, Any], kind: str) -> pd.DataFrame:
    raw = _read(path)
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
    _check_set(sidecar, stimuli, path)
    check_against_set(raw, images, stimuli, path)
    return _frame(raw, path, sidecar, task, images, kind)


def _task(path: Path, sidecar: dict[str, Any]) -> str:
    task = sidecar.get("TaskName")
    if not isinstance(task, str) or task not in TASKS:
        raise InputError(
            f"{path.with_suffix('.json')}: TaskName: {task!r}: allowed: {', '.join(TASKS)}"
        )
    return task


def _check_set(sidecar: dict[str, Any], stimuli: StimulusSet, path: Path) -> None:
    shown = sidecar.get("Session", {}).get("StimulusSet")
    if shown != stimuli.content_hash:
        raise InputError(
            f"{path}: was made with stimulus set {str(shown)[:12]}, and {stimuli.path} is "
            f"{stimuli.content_hash[:12]}; analyse it with its own set"
        )


def _frame(
    raw: pd.DataFrame,
    path: Path,
    sidecar: dict[str, Any],
    task: str,
    images: Sequence[str],
    kind: str,
) -> pd.DataFrame:
    subject, session = _codes(path)
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
