"""Which sessions of a data folder are analysed together: of one set, and one experiment."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psychophysics import same_experiment
from psychophysics.same_experiment import differences, in_words, name_of
from scenes.errors import InputError
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
    counted = [path for path in pool.kept if _code(path) not in excluded]
    if like is not None:
        _by_experiment(pool, sidecars, folder, like)
        counted = [path for path in counted if path in set(pool.kept)]
    else:
        _check_experiment(counted, sidecars, folder)
    pool.notes += _notes(counted, sidecars)
    return pool


def _code(path: Path) -> str:
    return name_of(path).partition("/")[0]


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


def _by_experiment(pool: Pool, sidecars: Sidecars, folder: Path, like: str) -> None:
    named = [path for path in pool.kept if like in (name_of(path), _code(path))]
    if not named:
        known = ", ".join(map(name_of, pool.kept))
        raise InputError(
            f"--like {like}: {folder} holds no such participant or session; sessions: {known}"
        )
    first = named[0]
    for path in named[1:]:
        if found := differences(sidecars[first], sidecars[path]):
            raise InputError(
                f"--like {like}: its sessions are of several experiments "
                f"({in_words(found, name_of(first), name_of(path))}); name one, such as "
                f"--like {name_of(first)}"
            )
    for path in pool.kept:
        if found := differences(sidecars[first], sidecars[path]):
            words = in_words(found, name_of(first), name_of(path))
            pool.left_out[path] = "experiment", f"another experiment: {words}"
    pool.kept = [path for path in pool.kept if path not in pool.left_out]


def _check_experiment(paths: list[Path], sidecars: Sidecars, folder: Path) -> None:
    for path in paths[1:]:
        if found := differences(sidecars[paths[0]], sidecars[path]):
            words = in_words(found, name_of(paths[0]), name_of(path))
            raise InputError(
                f"{folder}: sessions of different experiments are not pooled: {words}; "
                f"--like {name_of(path)} analyses the sessions of one experiment and lists the "
                "others, or name participants under analysis.exclude.participants"
            )


def _notes(paths: list[Path], sidecars: Sidecars) -> list[str]:
    """Say once for each key what differs, and matters less."""
    found: dict[str, str] = {}
    for path in paths[1:]:
        minor = same_experiment.differences(sidecars[paths[0]], sidecars[path], minor=True)
        for key, values in minor.items():
            found.setdefault(key, in_words({key: values}, name_of(paths[0]), name_of(path)))
    return [f"sessions are pooled though they differ in {text}" for text in found.values()]
