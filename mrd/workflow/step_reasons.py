"""Reasons why a step of a study remains: recorded inputs differ (file times are not used).

Each function compares plain values: what the study requests now, and what was recorded. Files are
read by `mrd.workflow.steps`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mrd.study.criterion_section import ScoringRule
from scenes.base.changes import changes, differences

StepState = Literal["done", "due", "waits", "none"]


@dataclass(frozen=True)
class StudyStep:
    """A step of a study."""

    name: str  # generate, fisher (if the study has that section), build, embed, …
    state: StepState  # due: remains; waits: for an earlier step; none: not in this study
    why: str  # what exists, or why the step remains
    commands: tuple[tuple[str, ...], ...] = ()  # words after ``mrd`` of each command


def build_reasons(
    requested: Mapping[str, Any], found: Mapping[str, Any], searches: Mapping[str, str]
) -> list[str]:
    """Return why a set has to be built again (`build_set.inputs_of`).

    `requested` are the present inputs, `found` those the set was built from; `searches` maps the
    names of runs and ``families/<family>`` to their search.
    """
    now, then = requested["records"], found.get("records", {})
    reasons = []
    for name, sha256 in now.items():
        if name not in then:
            reasons.append(f"the search '{searches[name]}' has a new result ({name})")
        elif then[name] != sha256:
            reasons.append(f"the search '{searches[name]}' has new images ({name})")
    reasons += [f"{name} is no part of the study any more" for name in then if name not in now]
    for key in ("stimuli", "schema_version"):
        reasons += differences(found.get(key), requested[key], key)
    return reasons


@dataclass(frozen=True)
class RequestedModel:
    """A model of the study: its record without layers, and its layers (empty: any)."""

    record: Mapping[str, Any]
    layers: tuple[str, ...]


@dataclass(frozen=True)
class EmbeddedModel:
    """A model whose results a set contains."""

    record: Mapping[str, Any]
    layers: Mapping[str, Collection[str]]  # layer → families with distances
    rules: Mapping[str, Mapping[str, Collection[ScoringRule]]]  # of its verdicts: family → layers


def embed_reasons(
    name: str,
    requested: RequestedModel,
    found: EmbeddedModel | None,
    rules: Mapping[str, ScoringRule | None],
    versions: Mapping[str, str | None],
) -> list[str]:
    """Return why model `name` has to be embedded; empty if its results are up to date.

    `rules` maps each family to the limits of a metamer (None without null images);
    `versions` are those of the installed libraries.
    """
    if found is None:
        return [f"the set has no distances of model '{name}' yet"]
    reasons = list(differences(found.record.get("asked"), requested.record, f"models.{name}"))
    for library, version in found.record.get("libraries", {}).items():
        if versions.get(library) != version:
            reasons.append(
                f"'{name}' was embedded with {library} {version}, not {versions.get(library)}"
            )
    wanted = requested.layers or tuple(found.layers)
    reasons += [
        f"'{name}' was not read at {layer}"
        for layer in wanted
        if not set(rules) <= set(found.layers.get(layer, ()))
    ]
    for family, rule in rules.items():
        stored = [
            scored
            for layers, scored in found.rules.get(family, {}).items()
            if not requested.layers or set(layers.split(";")) == set(wanted)
        ]
        if rule is not None and not any(rule in each for each in stored):
            limits = " and ".join(f"{key} {value:g}" for key, value in rule.record().items())
            reasons.append(f"'{name}' has not scored {family} with {limits}")
    return reasons


def session_reasons(
    requested: Mapping[str, Mapping[str, Any] | None], found: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return which sessions are missing, unfinished, or of another experiment.

    Both arguments have the participants' codes as keys. `requested` has the facts that a session
    must have (None if the participant is not enrolled yet), `found` the recorded description.
    """
    missing = [code for code in requested if code not in found]
    unfinished = [
        code for code in requested if code in found and not found[code].get("Finished", False)
    ]
    others: dict[str, int] = {}
    for code, facts in requested.items():
        if facts is None or code in missing or code in unfinished:
            continue
        then = found[code].get("Session", {})
        what = changes({key: then.get(key) for key in facts}, facts)
        if what:
            others[what] = others.get(what, 0) + 1
    reasons = []
    if missing:
        reasons.append(f"{len(missing)} of {len(requested)} sessions to do")
    if unfinished:
        reasons.append(f"{len(unfinished)} of {len(requested)} sessions not finished")
    reasons += [
        f"{count} sessions of another experiment ({what})" for what, count in others.items()
    ]
    return reasons


# Meaning of a difference between the sources of a report and the files of the study.
REPORT_CHANGES = {
    "data": "the report is of other sessions",
    "data_sha256": "the answers, or their descriptions, differ from the report's",
    "stimuli": "the stimulus set differs from the report's",
    "findings": "predicted thresholds, reaches, recovery, warnings or pixel metamers differ from "
    "the report's",
}


def report_reasons(found: Mapping[str, Any], requested: Mapping[str, Any]) -> list[str]:
    """Return why a report is not up to date.

    Both arguments have ``source`` (`analysis.report.provenance`), ``settings`` and ``versions``:
    `found` as recorded in the report, `requested` as they are now. Keys that are missing in
    `requested` are ignored.
    """
    reasons = []
    for part in ("source", "settings", "versions"):
        for key, now in requested[part].items():
            then = found[part].get(key)
            if then == now:
                continue
            if part == "source" and key == "models":
                changed = sorted(
                    name
                    for name in {*(then or {}), *now}
                    if (then or {}).get(name) != now.get(name)
                )
                reasons.append(f"distances of {', '.join(changed)} differ from the report's")
            elif part == "source" and key in REPORT_CHANGES:
                reasons.append(REPORT_CHANGES[key])
            else:
                place = f"analysis.{key}" if part == "settings" else key
                reasons.extend(differences(then, now, place))
    return reasons
