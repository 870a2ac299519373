"""The BIDS data set of all sessions.

::

    data/  dataset_description.json  README  participants.tsv  participants.json
           sub-01/ses-01/beh/…  a session (`psychophysics.data.bids_names`)
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pandas as pd
from filelock import FileLock

from psychophysics.data import participants, session_files
from psychophysics.data.bids_names import codes_of
from psychophysics.data.json_files import read_json, write_json
from psychophysics.data.participants import Participant
from scenes.base.atomic_files import check_writable, remove_leftovers, whole_file
from scenes.base.errors import InputError

BIDS_VERSION = "1.10.0"
ObserverKind = Literal["person", "simulated", "model"]

_DESCRIPTIONS = ("dataset_description.json", "participants.json", "README")
_PARTICIPANTS = {
    "participant_id": {"Description": "Code of the participant."},
    "order": {
        "Description": "Number of the participant, from 0, in the order of first sessions; for "
        "participants in a browser, the number in the page. It selects the row of the balanced "
        "Latin square of blocks and, if the study swaps keys, whether they are swapped (the entry "
        "Counterbalance of a session's JSON file names the rule)."
    },
    "observer": {
        "Description": "Kind of observer.",
        "Levels": {
            "person": "a person at a window, or at a page in a browser",
            "simulated": "a simulated observer",
            "model": "a model, by its distances",
        },
    },
}


def enrol(
    folder: Path,
    study: str,
    participant: str,
    observer: ObserverKind,
    number: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> int:
    """Enter a participant in the data set, and return their number, from 0.

    A new participant gets `number`, or by default one more than the largest so far. Participants
    who have a session but no row in ``participants.tsv`` are entered as well; `say` reports them.
    """
    check_writable(folder)
    with FileLock(folder / ".participants.lock"):
        path = folder / "participants.tsv"
        for file in (path, *(folder / name for name in _DESCRIPTIONS)):
            remove_leftovers(file)
        _describe(folder, study)
        table = participants.read(path)
        listed = {person.code: person for person in table.people} if table else {}
        # There may be thousands of simulated observers: read only those without a row.
        codes = None if observer == "person" else _codes(folder) - (listed.keys() - {participant})
        of_sessions = _of_sessions(folder, codes)
        own = participants.recorded_number(listed.values(), of_sessions, participant, path)
        unnumbered = {code for code, person in listed.items() if person.number is None}
        entered = [
            person
            for code, person in of_sessions.items()
            if code not in listed or code in unnumbered
        ]
        if entered:
            say(_repair_note(path, table, entered))
        if own is not None:
            people = (listed | of_sessions).values()
            shared = participants.others_with_number(people, participant, own)
            if shared and participant not in of_sessions:
                raise InputError(
                    f"{path}: order of sub-{participant} is {own}, and so is that of "
                    f"sub-{shared[0]}; write n/a for a participant without a session: they get a "
                    "free number"
                )
            if shared:
                others = ", ".join(f"sub-{code}" for code in shared)
                say(
                    f"{path}: order {own} is of sub-{participant} and of {others}: they have the "
                    "same order of blocks and the same keys"
                )
        else:
            taken = [person.number for person in (*listed.values(), *of_sessions.values())]
            own = max((each for each in taken if each is not None), default=-1) + 1
            own = own if number is None else number
            entered.append(Participant(participant, own, observer))
        if entered:
            with whole_file(path) as beside:
                beside.write_bytes(participants.table_bytes(table or participants.Table(), entered))
        return own


def _repair_note(
    path: Path, table: participants.Table | None, entered: Sequence[Participant]
) -> str:
    codes = ", ".join(f"sub-{person.code}" for person in entered)
    if table is None:
        return f"{path}: was missing or empty; written again from the sessions of {codes}"
    return f"{path}: had no order of {codes}; it was taken from the sessions"


def participant_number(folder: Path, participant: str) -> int | None:
    """Return the number of a participant who is in the table or has a session, or None."""
    path = folder / "participants.tsv"
    table = participants.read(path)
    of_sessions = _of_sessions(folder, {participant})
    return participants.recorded_number(
        table.people if table else (), of_sessions, participant, path
    )


def _codes(folder: Path) -> set[str]:
    return {path.name.removeprefix("sub-") for path in folder.glob("sub-*")}


def _of_sessions(folder: Path, codes: Iterable[str] | None) -> dict[str, Participant]:
    """Return participants as described in their first readable sidecar."""
    people: dict[str, Participant] = {}
    for path in session_files.sidecars(folder, codes):
        code, _ = codes_of(path)
        with suppress(InputError):
            session = read_json(path).get("Session")
            if isinstance(session, dict) and isinstance(session.get("ParticipantOrder"), int):
                observer = str(session.get("Observer", "n/a"))
                person = Participant(code, session["ParticipantOrder"], observer)
                people.setdefault(code, person)
    return people


def _describe(folder: Path, study: str) -> None:
    """Write the files that BIDS requires of a data set, if they are missing."""
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
    if not any(folder.glob("README*")):
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
        A row for each trial: ``participant``, ``session``, ``task``, ``content_hash`` (of the
        stimulus set), ``finished`` and ``observer`` (`ObserverKind`), then all columns of the
        tables.

    Raises
    ------
    InputError
        The folder has no session, or one cannot be read.
    """
    parts = []
    for path in session_files.tables(folder):
        sidecar = read_json(path.with_suffix(".json"))
        frame = pd.read_csv(path, sep="\t", na_values=["n/a"], keep_default_na=False)
        participant, visit = codes_of(path)
        about = {
            "participant": participant,
            "session": visit,
            "task": sidecar["TaskName"],
            "content_hash": sidecar["Session"]["StimulusSet"],
            "finished": sidecar["Finished"],
            "observer": sidecar["Session"]["Observer"],
        }
        for place, (name, value) in enumerate(about.items()):
            frame.insert(place, name, value)
        parts.append(frame)
    if not parts:
        raise InputError(f"{folder}: holds no session; mrd experiment run makes one")
    return pd.concat(parts, ignore_index=True)
