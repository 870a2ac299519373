"""Build the stimulus set of a study, and add findings to it.

Findings are predicted thresholds, reaches, recovery and warnings, which no participant sees.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mrd.measures import pixel_files
from mrd.measures.fisher.planned import FOLDER, planned
from mrd.study import image_directory, image_plan
from mrd.study.cache_key import CacheKey
from mrd.study.criterion_section import ScoringRule
from mrd.study.provenance import hardware, versions
from mrd.study.resolved_study import ResolvedStudy, resolve_study
from mrd.study.run_directory import RunDirectory
from mrd.study.study import FILE_NAME, Study
from mrd.workflow import run_findings
from mrd.workflow.keep_shown_set import Kept, kept_if_shown
from psychophysics.data.bids_names import PEOPLE
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError
from stimuli import schema, writing
from stimuli.build import Built, build_set
from stimuli.findings import KINDS, Findings
from stimuli.intake import RECORDS_FILE
from stimuli.pixel_metamers import PixelMetamer, read_pixel_metamers
from stimuli.second_judgement import FAILED_CAMERAS
from stimuli.selection import Refusal
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import check_seal


@dataclass(frozen=True)
class Packed:
    """The new set, and the set that it replaced if sessions were run with that one."""

    built: Built
    kept: Kept | None


def pack(
    study: Study | ResolvedStudy, progress: Callable[[int, int], None] = lambda *_: None
) -> Packed | None:
    """Build the set of a study from its finished runs.

    A set that is replaced, and that people's sessions were run with, is kept under another name.

    Parameters
    ----------
    study
        The study, or the same study resolved.
    progress
        Called with the number of finished images and of all images.

    Returns
    -------
    Packed or None
        None if the set already exists and is up to date; new findings are added to it.

    Raises
    ------
    InputError
        Nothing has been generated, the earlier set cannot be kept, or
        `stimuli.build.build_set` refuses.
    """
    resolved = resolve_study(study)
    settings = resolved.study
    check_parts_differ(settings)
    records, unfinished = record_files(resolved)
    if not records:
        raise InputError(
            f"{settings.runs}: holds no finished images of any series; mrd generate "
            f"{settings.folder} makes them, if the study has a section series"
        )
    inputs = inputs_of(settings, records)
    digest = _digest(inputs)
    if _is_built_from(settings.stimulus_set, digest):
        add_findings(resolved)
        return None
    with kept_if_shown(settings.stimulus_set, settings.folder / PEOPLE) as earlier:
        built = build_set(
            records,
            settings.name,
            settings.stimuli,
            settings.stimulus_set,
            provenance(settings)
            | {"inputs": digest, "made_of": inputs, FAILED_CAMERAS: failed_cameras(resolved)},
            progress,
            unfinished,
            pixel_metamers(resolved),
            findings(resolved),
        )
    if earlier is None or earlier.content_hash == built.content_hash:
        return Packed(built, None)
    return Packed(built, earlier)


def check_parts_differ(study: Study) -> None:
    """Raise InputError if two searches change the same attribute of different parts of a target.

    The analysis names conditions by attribute and model, so it would merge these searches.
    """
    seen: dict[tuple[str, ...], tuple[str, str]] = {}
    for name, search in study.searches.items():
        if study.series_of(name) is None:
            continue
        attribute = "+".join(search.attributes)
        part = search.object or search.lamp or "the first object and the environment"
        for target in search.targets or study.targets:
            other, known = seen.setdefault((target, attribute), (name, part))
            if known != part:
                raise InputError(
                    f"{study.folder / FILE_NAME}: searches {other} and {name} both change "
                    f"{attribute} of target '{target}', one of {known}, one of {part}; the "
                    "analysis would merge them: put one into another study"
                )


# ---- Findings -----------------------------------------------------------------------------------


def pixel_metamers(study: ResolvedStudy) -> list[PixelMetamer]:
    """Read the pixel metamers of a study's runs."""
    stored = (pixel_files.read(study.study.runs / run.name) for run in study.runs)
    return [each for each in stored if each is not None]


def findings(study: ResolvedStudy) -> Findings:
    """Read the findings of a study; raise if a record is damaged."""
    folder = study.study.runs
    plan = planned(study) if (folder / FOLDER).is_dir() else []
    predicted = {each.folder.name: each.finding() for each in plan if each.is_done}
    reaches, recoveries, warnings = (
        {run.name: each for run in study.runs if (each := find(run, folder / run.name))}
        for find in (run_findings.reach, run_findings.recovery, run_findings.warnings)
    )
    return Findings(predicted, reaches, recoveries, warnings)


def missing_findings(study: ResolvedStudy, stimuli: StimulusSet) -> list[str]:
    """Return the kinds of findings in which a set differs from the study's files."""
    ours, stored = findings(study).of(stimuli.table), stimuli.findings
    return [kind for kind in KINDS if getattr(ours, kind) != getattr(stored, kind)]


def add_findings(study: Study | ResolvedStudy) -> bool:
    """Put the findings of a study into its set; return whether there is a set.

    Raise if the set was altered, or cannot be written.
    """
    resolved = resolve_study(study)
    path = resolved.study.stimulus_set
    if not path.is_file():
        return False
    check_seal(path)
    with StimulusSet(path) as stimuli:
        ours, expected = findings(resolved).of(stimuli.table), stimuli.content_hash
        missing = missing_findings(resolved, stimuli)
    for kind in missing:
        writing.replace_findings(path, kind, getattr(ours, kind), expected)
    return True


def add_pixel_metamers(study: Study | ResolvedStudy) -> list[str]:
    """Put pixel metamers into a study's set; return the runs whose pixel metamers it now contains.

    Raise if the set was altered, or cannot be written.
    """
    resolved = resolve_study(study)
    path = resolved.study.stimulus_set
    if not path.is_file():
        return []
    check_seal(path)
    with StimulusSet(path) as stimuli:
        runs, expected = set(stimuli.table["run"]), stimuli.content_hash
        stored = {run: each.content_hash for run, each in read_pixel_metamers(stimuli).items()}
    ours = [each for each in pixel_metamers(resolved) if each.run in runs]
    new = [each for each in ours if stored.get(each.run) != each.content_hash]
    if new:
        writing.add_pixel_metamers(path, new, expected)
    return [each.run for each in ours]


# ---- Inputs of a set ----------------------------------------------------------------------------


def inputs_of(study: Study, records: Sequence[Path]) -> dict[str, Any]:
    """Return the inputs that determine a set, as JSON.

    ``records`` maps each run or ``families/<family>`` to the SHA-256 of its table of images, which
    contains the hashes of images and scenes.
    """
    return {
        "records": {_owner(study, path): file_sha256(path) for path in sorted(records)},
        "stimuli": study.stimuli.record(),
        "schema_version": schema.SCHEMA_VERSION,
    }


def _owner(study: Study, records: Path) -> str:
    """Return the run, or ``families/<family>``, that a table of images belongs to."""
    return records.parent.relative_to(study.runs).as_posix().removesuffix("/series")


def _digest(inputs: Mapping[str, Any]) -> str:
    """Return one hash of the inputs of a set."""
    content = {"records": sorted(inputs["records"].values()), "stimuli": inputs["stimuli"]}
    return CacheKey(content, inputs["schema_version"], "schema_version").digest


def _is_built_from(path: Path, digest: str) -> bool:
    """Return whether a set exists, is unaltered, and was built from these inputs."""
    try:
        with StimulusSet(path) as stimuli:
            recorded = stimuli.provenance.get("inputs")
        check_seal(path)
    except InputError:
        return False
    return bool(recorded == digest)


def record_files(study: ResolvedStudy) -> tuple[list[Path], list[Refusal]]:
    """Return the ``records.csv`` of finished images, and a refusal for each unfinished folder."""
    folder = study.study.runs
    wanted = {}
    for run in study.runs:
        if run.series is not None:
            family = image_directory.of_family(folder, run.spec.family)
            wanted[run.spec.family] = (family, image_plan.inputs_of_family(run))
            images = image_directory.of_run(folder, run.name)
            wanted[run.name] = (images, image_plan.inputs_of_run(run))
    files, unfinished = [], []
    for name, (directory, requested) in wanted.items():
        if directory.is_done(requested):
            files.append(directory.path / RECORDS_FILE)
        else:
            unfinished.append(Refusal(name, "its images are not finished; mrd generate makes them"))
    return files, unfinished


def provenance(study: Study) -> dict[str, Any]:
    """Return how a set was made; this is not part of its content hash."""
    return {
        "study": study.model_dump(mode="json"),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "hardware": hardware(),
    }


def failed_cameras(study: ResolvedStudy) -> dict[str, dict[str, str]]:
    """Return run → training camera → why the result is not a metamer there; no entry for metamers.

    A set may lack some of these cameras.
    """
    judged = {run.name: RunDirectory(study.study.runs / run.name).judgement() for run in study.runs}
    return {
        run: failed
        for run, judgement in judged.items()
        if judgement is not None
        and (
            failed := {
                each["camera"]: each["failed"]
                for each in judgement["training"]["cameras"]
                if not each["passed"]
            }
        )
    }


# ---- Sets and their studies ---------------------------------------------------------------------


def set_of(path: Path, read: Callable[[Path], Study]) -> Path:
    """Return the path of a set; `path` names the set, its ``study.yaml`` or that file's folder."""
    path = Path(path)
    if path.is_dir() or path.suffix in (".yaml", ".yml"):
        return read(path).stimulus_set
    return path


def recorded_study(path: Path, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the study in a set's provenance; for a merged set, all models and searches.

    Raise if the merged studies use one name for different models or searches.
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
                        f"{path}: {kind}.{name} differs between the merged studies; embed the "
                        "sets before they are merged"
                    )
    return joined


def rules(study: Mapping[str, Any]) -> dict[str, ScoringRule]:
    """Return the limits of a metamer for each search; `study` is a study as JSON."""
    searches: Mapping[str, Any] = study.get("searches", {})
    return {name: ScoringRule.read(search["criterion"]) for name, search in searches.items()}
