"""Apply the exclusion rules of the study, and list every exclusion."""

import pandas as pd

from analysis.config import ExclusionsConfig
from psychophysics.data.columns import MISSING
from scenes.base.errors import InputError

COLUMNS = ["rule", "observer", "session", "trials", "detail"]


def apply(
    trials: pd.DataFrame, rules: ExclusionsConfig
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Exclude participants, unfinished sessions, sessions by catch trials, then single trials.

    With the rule `unanswered`, only answered catch trials count; a session without one fails.

    Parameters
    ----------
    trials
        All phases of all sessions (`analysis.trials.sessions.load`).
    rules
        Exclusion rules.

    Returns
    -------
    kept : pandas.DataFrame
        Remaining trials of the phase ``main``.
    catch : pandas.DataFrame
        A row for each session with catch trials that was not excluded by another rule:
        ``observer``, ``session``, ``trials``, ``unanswered`` (number excluded) and ``proportion``
        correct.
    excluded : pandas.DataFrame
        A row for each exclusion, sessions of other sets or experiments first: ``rule``,
        ``observer``, ``session``, ``trials`` (excluded main trials), ``detail``.

    Raises
    ------
    InputError
        A participant to exclude is not in the data, or no trial is left.
    """
    excluded: list[dict[str, object]] = list(trials.attrs.get("left_out", ()))
    known = {*trials["observer"], *(each["observer"] for each in excluded)}
    if unknown := sorted(set(rules.participants) - known):
        raise InputError(
            f"analysis.exclude.participants: there are no data of {', '.join(unknown)}; "
            f"participants: {', '.join(sorted(trials['observer'].unique()))}"
        )
    kept = trials
    for rule, sessions in (
        ("participants", _of_participants(trials, rules.participants)),
        ("unfinished", _unfinished(trials) if rules.unfinished else {}),
        ("catch", _failed_catch(_catch(trials, rules.unanswered), rules.catch)),
    ):
        kept = _without_sessions(kept, rule, sessions, excluded)
    catch = _catch(kept, rules.unanswered)
    main = kept[kept["phase"] == "main"]
    too_many = f"more than {rules.dropped_frames} frames dropped"
    for rule, bad, detail in (
        ("unanswered", (main["response"] == MISSING) & rules.unanswered, "no answer in time"),
        ("fastest", main["response_time"] < rules.fastest, f"faster than {rules.fastest:g} s"),
        ("slowest", main["response_time"] > rules.slowest, f"slower than {rules.slowest:g} s"),
        ("dropped_frames", main["dropped"] > rules.dropped_frames, too_many),
    ):
        bad = bad.reindex(main.index) & True
        for (observer, session), cell in main[bad].groupby(["observer", "session"]):
            excluded.append(_entry(rule, observer, session, len(cell), detail))
        main = main[~bad]
    if main.empty:
        raise InputError(
            f"analysis.exclude: no trial is left; {_summary(excluded)}; loosen a rule, or ask "
            "more people"
        )
    return main.reset_index(drop=True), catch, pd.DataFrame(excluded, columns=COLUMNS)


def _summary(excluded: list[dict[str, object]]) -> str:
    """Return how many trials each rule excluded, with the detail of its last exclusion."""
    if not excluded:
        return "no trial has the phase main"
    by_rule = pd.DataFrame(excluded).groupby("rule", sort=False)
    return ", ".join(
        f"{rule} excluded {own['trials'].sum()} (participant {own['observer'].iloc[-1]}: "
        f"{own['detail'].iloc[-1]})"
        for rule, own in by_rule
    )


Session = tuple[str, str]  # observer, session


def _sessions(trials: pd.DataFrame) -> list[Session]:
    pairs = trials[["observer", "session"]].drop_duplicates()
    return [(str(o), str(s)) for o, s in pairs.itertuples(index=False)]


def _of_participants(trials: pd.DataFrame, codes: tuple[str, ...]) -> dict[Session, str]:
    excluded = trials[trials["observer"].isin(codes)]
    return dict.fromkeys(_sessions(excluded), "named in the study")


def _unfinished(trials: pd.DataFrame) -> dict[Session, str]:
    return dict.fromkeys(_sessions(trials[~trials["finished"]]), "the session was not finished")


def _catch(trials: pd.DataFrame, exclude_unanswered: bool) -> pd.DataFrame:
    """Return the number and proportion correct of each session's catch trials."""
    shown = trials[trials["phase"] == "catch"]
    unanswered = (shown["response"] == MISSING) & exclude_unanswered
    counted = shown.assign(unanswered=unanswered, right=shown["correct"].where(~unanswered, 0))
    table = counted.groupby(["observer", "session"]).agg(
        trials=("right", "size"), unanswered=("unanswered", "sum"), right=("right", "sum")
    )
    answered = table["trials"] - table["unanswered"]
    table["proportion"] = table.pop("right") / answered.clip(lower=1)
    return table.reset_index()


def _failed_catch(catch: pd.DataFrame, minimum: float) -> dict[Session, str]:
    failed = catch[catch["proportion"] < minimum]
    return {
        (str(row["observer"]), str(row["session"])): (
            f"{row['proportion']:.2f} of {row['trials'] - row['unanswered']} answered catch trials "
            f"correct, at least {minimum:g} required"
        )
        for _, row in failed.iterrows()
    }


def _without_sessions(
    trials: pd.DataFrame, rule: str, sessions: dict[Session, str], excluded: list[dict[str, object]]
) -> pd.DataFrame:
    for (observer, session), detail in sessions.items():
        own = (trials["observer"] == observer) & (trials["session"] == session)
        if own.any():
            lost = int((trials.loc[own, "phase"] == "main").sum())
            excluded.append(_entry(rule, observer, session, lost, detail))
            trials = trials[~own]
    return trials


def _entry(
    rule: str, observer: object, session: object, trials: int, detail: str
) -> dict[str, object]:
    return dict(zip(COLUMNS, (rule, observer, session, trials, detail), strict=True))
