"""What a report is of: the answers, the set, and what models make of it, by their hashes.

A report says it, and it can be found again without making one: so one can tell whether a report is
of what there is now.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scenes.base.errors import InputError
from stimuli.schema import PIXEL_METAMERS
from stimuli.stimulus_set import StimulusSet

REPORT = "report"  # folder in the study's
PAGE = "index.html"
NUMBERS = "results.json"
TABLES = "tables"


@dataclass(frozen=True)
class Source:
    """What was analysed.

    Parameters
    ----------
    study
        Name of the study.
    data
        Folder of the sessions, as people know it.
    data_sha256
        Hash over all sessions, tables and descriptions, as they were read
        (`psychophysics.data.session_files`).
    stimuli
        Content hash of the set.
    simulated
        Whether the answers were simulated.
    models
        By name: hash of what the set holds of a model.
    seed
        Of bootstraps and posterior draws.
    findings
        Hashes of predicted thresholds, reaches and pixel metamers in the set, by what they are.
    """

    study: str
    data: str
    data_sha256: str
    stimuli: str
    simulated: bool
    models: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    findings: dict[str, str] = field(default_factory=dict)


def models_of(stimuli: StimulusSet) -> dict[str, str]:
    """Hash of what a set holds of each model: distances and verdicts."""
    return {
        name: str(stimuli.model_group(name).attrs["content_hash"])
        for name in sorted(stimuli.models)
    }


def findings_of(stimuli: StimulusSet) -> dict[str, str]:
    """Hash of all that was found beside the searches: predictions, reaches, pixel metamers."""
    pixels = stimuli.file.get(PIXEL_METAMERS, {})
    return stimuli.findings.hashes() | {
        f"{PIXEL_METAMERS}/{run}": str(group.attrs["content_hash"]) for run, group in pixels.items()
    }


def recorded(folder: Path) -> dict[str, Any]:
    """What the report in a folder says of itself: ``source``, ``settings``, ``versions``.

    Raises
    ------
    InputError
        There is none, or it is damaged.
    """
    path = folder / NUMBERS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: content[name] for name in ("source", "settings", "versions")}
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file; mrd analyse makes it") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read; mrd analyse makes it anew") from error
