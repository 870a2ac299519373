"""State of each step of a study, read from its files; nothing is changed."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.report import provenance
from mrd.criterion.recovery import is_success
from mrd.measures.fisher.planned import planned
from mrd.study import image_directory, image_plan
from mrd.study.criterion_section import ScoringRule
from mrd.study.provenance import installed
from mrd.study.resolved_model import seen_by
from mrd.study.resolved_study import ResolvedStudy, resolve_study
from mrd.study.run_directory import RunDirectory
from mrd.study.study import Study, as_word, grid
from mrd.workflow import build_set, step_reasons
from mrd.workflow.standings import ImagesStatus, RunStatus, families, outdated, overview
from mrd.workflow.step_reasons import EmbeddedModel, RequestedModel, StudyStep
from psychophysics import experiment
from psychophysics.data import bids_names, data_set, json_files, session_files
from psychophysics.data.data_set import ObserverKind
from psychophysics.data.recorded_rules import rule_for
from psychophysics.experiment import Experiment
from scenes.base import changes
from scenes.base.errors import InputError
from stimuli.model_results import nulls
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import check_seal

OBSERVERS = 20  # simulated by default


@dataclass(frozen=True)
class Audience:
    """The participants: one person, or simulated observers."""

    participant: str | None = None  # code of a person; None for simulated observers
    session: str = bids_names.FIRST_SESSION  # code of the person's session
    observers: int = OBSERVERS  # number of simulated observers

    @property
    def kind(self) -> ObserverKind:
        """Their kind in the data."""
        return "simulated" if self.participant is None else "person"

    @property
    def data(self) -> str:
        """Folder of their sessions in the study."""
        return bids_names.SIMULATED if self.participant is None else bids_names.PEOPLE

    @property
    def codes(self) -> list[str]:
        """Codes of the participants."""
        if self.participant is None:
            return [f"sim{index:02d}" for index in range(1, self.observers + 1)]
        return [self.participant]


def steps(
    study: Study | ResolvedStudy, path: Path, audience: Audience, workers: int = 1
) -> list[StudyStep]:
    """Return every step of a study with its state and the reasons for it.

    Parameters
    ----------
    study
        The study, or the same study resolved.
    path
        Path of the study as the user wrote it, for the commands.
    audience
        The participants.
    workers
        Number of searches at once.

    Raises
    ------
    InputError
        A file that the study names cannot be read.
    """
    resolved = resolve_study(study)
    settings = resolved.study
    named = as_word(path)
    looks: dict[str, Callable[[], tuple[str, list[str]]]] = {
        "generate": lambda: _generated(resolved),
        "fisher": lambda: _predicted(resolved),
        "build": lambda: _built(resolved),
        "embed": lambda: _embedded(resolved),
        "experiment": lambda: _answered(settings, audience),
        "analyse": lambda: _analysed(settings, audience),
    }
    commands = _commands(named, audience, workers)
    listed: list[StudyStep] = []
    if "fisher" not in settings.model_fields_set:  # `mrd fisher` works without the section
        del looks["fisher"]
    for name, look in looks.items():
        if reason := _no_such_step(settings, name):
            listed.append(StudyStep(name, "none", reason))
        elif blocking := [step.name for step in listed if step.state == "due"]:
            listed.append(StudyStep(name, "waits", f"for {blocking[0]}", commands[name]))
        else:
            listed.append(_step(name, look, commands[name]))
    return listed


def _step(
    name: str, look: Callable[[], tuple[str, list[str]]], commands: tuple[tuple[str, ...], ...]
) -> StudyStep:
    """Return a step with the state that `look` finds; `look` returns what exists, and reasons."""
    try:
        existing, reasons = look()
    except InputError as error:
        if name == "generate":
            raise
        return StudyStep(name, "due", str(error), commands)
    if reasons:
        return StudyStep(name, "due", changes.in_words(reasons), commands)
    return StudyStep(name, "done", existing, commands)


def _commands(
    named: str, audience: Audience, workers: int
) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return, for each step, the words after ``mrd`` of the commands that do it."""
    simulate = ("experiment", "simulate", named, "--observers", str(audience.observers))
    sitting = ("--participant", str(audience.participant), "--session", audience.session)
    run = ("experiment", "run", named, *sitting)
    simulated = audience.participant is None
    several = ("--workers", str(workers)) if workers > 1 else ()
    return {
        "generate": (("generate", named, *several),),
        "fisher": (("fisher", named),),
        "build": (("stimuli", "build", named), ("stimuli", "check", named)),
        "embed": (("embed", named),),
        "experiment": (simulate if simulated else run,),
        "analyse": (("analyse", named, *(["--simulated"] if simulated else [])),),
    }


def _no_such_step(study: Study, name: str) -> str:
    """Return why a study has no step of this name; "" if it has one."""
    if name in ("generate", "fisher"):
        return ""
    if not any(study.series_of(search) for search in study.searches):
        return "the study has no section series, so no images for an experiment"
    if name in ("experiment", "analyse") and study.experiment is None:
        return "the study has no section experiment"
    return ""


# ---- Searches and images ------------------------------------------------------------------------


def _generated(study: ResolvedStudy) -> tuple[str, list[str]]:
    """Return how many searches and images exist, how many succeeded, and why generate remains."""
    runs = overview(study)
    shared = families(study)
    images = [*shared, *(each.images for each in runs if each.images is not None)]
    searched = sum(each.status == "done" for each in runs)
    done, total = sum(each.done for each in images), sum(each.total for each in images)
    reasons = []
    if searched < len(runs):
        reasons.append(f"{len(runs) - searched} of {len(runs)} searches to do")
    if unfinished := [each for each in images if each.status != "done"]:
        missing = sum(each.total - each.done for each in unfinished)
        reasons.append(f"{missing} of {total} images to do" if missing else "images to finish")
    reasons += _changed_searches(study, runs)
    reasons += _changed_images(study, shared)
    reasons += [each.message for each in runs if each.message]
    reasons += [each.message for each in images if each.message]
    succeeded = sum(is_success(each.judgement, each.run.search) for each in runs if each.judgement)
    existing = (
        f"{searched} of {len(runs)} searches, {done} of {total} images; {succeeded} of {searched} "
        "searches succeeded"
    )
    return existing, reasons if searched < len(runs) or unfinished else []


def _changed_searches(study: ResolvedStudy, runs: list[RunStatus]) -> list[str]:
    """Return the settings that differ from the earlier run with the same label."""
    earlier = _newest_records(study.study, outdated(study))
    reasons = []
    for each in runs:
        label = each.run.spec.label
        if each.status == "pending" and label in earlier:
            what = changes.changes(earlier[label]["resolved"], changes.as_read(each.run.record))
            reasons.append(f"the search '{each.run.spec.search}' changed ({what})")
    return reasons


def _newest_records(study: Study, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return, for each label, the record of the newest run; finished runs are preferred.

    Damaged records are skipped.
    """
    by_label: dict[str, dict[str, Any]] = {}
    for name in names:
        label = name.rpartition("-")[0]
        with suppress(InputError):
            record = RunDirectory(study.runs / name).record()
            if label not in by_label or _order(record) >= _order(by_label[label]):
                by_label[label] = record
    return by_label


def _order(record: Mapping[str, Any]) -> tuple[bool, str]:
    """Return a key that sorts finished runs last, and later ones after earlier ones."""
    return record["status"] == "done", record["started"] or ""


def _changed_images(study: ResolvedStudy, shared: list[ImagesStatus]) -> list[str]:
    """Return the settings that differ from those of the images on disk."""
    folder = study.study.runs
    wanted = [
        (image_directory.of_run(folder, run.name), image_plan.inputs_of_run(run), run.name)
        for run in study.runs
        if run.series is not None
    ]
    for images in shared:
        family = images.name.removeprefix("families/")
        requested = image_plan.inputs_of_family(study.families[family])
        wanted.append((image_directory.of_family(folder, family), requested, images.name))
    reasons = []
    for directory, requested, name in wanted:
        if directory.exists and not directory.is_request(requested):
            what = changes.changes(directory.record()["resolved"], changes.as_read(requested))
            reasons.append(f"the images of {name} changed ({what})")
    return reasons


# ---- Predicted thresholds -----------------------------------------------------------------------


def _predicted(study: ResolvedStudy) -> tuple[str, list[str]]:
    """Return which thresholds exist, and why the step fisher remains."""
    plan = planned(study)
    missing = [each for each in plan if not each.is_done]
    existing = f"thresholds of {len(plan)} targets and models"
    if not missing:
        return existing, []
    reasons = [f"{len(missing)} of {len(plan)} targets and models to predict"]
    return existing, reasons + [what for each in missing if (what := each.changed())]


# ---- The set ------------------------------------------------------------------------------------


def _built(study: ResolvedStudy) -> tuple[str, list[str]]:
    """Return what the set contains, and why it has to be built again."""
    path = study.study.stimulus_set
    if not path.exists():
        return "", [f"there is no {path.name} yet"]
    files, _ = build_set.record_files(study)
    requested = build_set.inputs_of(study.study, files)
    with StimulusSet(path) as stimuli:
        then = stimuli.provenance.get("made_of", {})
        check_seal(path)
        existing = f"{len(stimuli)} images, content hash {stimuli.content_hash[:12]}"
        differing = build_set.missing_findings(study, stimuli)
    specs = grid(study.study)
    search_of = {spec.label: spec.search for spec in specs}
    searches = {f"families/{spec.family}": spec.search for spec in specs}
    searches |= {
        name: search_of[name.rpartition("-")[0]] for name in requested["records"] if "/" not in name
    }
    reasons = step_reasons.build_reasons(requested, then, searches)
    return existing, reasons + [
        f"it holds other records of {kind.replace('_', ' ')}" for kind in differing
    ]


def _embedded(study: ResolvedStudy) -> tuple[str, list[str]]:
    """Return which distances exist, and why models have to be embedded."""
    settings = study.study
    rules = build_set.rules(settings.model_dump(mode="json"))
    reasons = []
    with StimulusSet(settings.stimulus_set) as stimuli:
        table = stimuli.table
        search_of = dict(table[["family", "search"]].drop_duplicates().to_numpy().tolist())
        family_rules = {
            family: None if nulls(table, family).empty else rules[search]
            for family, search in search_of.items()
        }
        for name, config in settings.models.items():
            own = table.loc[table["model"] == name, "layer"].dropna().unique()
            layers = config.layer_names or tuple(own[0].split(";") if len(own) else ())
            in_set = _embedded_model(stimuli, name)
            libraries = in_set.record.get("libraries", {}) if in_set else {}
            versions = {library: installed(library) for library in libraries}
            requested = RequestedModel(seen_by(study.models[name]), layers)
            reasons += step_reasons.embed_reasons(name, requested, in_set, family_rules, versions)
    return f"distances of {', '.join(settings.models)}", reasons


def _embedded_model(stimuli: StimulusSet, name: str) -> EmbeddedModel | None:
    """Return an embedded model as the set describes it; None if it is not in the set."""
    if name not in stimuli.models:
        return None
    results = stimuli.results(name)
    rules: dict[str, dict[str, set[ScoringRule]]] = {}
    for family, rows in results.verdicts.items():
        for row in rows:
            of_layers = rules.setdefault(family, {}).setdefault(row["layers"], set())
            of_layers.add(ScoringRule.read(row))
    return EmbeddedModel(results.record, results.layers, rules)


# ---- Sessions and the report --------------------------------------------------------------------


def _answered(study: Study, audience: Audience) -> tuple[str, list[str]]:
    """Return how many sessions exist, and why the step experiment remains."""
    if study.experiment is None:
        raise ValueError("the study has no experiment")
    folder = study.folder / audience.data
    requested = experiment.prepare(study.name, study.seed, study.experiment, study.stimulus_set)
    with requested.stimuli:
        facts = {code: _facts(requested, folder, code, audience) for code in audience.codes}
    recorded = {}
    for code in audience.codes:
        table = bids_names.table_path(folder, code, audience.session, requested.task)
        if table.is_file() and table.with_suffix(".json").is_file():
            recorded[code] = json_files.read_json(table.with_suffix(".json"))
    sessions = len(session_files.find(folder).tables)
    return f"{sessions} sessions in {audience.data}", step_reasons.session_reasons(facts, recorded)


def _facts(
    requested: Experiment, folder: Path, code: str, audience: Audience
) -> dict[str, Any] | None:
    """Return the facts that a participant's session must have; None if not enrolled yet."""
    number = data_set.participant_number(folder, code)
    if number is None:
        return None
    rule = rule_for(folder, code, audience.session, requested.task)
    seat = experiment.make_seat(requested, code, audience.session, audience.kind, number, rule)
    own = experiment.with_recorded_rules(requested, folder, code, audience.session)
    return changes.as_read(experiment.fixed_entries(own, seat))


def _analysed(study: Study, audience: Audience) -> tuple[str, list[str]]:
    """Return the path of the report, and why it has to be made again."""
    folder = study.folder / provenance.REPORT
    if not (folder / provenance.PAGE).is_file():
        return "", [f"there is no {provenance.REPORT}/{provenance.PAGE} yet"]
    data = study.folder / audience.data
    with StimulusSet(study.stimulus_set) as stimuli:
        requested = {
            "source": {
                "study": study.name,
                "data": audience.data,
                "data_sha256": session_files.hash_sessions(data),
                "stimuli": stimuli.content_hash,
                "models": provenance.model_hashes(stimuli),
                "seed": study.seed,
                "findings": provenance.finding_hashes(stimuli),
            },
            "settings": study.analysis.model_dump(mode="json"),
            "versions": {"mrd-suite": version("mrd-suite")},
        }
    reported = provenance.read_source(folder)
    return str(folder / provenance.PAGE), step_reasons.report_reasons(
        reported, changes.as_read(requested)
    )
