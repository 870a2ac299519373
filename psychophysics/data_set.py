"""The data set around the sessions: who takes part, what BIDS asks of the folder, all its rows.

::

    data/  dataset_description.json  README  participants.tsv  participants.json
           sub-01/ses-01/beh/…  a session (`psychophysics.records`)
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import pandas as pd
from filelock import FileLock

from psychophysics.records import read_json, tsv_line, write_json
from scenes.atomic import check_writable, remove_leftovers, whole_file
from scenes.errors import InputError

BIDS_VERSION = "1.10.0"
Kind = Literal["person", "simulated", "model"]

_DESCRIPTIONS = ("dataset_description.json", "participants.json", "README")
_PARTICIPANTS = {
    "participant_id": {"Description": "Code of the participant."},
    "order": {
        "Description": "Number of the participant, from 0, in the order of first sessions; of "
        "those at a page in a browser, the number that the page was made with. It picks the row "
        "of the balanced Latin square of blocks and, where the study asks for it, whether keys are "
        "swapped (the entry Counterbalance of a session's description names the rule)."
    },
    "observer": {
        "Description": "Who answered.",
        "Levels": {
            "person": "a person at a window, or at a page in a browser",
            "simulated": "a simulated observer, in place of a person",
            "model": "a model, by its distances: no participant",
        },
    },
}


def enrolled(
    folder: Path, study: str, participant: str, observer: Kind, number: int | None = None
) -> int:
    """Enter a participant in the data set, and return their number, from 0.

    Parameters
    ----------
    folder
        Of the data; made if it is missing.
    study
        Name of the study.
    participant
        Code.
    observer
        Who it is.
    number
        Given to who is not enrolled yet; without it, one more than the largest there is.

    Raises
    ------
    InputError
        The folder cannot be written, or two codes differ in upper and lower case alone.
    """
    check_writable(folder)
    with FileLock(folder / ".participants.lock"):
        table = folder / "participants.tsv"
        for file in (table, *(folder / name for name in _DESCRIPTIONS)):
            remove_leftovers(file)
        _describe(folder, study)
        rows = _participants(table)
        there = _number(rows, participant)
        if there is not None:
            return there
        if number is None:
            number = max((int(row["order"]) for row in rows), default=-1) + 1
        rows.append(
            {"participant_id": f"sub-{participant}", "order": str(number), "observer": observer}
        )
        with whole_file(table) as beside:
            lines = [list(_PARTICIPANTS), *([row[key] for key in _PARTICIPANTS] for row in rows)]
            beside.write_bytes(b"".join(map(tsv_line, lines)))
        return number


def number_of(folder: Path, participant: str) -> int | None:
    """Return the number of a participant who is enrolled, else None.

    Raises
    ------
    InputError
        Two codes differ in upper and lower case alone, or ``participants.tsv`` was altered.
    """
    return _number(_participants(folder / "participants.tsv"), participant)


def _number(rows: Iterable[Mapping[str, str]], participant: str) -> int | None:
    for row in rows:
        code = row["participant_id"].removeprefix("sub-")
        if code == participant:
            return int(row["order"])
        if code.lower() == participant.lower():
            raise InputError(
                f"participant '{participant}': there is '{code}' already, and some file "
                "systems take both for one; use another code"
            )
    return None


def _participants(table: Path) -> list[dict[str, str]]:
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    if any(set(row) != set(_PARTICIPANTS) or not row["order"].isdecimal() for row in rows):
        raise InputError(f"{table}: was altered; its columns are {', '.join(_PARTICIPANTS)}")
    return rows


def _describe(folder: Path, study: str) -> None:
    """Write what BIDS asks of a data set, where it is not there yet."""
    description = {
        "Name": study,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "mrd-suite"}],
    }
    if not (folder / "dataset_description.json").is_file():
        write_json(folder / "dataset_description.json", description)
    if not (folder / "participants.json").is_file():
        write_json(folder / "participants.json", _PARTICIPANTS)
    if not (folder / "README").is_file():
        with whole_file(folder / "README") as beside:
            beside.write_text(
                f"Answers to the trials of the study '{study}', in BIDS behavioural files.\n"
                "The JSON file beside each table describes its columns, the session's seed and\n"
                "display, and names the stimulus set by its content hash.\n",
                encoding="utf-8",
            )


def read_sessions(folder: Path) -> pd.DataFrame:
    """Read every session of a data folder.

    Returns
    -------
    DataFrame
        A row a trial: all columns of the tables, behind ``participant``, ``session``, ``task``
        and ``content_hash`` (of the stimulus set), ``finished`` and ``observer`` (`Kind`).

    Raises
    ------
    InputError
        There is no session, or one cannot be read.
    """
    parts = []
    for path in sorted(folder.glob("sub-*/ses-*/beh/*_beh.tsv")):
        sidecar = read_json(path.with_suffix(".json"))
        frame = pd.read_csv(path, sep="\t", na_values=["n/a"], keep_default_na=False)
        subject, visit = path.name.split("_")[:2]
        frame.insert(0, "participant", subject.removeprefix("sub-"))
        frame.insert(1, "session", visit.removeprefix("ses-"))
        frame.insert(2, "task", sidecar["TaskName"])
        frame.insert(3, "content_hash", sidecar["Session"]["StimulusSet"])
        frame.insert(4, "finished", sidecar["Finished"])
        frame.insert(5, "observer", sidecar["Session"]["Observer"])
        parts.append(frame)
    if not parts:
        raise InputError(f"{folder}: holds no session; mrd experiment run makes one")
    return pd.concat(parts, ignore_index=True)
