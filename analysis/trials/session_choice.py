"""Choose the sessions of a data folder that are analysed together: one set, one experiment."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psychophysics.data.same_experiment import conflicts, describe, differences, session_name
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet

Sidecars = Mapping[Path, Mapping[str, Any]]  # by the path of the session's table


@dataclass
class SessionChoice:
    """Tables of sessions that are analysed together, and why the others are excluded."""

    kept: list[Path]
    left_out: dict[Path, tuple[str, str]] = field(default_factory=dict)  # rule, reason
    notes: list[str] = field(default_factory=list)  # on minor differences between sessions

    def exclude(self, reasons: Mapping[Path, str], rule: str) -> None:
        """Move tables from `kept` to `left_out`."""
        self.left_out |= {path: (rule, reason) for path, reason in reasons.items()}
        self.kept = [path for path in self.kept if path not in reasons]


def choose_sessions(
    sidecars: Sidecars,
    stimuli: StimulusSet,
    folder: Path,
    *,
    other_sets: bool = False,
    like: str | None = None,
    excluded: Collection[str] = (),
) -> SessionChoice:
    """Choose the sessions for one report; raise if several sets or experiments were used.

    Sessions of other sets are excluded if `other_sets` is true. Sessions of other experiments are
    excluded if `like` (a participant or ``participant/session``) is given. The experiment of
    participants in `excluded` does not matter: the study excludes them.
    """
    choice = SessionChoice(list(sidecars))
    _choose_set(choice, sidecars, stimuli, folder, other_sets)
    if like is not None:
        _choose_experiment(choice, sidecars, folder, like)
    counted = _selection(sidecars, (p for p in choice.kept if _participant(p) not in excluded))
    for one, other in conflicts(counted):
        words = _differences(sidecars, one, other)
        if like is not None:
            raise InputError(
                f"--like {like}: sessions that do not differ from it differ from each other "
                f"({words}); name one of these with --like, or participants under "
                "analysis.exclude.participants"
            )
        raise InputError(
            f"{folder}: sessions of different experiments are not pooled: {words}; "
            f"--like {session_name(other)} analyses the sessions of one experiment and lists the "
            "others, or name participants under analysis.exclude.participants"
        )
    choice.notes += _notes(counted)
    return choice


def _participant(path: Path) -> str:
    return session_name(path).partition("/")[0]


def _selection(sidecars: Sidecars, paths: Iterable[Path]) -> Sidecars:
    return {path: sidecars[path] for path in paths}


def _choose_set(
    choice: SessionChoice,
    sidecars: Sidecars,
    stimuli: StimulusSet,
    folder: Path,
    other_sets: bool,
) -> None:
    shown = {path: str(sidecars[path]["Session"].get("StimulusSet")) for path in choice.kept}
    others = {path: each for path, each in shown.items() if each != stimuli.content_hash}
    if not others:
        return
    counts = ", ".join(
        f"{count} with {each[:12]}{_stored_at(stimuli.path, each)}"
        for each, count in Counter(others.values()).most_common()
    )
    own = f"{stimuli.path} is {stimuli.content_hash[:12]}"
    if len(others) == len(shown):
        raise InputError(
            f"{folder}: no session was made with this stimulus set ({own}): {counts}; analyse them "
            "with their own set: --stimuli FILE"
        )
    if not other_sets:
        raise InputError(
            f"{folder}: sessions of several stimulus sets: {len(shown) - len(others)} with this "
            f"one ({own}), {counts}; --stimuli FILE analyses those of one set and lists the others"
        )
    reasons = {path: f"was made with stimulus set {each[:12]}" for path, each in others.items()}
    choice.exclude(reasons, "stimulus set")


def _stored_at(path: Path, content_hash: str) -> str:
    """Return the path of an earlier set's copy, in brackets; empty if there is none."""
    copy = path.with_name(f"{path.stem}-{content_hash[:12]}{path.suffix}")
    return f" ({copy})" if copy.is_file() else ""


def _choose_experiment(choice: SessionChoice, sidecars: Sidecars, folder: Path, like: str) -> None:
    named = [path for path in choice.kept if like in (session_name(path), _participant(path))]
    if not named:
        known = ", ".join(map(session_name, choice.kept))
        raise InputError(
            f"--like {like}: {folder} holds no such participant or session; sessions: {known}"
        )
    for one, other in conflicts(_selection(sidecars, named)):
        raise InputError(
            f"--like {like}: its sessions are of several experiments "
            f"({_differences(sidecars, one, other)}); name one, such as --like {session_name(one)}"
        )
    reasons: dict[Path, str] = {}
    for path in choice.kept:
        for each in named:
            if path not in reasons and differences(sidecars[each], sidecars[path]):
                reasons[path] = f"another experiment: {_differences(sidecars, each, path)}"
    choice.exclude(reasons, "experiment")


def _differences(sidecars: Sidecars, one: Path, other: Path) -> str:
    return describe(
        differences(sidecars[one], sidecars[other]), session_name(one), session_name(other)
    )


def _notes(sidecars: Sidecars) -> list[str]:
    """Return one note for each minor setting that differs between sessions."""
    texts: dict[str, str] = {}
    for one, other in conflicts(sidecars, minor=True):
        minor = differences(sidecars[one], sidecars[other], minor=True)
        for key, values in minor.items():
            texts.setdefault(key, describe({key: values}, session_name(one), session_name(other)))
    return [f"sessions are pooled though they differ in {text}" for text in texts.values()]
