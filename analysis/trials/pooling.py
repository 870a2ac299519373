"""Which sessions of a data folder are analysed together: of one set, and one experiment."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psychophysics.data.same_experiment import conflicts, describe, differences, session_name
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet

Sidecars = Mapping[Path, Mapping[str, Any]]


@dataclass
class Pool:
    """Sessions that are analysed together.

    Parameters
    ----------
    kept
        Their tables.
    left_out
        The other tables, each with the rule and the reason, for the list of exclusions.
    notes
        What differs between the sessions that are kept, without changing what a trial is.
    """

    kept: list[Path]
    left_out: dict[Path, tuple[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def pooled(
    sidecars: Sidecars,
    stimuli: StimulusSet,
    folder: Path,
    *,
    apart: bool = False,
    like: str | None = None,
    excluded: Collection[str] = (),
) -> Pool:
    """Choose the sessions that one report is of.

    Parameters
    ----------
    sidecars
        Descriptions of all sessions, by the path of their table.
    stimuli
        The set.
    folder
        Of the data, for messages.
    apart
        Whether sessions of other sets are left out; without it they are refused.
    like
        A participant, or ``participant/session``: sessions of other experiments than this one's are
        left out; without it they are refused.
    excluded
        Participants who are left out by the study: their experiment does not matter.

    Raises
    ------
    InputError
        Sessions of several sets or experiments would be pooled, no session is of the set, or
        `like` names none or several experiments.
    """
    pool = Pool(list(sidecars))
    _by_set(pool, sidecars, stimuli, folder, apart)
    if like is not None:
        _by_experiment(pool, sidecars, folder, like, excluded)
    counted = [path for path in pool.kept if _code(path) not in excluded]
    if like is None:
        _check_experiment(counted, sidecars, folder)
    pool.notes += _notes(counted, sidecars)
    return pool


def _code(path: Path) -> str:
    return session_name(path).partition("/")[0]


def _by_set(
    pool: Pool, sidecars: Sidecars, stimuli: StimulusSet, folder: Path, apart: bool
) -> None:
    shown = {path: str(sidecars[path]["Session"].get("StimulusSet")) for path in pool.kept}
    others = {path: each for path, each in shown.items() if each != stimuli.content_hash}
    if not others:
        return
    counts = ", ".join(
        f"{count} with {each[:12]}{_kept_as(stimuli.path, each)}"
        for each, count in Counter(others.values()).most_common()
    )
    own = f"{stimuli.path} is {stimuli.content_hash[:12]}"
    if len(others) == len(shown):
        raise InputError(
            f"{folder}: no session was made with this stimulus set ({own}): {counts}; analyse them "
            "with their own set: --stimuli FILE"
        )
    if not apart:
        raise InputError(
            f"{folder}: sessions of several stimulus sets: {len(shown) - len(others)} with this "
            f"one ({own}), {counts}; --stimuli FILE analyses those of one set and lists the others"
        )
    for path, each in others.items():
        pool.left_out[path] = "stimulus set", f"was made with stimulus set {each[:12]}"
    pool.kept = [path for path in pool.kept if path not in others]


def _kept_as(path: Path, content_hash: str) -> str:
    kept = path.with_name(f"{path.stem}-{content_hash[:12]}{path.suffix}")
    return f" ({kept})" if kept.is_file() else ""


def _by_experiment(
    pool: Pool, sidecars: Sidecars, folder: Path, like: str, excluded: Collection[str]
) -> None:
    named = [path for path in pool.kept if like in (session_name(path), _code(path))]
    if not named:
        known = ", ".join(map(session_name, pool.kept))
        raise InputError(
            f"--like {like}: {folder} holds no such participant or session; sessions: {known}"
        )
    for one, other in conflicts({path: sidecars[path] for path in named}):
        raise InputError(
            f"--like {like}: its sessions are of several experiments "
            f"({_differ(sidecars, one, other)}); name one, such as --like {session_name(one)}"
        )
    for path in pool.kept:
        for each in named:
            if path not in pool.left_out and differences(sidecars[each], sidecars[path]):
                words = _differ(sidecars, each, path)
                pool.left_out[path] = "experiment", f"another experiment: {words}"
    pool.kept = [path for path in pool.kept if path not in pool.left_out]
    counted = {path: sidecars[path] for path in pool.kept if _code(path) not in excluded}
    for one, other in conflicts(counted):
        raise InputError(
            f"--like {like}: sessions that do not differ from it differ from each other "
            f"({_differ(sidecars, one, other)}); name one of these with --like, or participants "
            "under analysis.exclude.participants"
        )


def _check_experiment(paths: list[Path], sidecars: Sidecars, folder: Path) -> None:
    for one, other in conflicts({path: sidecars[path] for path in paths}):
        raise InputError(
            f"{folder}: sessions of different experiments are not pooled: "
            f"{_differ(sidecars, one, other)}; "
            f"--like {session_name(other)} analyses the sessions of one experiment and lists the "
            "others, or name participants under analysis.exclude.participants"
        )


def _differ(sidecars: Sidecars, one: Path, other: Path) -> str:
    return describe(
        differences(sidecars[one], sidecars[other]), session_name(one), session_name(other)
    )


def _notes(paths: list[Path], sidecars: Sidecars) -> list[str]:
    """Say once for each key what differs, and matters less."""
    found: dict[str, str] = {}
    for one, other in conflicts({path: sidecars[path] for path in paths}, minor=True):
        minor = differences(sidecars[one], sidecars[other], minor=True)
        for key, values in minor.items():
            found.setdefault(key, describe({key: values}, session_name(one), session_name(other)))
    return [f"sessions are pooled though they differ in {text}" for text in found.values()]
