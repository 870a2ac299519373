"""From a study to its stimulus set: where its records lie, and what goes into the set."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mrd.measures import pixel_files
from mrd.measures.fisher.planned import FOLDER, planned
from mrd.study import image_directory, image_plan
from mrd.study.provenance import hardware, versions
from mrd.study.study import Study, resolve_all
from mrd.workflow import reach_records
from mrd.workflow.keep_shown_set import Kept, kept_if_shown
from psychophysics.data.bids_names import PEOPLE
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError
from stimuli import schema, writing
from stimuli.build import Built, build_set
from stimuli.findings import KINDS, Findings
from stimuli.intake import RECORDS_FILE
from stimuli.pixel_metamers import PixelMetamer, read_pixel_metamers
from stimuli.selection import Refusal
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import check_seal


@dataclass(frozen=True)
class Packed:
    """What packing came to.

    Parameters
    ----------
    built
        The new set.
    kept
        The set that it replaced, if sessions were run with that one.
    """

    built: Built
    kept: Kept | None


def pack(study: Study, progress: Callable[[int, int], None] = lambda *_: None) -> Packed | None:
    """Build the set of a study from its finished runs.

    A set that is replaced, and that people's sessions were run with, is kept under another name.

    Parameters
    ----------
    study
        The study.
    progress
        Told (images done, of how many).

    Returns
    -------
    Packed or None
        None where the set is there already, whole, and of these runs; what was found beside them
        since is put into it.

    Raises
    ------
    InputError
        Nothing has been generated, the earlier set cannot be kept, or
        `stimuli.build.build_set` refuses.
    """
    records, unfinished = record_files(study)
    if not records:
        raise InputError(
            f"{study.runs}: holds no finished images of any series; mrd generate {study.folder} "
            "makes them, if the study has a section series"
        )
    ingredients = made_of(study, records)
    inputs = _hash(ingredients)
    if _is_made_of(study.stimulus_set, inputs):
        add_findings(study)
        return None
    with kept_if_shown(study.stimulus_set, study.folder / PEOPLE) as earlier:
        built = build_set(
            records,
            study.name,
            study.stimuli,
            study.stimulus_set,
            provenance(study) | {"inputs": inputs, "made_of": ingredients},
            progress,
            unfinished,
            pixel_metamers(study),
            findings(study),
        )
    if earlier is None or earlier.content_hash == built.content_hash:
        return Packed(built, None)
    return Packed(built, earlier)


def pixel_metamers(study: Study) -> list[PixelMetamer]:
    """Read the pixel metamers of the study's runs, as far as there are any."""
    found = (pixel_files.read(study.runs / run.name) for run in resolve_all(study))
    return [each for each in found if each is not None]


def findings(study: Study) -> Findings:
    """Read the predicted thresholds and reaches of a study, as far as there are any.

    Raises
    ------
    InputError
        A target or a file of a model is missing, or a prediction's record is damaged.
    """
    plan = planned(study) if (study.runs / FOLDER).is_dir() else []
    predicted = {each.folder.name: each.finding() for each in plan if each.is_done}
    reached = {
        run.name: reach_records.finding(run, study.runs / run.name) for run in resolve_all(study)
    }
    return Findings(predicted, {run: each for run, each in reached.items() if each is not None})


def missing_findings(study: Study, stimuli: StimulusSet) -> list[str]:
    """Kinds of findings of which a set holds others than the study has of its targets and runs."""
    ours, there = findings(study).of(stimuli.table), stimuli.findings
    return [kind for kind in KINDS if getattr(ours, kind) != getattr(there, kind)]


def add_findings(study: Study) -> bool:
    """Put predicted thresholds and reaches of a study into its set, if it has one.

    Returns
    -------
    bool
        Whether there is a set, which holds them now.

    Raises
    ------
    InputError
        The set was altered, or cannot be written; or as `findings`.
    """
    if not study.stimulus_set.is_file():
        return False
    check_seal(study.stimulus_set)
    with StimulusSet(study.stimulus_set) as stimuli:
        ours, expected = findings(study).of(stimuli.table), stimuli.content_hash
        missing = missing_findings(study, stimuli)
    for kind in missing:
        writing.replace_findings(study.stimulus_set, kind, getattr(ours, kind), expected)
    return True


def add_pixel_metamers(study: Study) -> list[str]:
    """Put the pixel metamers of a study's runs into its set, if it has one.

    Returns
    -------
    list of str
        The runs whose pixel metamers are in the set now: those that the set holds images of.

    Raises
    ------
    InputError
        The set was altered, or cannot be written.
    """
    if not study.stimulus_set.is_file():
        return []
    check_seal(study.stimulus_set)
    with StimulusSet(study.stimulus_set) as stimuli:
        runs, expected = set(stimuli.table["run"]), stimuli.content_hash
        there = {run: each.content_hash for run, each in read_pixel_metamers(stimuli).items()}
    ours = [each for each in pixel_metamers(study) if each.run in runs]
    new = [each for each in ours if there.get(each.run) != each.content_hash]
    if new:
        writing.add_pixel_metamers(study.stimulus_set, new, expected)
    return [each.run for each in ours]


def made_of(study: Study, records: Sequence[Path]) -> dict[str, Any]:
    """All that a set hangs on, as JSON: records name images and scenes by their hashes.

    Parameters
    ----------
    study
        The study.
    records
        Of its runs and families (`record_files`).

    Returns
    -------
    dict
        ``records``: SHA-256 by the name of the run or ``families/<family>``; ``stimuli``: the
        section of the study; ``schema_version`` of the set.
    """
    return {
        "records": {_owner(study, path): file_sha256(path) for path in sorted(records)},
        "stimuli": study.stimuli.model_dump(mode="json"),
        "schema_version": schema.SCHEMA_VERSION,
    }


def _owner(study: Study, records: Path) -> str:
    """Name of the run, or ``families/<family>``, whose images a table is of."""
    return records.parent.relative_to(study.runs).as_posix().removesuffix("/series")


def _hash(ingredients: Mapping[str, Any]) -> str:
    content = {**ingredients, "records": sorted(ingredients["records"].values())}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_made_of(path: Path, inputs: str) -> bool:
    """Whether a set is there, unaltered, and made of these inputs."""
    try:
        with StimulusSet(path) as stimuli:
            found = stimuli.provenance.get("inputs")
        check_seal(path)
    except InputError:
        return False
    return bool(found == inputs)


def record_files(study: Study) -> tuple[list[Path], list[Refusal]]:
    """Find the records of the study's runs and of their families, as the study is now.

    Returns
    -------
    files
        Every ``records.csv`` whose images are all there.
    unfinished
        Runs and families whose images are missing, or of an earlier form of the study.
    """
    wanted = {}
    for run in resolve_all(study):
        if run.series is not None:
            family = image_directory.of_family(study.runs, run.spec.family)
            wanted[run.spec.family] = (family, image_plan.asked_of_family(run))
            wanted[run.name] = (
                image_directory.of_run(study.runs, run.name),
                image_plan.asked_of_run(run),
            )
    files, unfinished = [], []
    for name, (directory, asked) in wanted.items():
        if directory.is_done(asked):
            files.append(directory.path / RECORDS_FILE)
        else:
            unfinished.append(Refusal(name, "its images are not finished; mrd generate makes them"))
    return files, unfinished


def provenance(study: Study) -> dict[str, Any]:
    """What a set says of its making; it does not enter the content hash."""
    return {
        "study": study.model_dump(mode="json"),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "hardware": hardware(),
    }


def set_of(path: Path, read: Callable[[Path], Study]) -> Path:
    """Tell which set is meant by a file or a study.

    Parameters
    ----------
    path
        A set, a ``study.yaml``, or the folder that holds one.
    read
        Reads a study.
    """
    path = Path(path)
    if path.is_dir() or path.suffix in (".yaml", ".yml"):
        return read(path).stimulus_set
    return path


def recorded_study(path: Path, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Give the study that a set was made of: its models and searches (all, if merged).

    Raises
    ------
    InputError
        The studies of a merged set call different things by one name.
    """
    if "merged" not in provenance:
        return dict(provenance.get("study", {}))
    joined: dict[str, Any] = {"models": {}, "searches": {}}
    for each in provenance["merged"]:
        study = recorded_study(path, each["provenance"])
        for kind, entries in joined.items():
            for name, entry in study.get(kind, {}).items():
                if entries.setdefault(name, entry) != entry:
                    raise InputError(
                        f"{path}: {kind}.{name} is another in each of the merged studies; embed "
                        "the sets before they are merged"
                    )
    return joined


def floors(study: Mapping[str, Any]) -> dict[str, float]:
    """Least match of a metamer for each search of a study (as a set's provenance holds it)."""
    searches: Mapping[str, Any] = study.get("searches", {})
    return {name: float(search["criterion"]["floor"]) for name, search in searches.items()}
