"""Which steps of a study are due: decided by what its files say they were made of, never by time.

Every function here compares what the study asks for now with what was found, both plain values, and
tells in words what differs. What is on disk is read by `mrd.workflow.steps`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from scenes.base.changes import changes, differences

State = Literal["done", "due", "waits", "none"]


@dataclass(frozen=True)
class Step:
    """A step of a study.

    Parameters
    ----------
    name
        ``generate``, ``fisher`` (where the study has that section), ``build``, ``embed``,
        ``experiment`` or ``analyse``.
    state
        ``done``; ``due``; ``waits`` for an earlier step; ``none`` where the study asks for none.
    why
        What is there, or what is to be done and why.
    commands
        Words behind ``mrd`` that carry it out, a command each.
    """

    name: str
    state: State
    why: str
    commands: tuple[tuple[str, ...], ...] = ()


def build_reasons(
    asked: Mapping[str, Any], found: Mapping[str, Any], searches: Mapping[str, str]
) -> list[str]:
    """Tell why a set is not of the runs that there are now.

    Parameters
    ----------
    asked, found
        What a set would be made of, and what the one that is there says
        (`mrd.workflow.build_set.made_of`).
    searches
        Search of every run and ``families/<family>`` of the study.
    """
    now, then = asked["records"], found.get("records", {})
    reasons = []
    for name, sha256 in now.items():
        if name not in then:
            reasons.append(f"the search '{searches[name]}' has a new result ({name})")
        elif then[name] != sha256:
            reasons.append(f"the search '{searches[name]}' has new images ({name})")
    reasons += [f"{name} is no part of the study any more" for name in then if name not in now]
    for key in ("stimuli", "schema_version"):
        reasons += differences(found.get(key), asked[key], key)
    return reasons


@dataclass(frozen=True)
class AskedModel:
    """What a study asks of a model in a set.

    Parameters
    ----------
    record
        What it is, without its layers (`mrd.study.study.seen_by`).
    layers
        Those that have to be there; empty where it is not known which: any will do.
    """

    record: Mapping[str, Any]
    layers: tuple[str, ...]


@dataclass(frozen=True)
class FoundModel:
    """What a set holds of a model.

    Parameters
    ----------
    record
        As it was embedded.
    layers
        Layer → families.
    floors
        Family → joined layers → floors that verdicts were made with.
    """

    record: Mapping[str, Any]
    layers: Mapping[str, Collection[str]]
    floors: Mapping[str, Mapping[str, Collection[float]]]


def embed_reasons(
    name: str,
    asked: AskedModel,
    found: FoundModel | None,
    floors: Mapping[str, float | None],
    versions: Mapping[str, str | None],
) -> list[str]:
    """Tell why a model has to be embedded.

    Parameters
    ----------
    name
        Of the model.
    asked, found
        What the study asks for, and what the set holds; None where it holds nothing of it.
    floors
        Least match of a metamer by family; None without null images, which judge.
    versions
        Of the libraries that are installed.
    """
    if found is None:
        return [f"'{name}' is not in the set"]
    reasons = list(differences(found.record.get("asked"), asked.record, f"models.{name}"))
    for library, version in found.record.get("libraries", {}).items():
        if versions.get(library) != version:
            reasons.append(f"'{name}' saw with {library} {version}, not {versions.get(library)}")
    wanted = asked.layers or tuple(found.layers)
    reasons += [
        f"'{name}' was not read at {layer}"
        for layer in wanted
        if not set(floors) <= set(found.layers.get(layer, ()))
    ]
    for family, floor in floors.items():
        judged = [
            given
            for layers, given in found.floors.get(family, {}).items()
            if not asked.layers or set(layers.split(";")) == set(wanted)
        ]
        if floor is not None and not any(floor in given for given in judged):
            reasons.append(f"'{name}' has not judged {family} by the floor {floor:g}")
    return reasons


def session_reasons(
    asked: Mapping[str, Mapping[str, Any] | None], found: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Tell which sessions are missing, unfinished, or of another experiment.

    Parameters
    ----------
    asked
        What each participant's session has to be bound to; None for who is not enrolled yet.
    found
        Descriptions of the sessions that there are, by participant.
    """
    missing = [code for code in asked if code not in found]
    unfinished = [
        code for code in asked if code in found and not found[code].get("Finished", False)
    ]
    others: dict[str, int] = {}
    for code, facts in asked.items():
        if facts is None or code in missing or code in unfinished:
            continue
        then = found[code].get("Session", {})
        what = changes({key: then.get(key) for key in facts}, facts)
        if what:
            others[what] = others.get(what, 0) + 1
    reasons = []
    if missing:
        reasons.append(f"{len(missing)} of {len(asked)} sessions to do")
    if unfinished:
        reasons.append(f"{len(unfinished)} of {len(asked)} sessions not finished")
    reasons += [
        f"{count} sessions of another experiment ({what})" for what, count in others.items()
    ]
    return reasons


# What a difference between a report and what there is now means to people.
OF_REPORT = {
    "data": "the report is of other sessions",
    "data_sha256": "the answers, or what describes them, are others than the report's",
    "stimuli": "the stimulus set is another than the report's",
    "findings": "predicted thresholds, reaches or pixel metamers are others than the report's",
}


def report_reasons(found: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Tell why a report is not of what there is now.

    Parameters
    ----------
    found, asked
        ``source`` (`analysis.report.provenance`), ``settings`` and ``versions``, as the report
        says, and as they would be now; keys that `asked` lacks do not count.
    """
    reasons = []
    for part in ("source", "settings", "versions"):
        for key, now in asked[part].items():
            then = found[part].get(key)
            if then == now:
                continue
            if part == "source" and key == "models":
                changed = sorted(
                    name
                    for name in {*(then or {}), *now}
                    if (then or {}).get(name) != now.get(name)
                )
                reasons.append(f"other distances than the report's of {', '.join(changed)}")
            elif part == "source" and key in OF_REPORT:
                reasons.append(OF_REPORT[key])
            else:
                place = f"analysis.{key}" if part == "settings" else key
                reasons.extend(differences(then, now, place))
    return reasons
