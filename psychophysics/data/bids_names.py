"""Names of a session's files in a data folder, as in BIDS.

::

    sub-01/ses-01/beh/sub-01_ses-01_task-oddity_run-01_beh.tsv   one row per trial
    sub-01/ses-01/beh/sub-01_ses-01_task-oddity_run-01_beh.json  its sidecar: columns and session
"""

import re
from collections.abc import Iterator
from pathlib import Path

from psychophysics.tasks.base import Task
from scenes.base.errors import InputError

PEOPLE, SIMULATED = "data", "data-simulated"  # data folders of a study
FIRST_SESSION = "01"
TABLE_PATTERN = "sub-*/ses-*/beh/*_beh.tsv"
TABLE_SUFFIX = ".tsv"

_CODE = re.compile(r"[A-Za-z0-9]{1,32}")
_STEM = re.compile(r"(sub-[A-Za-z0-9]+)_(ses-[A-Za-z0-9]+)_task-[A-Za-z0-9]+(_run-[0-9]+)?_beh")


def check_code(code: str, what: str) -> str:
    """Return a participant's or session's code; raise unless it is letters and digits."""
    if not _CODE.fullmatch(code):
        raise InputError(
            f"{what} '{code}': use 1 to 32 letters and digits (such as 01), no personal data"
        )
    return code


def table_path(folder: Path, participant: str, session: str, task: Task) -> Path:
    """Return the path of a session's table."""
    # BIDS labels hold only letters and digits: match_to_sample is matchToSample.
    first, *others = task.name.split("_")
    label = first + "".join(word.capitalize() for word in others)
    subject, visit = f"sub-{participant}", f"ses-{session}"
    return folder / subject / visit / "beh" / f"{subject}_{visit}_task-{label}_run-01_beh.tsv"


def expected_path(folder: Path, path: Path) -> Path | None:
    """Return the path at which a session's file of this name belongs; None for other names."""
    named = _STEM.fullmatch(path.stem)
    return folder / named[1] / named[2] / "beh" / path.name if named else None


def codes_of(path: Path) -> tuple[str, str]:
    """Return the codes of participant and session in the name of a session's file."""
    subject, visit = path.name.split("_")[:2]
    return subject.removeprefix("sub-"), visit.removeprefix("ses-")


def sidecars_of(folder: Path, participant: str = "*") -> Iterator[Path]:
    """Yield the sidecars of a participant's sessions, or by default of all participants, sorted."""
    for path in sorted(folder.glob(f"sub-{participant}/ses-*/beh/*_beh.json")):
        if path == expected_path(folder, path) and path.is_file():
            yield path
