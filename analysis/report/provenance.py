"""What a report was made from: sessions, stimulus set and models, as hashes.

Every report stores these hashes. They can be computed without making a report, to check whether a
report is up to date.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scenes.base.errors import InputError
from stimuli.schema import PIXEL_METAMERS
from stimuli.stimulus_set import StimulusSet

REPORT = "report"  # in the folder of the study
PAGE = "index.html"
NUMBERS = "results.json"
TABLES = "tables"


@dataclass(frozen=True)
class ReportSource:
    """The data of a report: sessions, stimulus set and models."""

    study: str  # name
    data: str  # folder of the sessions
    data_sha256: str  # of all sessions as they were read
    stimuli: str  # content hash of the set
    simulated: bool
    models: dict[str, str] = field(default_factory=dict)  # `model_hashes`
    seed: int = 0  # of bootstraps and posterior samples
    findings: dict[str, str] = field(default_factory=dict)  # `finding_hashes`


def model_hashes(stimuli: StimulusSet) -> dict[str, str]:
    """Return the hash of each model's distances and verdicts in a set."""
    return {
        name: str(stimuli.model_group(name).attrs["content_hash"])
        for name in sorted(stimuli.models)
    }


def finding_hashes(stimuli: StimulusSet) -> dict[str, str]:
    """Return the hashes of all findings and pixel metamers in a set."""
    pixels = stimuli.file.get(PIXEL_METAMERS, {})
    return stimuli.findings.hashes() | {
        f"{PIXEL_METAMERS}/{run}": str(group.attrs["content_hash"]) for run, group in pixels.items()
    }


def read_source(folder: Path) -> dict[str, Any]:
    """Return ``source``, ``settings`` and ``versions`` of the report in a folder."""
    path = folder / NUMBERS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: content[name] for name in ("source", "settings", "versions")}
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file; mrd analyse makes it") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read; mrd analyse makes it again") from error
