"""What is left out by the rules of the study, counted and listed."""

import pandas as pd

from analysis.config import ExclusionsConfig
from scenes.base.errors import InputError

MISSING = "n/a"  # response of a trial without an answer
COLUMNS = ["rule", "observer", "session", "trials", "detail"]


def applied(
    trials: pd.DataFrame, rules: ExclusionsConfig
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Apply the rules: participants, unfinished sessions, catch trials, then single trials.

    Trials without an answer are left out first where the rules say so: of catch trials, the
    answered ones count, and a session without one has failed.

    Parameters
    ----------
    trials
        All phases of all sessions (`analysis.trials.sessions.load`).
    rules
        What is left out.

    Returns
    -------
    kept : pandas.DataFrame
        Trials of the phase ``main`` that no rule leaves out.
    catch : pandas.DataFrame
        A row a session: ``observer``, ``session``, ``trials``, ``unanswered`` (of these, left
        out) and ``proportion`` right of its catch trials; only sessions that have some and were
        not left out before.
    excluded : pandas.DataFrame
        A row for each exclusion, sessions of another set or experiment first: ``rule``,
        ``observer``, ``session``, ``trials`` (main trials left out), ``detail``.

    Raises
    ------
    InputError
        A participant to leave out is not in the data, or nothing is left.
    """
    excluded: list[dict[str, object]] = list(trials.attrs.get("left_out", ()))
    there = {*trials["observer"], *(each["observer"] for each in excluded)}
    unknown = sorted(set(rules.participants) - there)
    if unknown:
        known = ", ".join(sorted(trials["observer"].unique()))
        raise InputError(
            f"analysis.exclude.participants: there are no data of {', '.join(unknown)}; "
            f"participants: {known}"
        )
    kept = trials
    named = dict.fromkeys(rules.participants, "named in the study")
    for rule, found in (
        ("participants", {(o, s): named[o] for o, s in _sessions(trials) if o in named}),
        ("unfinished", _unfinished(trials) if rules.unfinished else {}),
        ("catch", _failed_catch(_catch(trials, rules.unanswered), rules.catch)),
    ):
        kept = _without_sessions(kept, rule, found, excluded)
    catch = _catch(kept, rules.unanswered)
    main = kept[kept["phase"] == "main"]
    unanswered = (main["response"] == MISSING) & rules.unanswered
    for rule, bad, detail in (
        ("unanswered", unanswered, "no answer in time"),
        ("fastest", main["response_time"] < rules.fastest, f"faster than {rules.fastest:g} s"),
        ("slowest", main["response_time"] > rules.slowest, f"slower than {rules.slowest:g} s"),
        (
            "dropped_frames",
            main["dropped"] > rules.dropped_frames,
            f"more than {rules.dropped_frames} frames missed",
        ),
    ):
        bad = bad.reindex(main.index) & True
        for (observer, session), cell in main[bad].groupby(["observer", "session"]):
            excluded.append(_entry(rule, observer, session, len(cell), detail))
        main = main[~bad]
    if main.empty:
        why = _told(excluded)
        raise InputError(
            f"analysis.exclude: no trial is left; {why}; loosen a rule, or ask more people"
        )
    return main.reset_index(drop=True), catch, pd.DataFrame(excluded, columns=COLUMNS)


def _told(excluded: list[dict[str, object]]) -> str:
    """Say how many trials each rule took, and why it took the last of them."""
    if not excluded:
        return "none of the phase main was there"
    by_rule = pd.DataFrame(excluded).groupby("rule", sort=False)
    return ", ".join(
        f"{rule} took {its['trials'].sum()} (participant {its['observer'].iloc[-1]}: "
        f"{its['detail'].iloc[-1]})"
        for rule, its in by_rule
    )


Session = tuple[str, str]


def _sessions(trials: pd.DataFrame) -> list[Session]:
    pairs = trials[["observer", "session"]].drop_duplicates()
    return [(str(o), str(s)) for o, s in pairs.itertuples(index=False)]


def _unfinished(trials: pd.DataFrame) -> dict[Session, str]:
    return dict.fromkeys(_sessions(trials[~trials["finished"]]), "the session was not finished")


def _catch(trials: pd.DataFrame, leave_unanswered: bool) -> pd.DataFrame:
    shown = trials[trials["phase"] == "catch"]
    left = (shown["response"] == MISSING) & leave_unanswered
    counted = shown.assign(unanswered=left, right=shown["correct"].where(~left, 0))
    sessions = counted.groupby(["observer", "session"])
    made = sessions.agg(
        trials=("right", "size"), unanswered=("unanswered", "sum"), right=("right", "sum")
    )
    answered = made["trials"] - made["unanswered"]
    return (
        made.assign(proportion=made["right"] / answered.clip(lower=1))
        .drop(columns="right")
        .reset_index()
    )


def _failed_catch(catch: pd.DataFrame, least: float) -> dict[Session, str]:
    failed = catch[catch["proportion"] < least]
    return {
        (str(row["observer"]), str(row["session"])): (
            f"{row['proportion']:.2f} of {row['trials'] - row['unanswered']} answered catch trials "
            f"right, {least:g} asked for"
        )
        for _, row in failed.iterrows()
    }


def _without_sessions(
    trials: pd.DataFrame, rule: str, found: dict[Session, str], excluded: list[dict[str, object]]
) -> pd.DataFrame:
    for (observer, session), detail in found.items():
        of = (trials["observer"] == observer) & (trials["session"] == session)
        if of.any():
            lost = int((trials.loc[of, "phase"] == "main").sum())
            excluded.append(_entry(rule, observer, session, lost, detail))
            trials = trials[~of]
    return trials


def _entry(
    rule: str, observer: object, session: object, trials: int, detail: str
) -> dict[str, object]:
    return dict(zip(COLUMNS, (rule, observer, session, trials, detail), strict=True))
