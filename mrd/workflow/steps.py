"""State of each step of a study, read from its files; nothing is changed."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.report import provenance
from mrd.measures.fisher.planned import planned
from mrd.study import image_directory, image_plan
from mrd.study.provenance import installed
from mrd.study.run_directory import RunDirectory
from mrd.study.study import Study, as_word, grid, resolved_model, seen_by
from mrd.workflow import build_set, step_reasons
from mrd.workflow.standings import ImagesStanding, Standing, families, outdated, overview
from mrd.workflow.step_reasons import AskedModel, FoundModel, Step
from psychophysics import experiment
from psychophysics.data import data_set, records, session_files
from psychophysics.data.data_set import Kind
from psychophysics.data.recorded_rules import rule_for
from psychophysics.experiment import Experiment
from scenes.base import changes
from scenes.base.errors import InputError
from stimuli.model_results import nulls
from stimuli.seal import check_seal
from stimuli.stimulus_set import StimulusSet

OBSERVERS = 20  # simulated, where nobody says how many


@dataclass(frozen=True)
class Audience:
    """Who answers.

    Parameters
    ----------
    participant
        Code of a person; None for simulated observers.
    session
        Code of the person's session.
    observers
        How many are simulated.
    """

    participant: str | None = None
    session: str = records.FIRST_SESSION
    observers: int = OBSERVERS

    @property
    def kind(self) -> Kind:
        """What the data calls them."""
        return "simulated" if self.participant is None else "person"

    @property
    def data(self) -> str:
        """Folder of their sessions in the study."""
        return records.SIMULATED if self.participant is None else records.PEOPLE

    @property
    def codes(self) -> list[str]:
        """Codes of the participants."""
        if self.participant is None:
            return [f"sim{index:02d}" for index in range(1, self.observers + 1)]
        return [self.participant]


def steps(study: Study, path: Path, audience: Audience, workers: int = 1) -> list[Step]:
    """Tell of every step whether it is due, and why.

    Parameters
    ----------
    study
        The study.
    path
        As the user named it: commands name it so.
    audience
        Who answers.
    workers
        Searches at once.

    Raises
    ------
    InputError
        A file that the study names cannot be read.
    """
    named = as_word(path)
    looks: dict[str, Callable[[], tuple[str, list[str]]]] = {
        "generate": lambda: _generated(study),
        "fisher": lambda: _predicted(study),
        "build": lambda: _built(study),
        "embed": lambda: _embedded(study),
        "experiment": lambda: _answered(study, audience),
        "analyse": lambda: _analysed(study, audience),
    }
    commands = _commands(named, audience, workers)
    found: list[Step] = []
    if "fisher" not in study.model_fields_set:  # `mrd fisher` works without, if asked to
        del looks["fisher"]
    for name, look in looks.items():
        if reason := _not_asked(study, name):
            found.append(Step(name, "none", reason))
        elif blocking := [step.name for step in found if step.state == "due"]:
            found.append(Step(name, "waits", f"for {blocking[0]}", commands[name]))
        else:
            found.append(_step(name, look, commands[name]))
    return found


def _step(
    name: str, look: Callable[[], tuple[str, list[str]]], commands: tuple[tuple[str, ...], ...]
) -> Step:
    try:
        there, reasons = look()
    except InputError as error:
        if name == "generate":
            raise
        return Step(name, "due", str(error), commands)
    if reasons:
        return Step(name, "due", changes.in_words(reasons), commands)
    return Step(name, "done", there, commands)


def _commands(
    named: str, audience: Audience, workers: int
) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Words behind ``mrd`` that carry out each step."""
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


def _not_asked(study: Study, name: str) -> str:
    """Why a study has no such step; "" where it has."""
    if name in ("generate", "fisher"):
        return ""
    if not any(study.series_of(search) for search in study.searches):
        return "the study has no section series, so no images for an experiment"
    if name in ("experiment", "analyse") and study.experiment is None:
        return "the study has no section experiment"
    return ""


# ---- Searches and images ------------------------------------------------------------------------


def _generated(study: Study) -> tuple[str, list[str]]:
    standings = overview(study)
    shared = families(study, standings)
    images = [*shared, *(each.images for each in standings if each.images is not None)]
    searched = sum(each.status == "done" for each in standings)
    done, total = sum(each.done for each in images), sum(each.total for each in images)
    reasons = []
    if searched < len(standings):
        reasons.append(f"{len(standings) - searched} of {len(standings)} searches to do")
    if left := [each for each in images if each.status != "done"]:
        missing = sum(each.total - each.done for each in left)
        reasons.append(f"{missing} of {total} images to do" if missing else "images to finish")
    reasons += _changed_searches(study, standings)
    reasons += _changed_images(study, standings, shared)
    reasons += [each.message for each in standings if each.message]
    reasons += [each.message for each in images if each.message]
    there = f"{searched} of {len(standings)} searches, {done} of {total} images"
    return there, reasons if searched < len(standings) or left else []


def _changed_searches(study: Study, standings: list[Standing]) -> list[str]:
    """Name what the study says otherwise than the runs on disk that had the same names."""
    earlier = _newest(study, outdated(study, standings))
    reasons = []
    for each in standings:
        label = each.run.spec.label
        if each.status == "pending" and label in earlier:
            what = changes.changes(earlier[label]["resolved"], changes.as_read(each.run.record))
            reasons.append(f"the search '{each.run.spec.search}' changed ({what})")
    return reasons


def _newest(study: Study, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What the newest of the runs of each label says of itself, one that is done before others.

    Damaged ones say nothing.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        label = name.rpartition("-")[0]
        with suppress(InputError):
            record = RunDirectory(study.runs / name).record()
            if label not in found or _order(record) >= _order(found[label]):
                found[label] = record
    return found


def _order(record: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether a run is done, and when it was begun; "" where it never was."""
    return record["status"] == "done", record["started"] or ""


def _changed_images(
    study: Study, standings: list[Standing], shared: list[ImagesStanding]
) -> list[str]:
    """Name what the study says otherwise than the images on disk."""
    runs = {each.run.name: each.run for each in standings if each.images is not None}
    kinds = [
        (image_directory.of_run(study.runs, name), image_plan.asked_of_run(run), name)
        for name, run in runs.items()
    ]
    of_family = {run.spec.family: run for run in runs.values()}
    for images in shared:
        family = images.name.removeprefix("families/")
        directory = image_directory.of_family(study.runs, family)
        kinds.append((directory, image_plan.asked_of_family(of_family[family]), images.name))
    reasons: dict[str, None] = {}  # each once: a series is that of all runs
    for directory, asked, name in kinds:
        if directory.exists and not directory.is_asked(asked):
            what = changes.changes(directory.record()["resolved"], changes.as_read(asked))
            reasons[f"the images of {name} changed ({what})"] = None
    return list(reasons)


# ---- Predicted thresholds -----------------------------------------------------------------------


def _predicted(study: Study) -> tuple[str, list[str]]:
    plan = planned(study)
    due = [each for each in plan if not each.is_done]
    there = f"thresholds of {len(plan)} targets and models"
    if not due:
        return there, []
    reasons = [f"{len(due)} of {len(plan)} targets and models to predict"]
    return there, reasons + [what for each in due if (what := each.changed())]


# ---- The set ------------------------------------------------------------------------------------


def _built(study: Study) -> tuple[str, list[str]]:
    path = study.stimulus_set
    if not path.exists():
        return "", [f"there is no {path.name} yet"]
    files, _ = build_set.record_files(study)
    asked = build_set.made_of(study, files)
    with StimulusSet(path) as stimuli:
        then = stimuli.provenance.get("made_of", {})
        check_seal(path)
        there = f"{len(stimuli)} images, content hash {stimuli.content_hash[:12]}"
        beside = build_set.missing_findings(study, stimuli)
    searches = {f"families/{run.family}": run.search for run in grid(study)}
    searches |= {name: _search_of(study, name) for name in asked["records"] if "/" not in name}
    reasons = step_reasons.build_reasons(asked, then, searches)
    return there, reasons + [f"it holds other records of {_worded(kind)}" for kind in beside]


def _worded(kind: str) -> str:
    return kind.replace("_", " ")


def _search_of(study: Study, run: str) -> str:
    """Search of a run, by its name."""
    label = run.rpartition("-")[0]
    return next(spec.search for spec in grid(study) if spec.label == label)


def _embedded(study: Study) -> tuple[str, list[str]]:
    floors = build_set.floors(study.model_dump(mode="json"))
    reasons = []
    with StimulusSet(study.stimulus_set) as stimuli:
        table = stimuli.table
        search_of = dict(table[["family", "search"]].drop_duplicates().to_numpy().tolist())
        of_family = {
            family: None if nulls(table, family).empty else floors[search]
            for family, search in search_of.items()
        }
        for name, config in study.models.items():
            _, record = resolved_model(config, study.folder, f"models.{name}")
            own = table.loc[table["model"] == name, "layer"].dropna().unique()
            layers = config.layer_names or tuple(own[0].split(";") if len(own) else ())
            found = _found(stimuli, name)
            libraries = found.record.get("libraries", {}) if found else {}
            versions = {library: installed(library) for library in libraries}
            asked = AskedModel(seen_by(record), layers)
            reasons += step_reasons.embed_reasons(name, asked, found, of_family, versions)
    return f"distances of {', '.join(study.models)}", reasons


def _found(stimuli: StimulusSet, name: str) -> FoundModel | None:
    if name not in stimuli.models:
        return None
    results = stimuli.results(name)
    floors: dict[str, dict[str, set[float]]] = {}
    for family, rows in results.verdicts.items():
        for row in rows:
            floors.setdefault(family, {}).setdefault(row["layers"], set()).add(row["floor"])
    return FoundModel(results.record, results.layers, floors)


# ---- Answers and what they mean -----------------------------------------------------------------


def _answered(study: Study, audience: Audience) -> tuple[str, list[str]]:
    if study.experiment is None:
        raise ValueError("the study has no experiment")
    folder = study.folder / audience.data
    asked = experiment.prepared(study.name, study.seed, study.experiment, study.stimulus_set)
    with asked.stimuli:
        facts = {code: _facts(asked, folder, code, audience) for code in audience.codes}
    found = {}
    for code in audience.codes:
        table = records.session_path(folder, code, audience.session, asked.task)
        if table.is_file() and table.with_suffix(".json").is_file():
            found[code] = records.read_json(table.with_suffix(".json"))
    sessions = len(session_files.find(folder).tables)
    return f"{sessions} sessions in {audience.data}", step_reasons.session_reasons(facts, found)


def _facts(asked: Experiment, folder: Path, code: str, audience: Audience) -> dict[str, Any] | None:
    number = data_set.number_of(folder, code)
    if number is None:
        return None
    rule = rule_for(folder, code, audience.session, asked.task)
    seat = experiment.seat_of(asked, code, audience.session, audience.kind, number, rule)
    own = experiment.as_begun(asked, folder, code, audience.session)
    return changes.as_read(experiment.bound_to(own, seat))


def _analysed(study: Study, audience: Audience) -> tuple[str, list[str]]:
    folder = study.folder / provenance.REPORT
    if not (folder / provenance.PAGE).is_file():
        return "", [f"there is no {provenance.REPORT}/{provenance.PAGE} yet"]
    data = study.folder / audience.data
    with StimulusSet(study.stimulus_set) as stimuli:
        asked = {
            "source": {
                "study": study.name,
                "data": audience.data,
                "data_sha256": session_files.hash_of(data),
                "stimuli": stimuli.content_hash,
                "models": provenance.model_hashes(stimuli),
                "seed": study.seed,
                "findings": provenance.finding_hashes(stimuli),
            },
            "settings": study.analysis.model_dump(mode="json"),
            "versions": {"mrd-suite": version("mrd-suite")},
        }
    found = provenance.read_source(folder)
    return str(folder / provenance.PAGE), step_reasons.report_reasons(found, changes.as_read(asked))
