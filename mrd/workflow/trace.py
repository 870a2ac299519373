"""Trace a stimulus to its scene, run and models, and to the trials that showed it.

Everything is read from the study's files. Files that are not on this machine, such as runs on the
experiment computer, are returned as missing.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.report import provenance
from mrd.study import image_directory
from mrd.study.image_directory import ImageDirectory
from mrd.study.run_directory import RunDirectory
from mrd.study.storage import plain
from mrd.study.study import Study
from psychophysics.data import session_files
from psychophysics.data.bids_names import PEOPLE, SIMULATED
from psychophysics.data.json_files import read_json
from scenes.base.errors import InputError
from scenes.base.inside_folder import below
from stimuli.intake import ImageRecord
from stimuli.stimulus_set import StimulusSet

Fact = dict[str, Any]


def trace(study: Study, stimulus: str, path: Path | None = None) -> Fact:
    """Return where a stimulus came from and where it was shown, as plain data.

    Parameters
    ----------
    study
        The study.
    stimulus
        Its ``stimulus_id``.
    path
        Path of the set; by default the study's ``stimuli.h5``.

    Returns
    -------
    dict
        ``stimulus`` (its row of the table), ``set``, ``scene``, ``files`` (the rendered images),
        ``run`` (search, seeds, model with its weights, verdict, versions, machine; None for images
        that a family shares), ``models`` (the embedded models, with their weights),
        ``trials``, and ``dots`` (the points in the report's figures that include its trials).

    Raises
    ------
    InputError
        There is no set, or no such stimulus in it.
    """
    with StimulusSet(path or study.stimulus_set) as stimuli:
        row = plain(stimuli.table.iloc[stimuli.row(stimulus)].to_dict())
        row = {name: value for name, value in row.items() if not _is_empty(value)}
        of_set = {
            "file": str(stimuli.path),
            "content_hash": stimuli.content_hash,
            "made": stimuli.provenance.get("made"),
            "versions": stimuli.provenance.get("versions"),
        }
        models = {name: _model(stimuli, name) for name in stimuli.models}
    images = _images(study, row)
    return {
        "stimulus": row,
        "set": of_set,
        "scene": _scene(row, images),
        "files": _files(row, images),
        "run": _run(study, row.get("run")),
        "models": models,
        "trials": _trials(study, stimulus),
        "dots": _dots(study, stimulus),
    }


def _is_empty(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value == ""


def _model(stimuli: StimulusSet, name: str) -> Fact:
    """Return network, layers, weights with their hash, and libraries of an embedded model."""
    group, record = stimuli.model_group(name), stimuli.results(name).record
    facts = {key: record.get(key) for key in ("network", "weights", "front_end", "libraries")}
    layers = list(stimuli.models[name])
    return {**facts, "layers": layers, "content_hash": str(group.attrs["content_hash"])}


# ---- Origin -------------------------------------------------------------------------------------


def _images(study: Study, row: Mapping[str, Any]) -> ImageDirectory:
    """Return the folder into which the image was rendered."""
    name = row["run" if "run" in row else "family"]
    below(study.runs, name, study.stimulus_set)  # the set may come from others
    if "run" in row:
        return image_directory.of_run(study.runs, name)
    return image_directory.of_family(study.runs, name)


def _record(row: Mapping[str, Any], images: ImageDirectory) -> ImageRecord | None:
    """Return the record of the rendered image; None if it is not on this machine."""
    return images.finished().get(row["stimulus_id"])


def _scene(row: Mapping[str, Any], images: ImageDirectory) -> Fact:
    """Return the hash of the scene, and its file in the runs (the set contains the scene too)."""
    record = _record(row, images)
    file = None if record is None else images.path / record.scene_file
    return {"sha256": row["scene"], "file": _if_exists(file)}


def _files(row: Mapping[str, Any], images: ImageDirectory) -> Fact:
    """Return the rendered files, and whether they are complete and show the scene in the set."""
    record = _record(row, images)
    if record is None:
        return {"folder": _if_exists(images.path), "radiance": None, "display": None, "whole": None}
    return {
        "folder": _if_exists(images.path),
        "radiance": _if_exists(images.path / record.radiance_file),
        "display": _if_exists(images.path / record.display_file),
        "whole": images.is_whole(record) and record.scene == row["scene"],
    }


def _if_exists(path: Path | None) -> str | None:
    """Return the path of a file or folder as text; None if it does not exist."""
    return str(path) if path is not None and path.exists() else None


def _run(study: Study, name: str | None) -> Fact | None:
    """Return the facts of the search that made the image; None if there was none."""
    if name is None:
        return None
    directory = RunDirectory(below(study.runs, name, study.stimulus_set))
    if not directory.exists:
        return {"name": name, "folder": None}
    record = directory.record()
    resolved, judgement = record["resolved"], directory.judgement() or {}
    session = record["sessions"][-1] if record["sessions"] else {}
    return {
        "name": name,
        "folder": str(directory.path),
        "target": resolved.get("target"),
        "start": resolved.get("start"),
        "result": judgement.get("result"),
        "model": resolved.get("model"),
        "search": resolved.get("search"),
        "seeds": resolved.get("seeds"),
        "verdict": judgement.get("verdict"),
        "started": record["started"],
        "finished": record["finished"],
        "versions": session.get("versions"),
        "hardware": session.get("hardware"),
    }


# ---- Trials and figures -------------------------------------------------------------------------


def _trials(study: Study, stimulus: str) -> list[Fact]:
    """Return every trial that showed the stimulus, with its file, line and answer."""
    trials: list[Fact] = []
    for folder in (PEOPLE, SIMULATED):
        for path in session_files.find(study.folder / folder).tables:
            trials += _of_session(path, stimulus)
    return trials


def _of_session(path: Path, stimulus: str) -> list[Fact]:
    """Return the trials of one session that showed the stimulus."""
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a table: {error}") from error
    shown = table[[name for name in table.columns if name.startswith("stimulus_")]]
    subject, session = (part.split("-", 1)[1] for part in path.name.split("_")[:2])
    observer = None
    with suppress(InputError):
        observer = read_json(path.with_suffix(".json")).get("Session", {}).get("Observer")
    return [
        {
            "participant": subject,
            "session": session,
            "observer": observer,
            "file": str(path),
            "line": int(index) + 2,  # the header is line 1
            **{
                name: table.at[index, name]
                for name in ("trial", "phase", "condition", "level", "response", "correct")
                if name in table.columns
            },
        }
        for index in table.index[(shown == stimulus).any(axis=1)]
    ]


def _dots(study: Study, stimulus: str) -> list[Fact]:
    """Return the points in the report's figures that include the stimulus's trials."""
    path = study.folder / provenance.REPORT / provenance.TABLES / "stimuli.csv"
    if not path.is_file():
        return []
    table = pd.read_csv(path, dtype={"stimulus_id": str})
    own = table[table["stimulus_id"] == stimulus]
    columns = ["condition", "target", "level", "x", "trials", "correct"]
    cells: list[Fact] = plain(own[columns].to_dict("records"))
    return cells
