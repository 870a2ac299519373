"""Texts that participants read."""

from collections.abc import Collection, Sequence

from psychophysics.config import GO_ON, PAUSE, ExperimentConfig
from psychophysics.tasks.base import Task
from psychophysics.trials import Trial

QUESTIONS = {
    "oddity": "Three pictures: two show the same thing. Which is the odd one?",
    "match_to_sample": "First one picture, then two. Which of the two shows the same thing?",
    "same_different": "Two pictures. Do they show the same thing, or different things?",
}
_FEEDBACK = {
    True: "You will see whether your answers are right.",
    False: "You will no longer see whether your answers are right.",
}
_GO_ON = f"Press {GO_ON} to go on."


def choices(task: Task, keys: Sequence[str]) -> str:
    """Return a line that names the key of each choice, in the order of the choices."""
    return "     ".join(
        f"{key} = {alternative}" for key, alternative in zip(keys, task.alternatives, strict=True)
    )


def instructions(config: ExperimentConfig, task: Task, keys: Sequence[str]) -> str:
    """Return the study's first page, with question and keys filled in."""
    text = config.instructions.replace("{question}", QUESTIONS[task.name])
    return f"{text.replace('{keys}', choices(task, keys))}\n\n{_GO_ON}"


def keys_read(keys: Sequence[str], read: Collection[str]) -> str:
    """Return the request to press each key, with pressed keys marked: ``1 ✓     2     3``."""
    return try_keys("     ".join(f"{key} ✓" if key in read else key for key in keys))


def try_keys(keys: str) -> str:
    """Return the request to press each answer key once; `keys` is their list or a placeholder."""
    return f"Press each of your keys once: a mark shows that it was read.\n{keys}"


def resumed(trials: int | str) -> str:
    """Return the page of a resumed session; `trials` is its number of trials or a placeholder."""
    return f"The session goes on after {trials} trials.\n\n{_GO_ON}"


def practice() -> str:
    """Return the page before practice."""
    return f"First some practice. {_FEEDBACK[True]}\n\n{_GO_ON}"


def rest(before: Trial, trial: Trial, done: int, feedback: bool) -> str:
    """Return the page between two trials: the end of practice, a new part or a break."""
    if before.phase == "practice":
        return f"That was practice. Now the session begins.\n{_FEEDBACK[feedback]}\n\n{_GO_ON}"
    share = round(100 * done / (done + trial.remaining))
    what = "The next part begins." if before.block != trial.block else "Take a break."
    return f"{what}\n\n{bar(share)}\n{share} % done\n\n{_GO_ON}"


def bar(share: int) -> str:
    """Return a progress bar of twenty characters for a share in per cent."""
    full = round(share / 5)
    return "■" * full + "□" * (20 - full)


def paused() -> str:
    """Return the page of a pause."""
    return f"Paused.\n\n{_GO_ON}\nPress {PAUSE} again to end; what you answered is kept."


def thanks() -> str:
    """Return the last page."""
    return f"That was all. Thank you.\n\nPress {GO_ON} to close."


def feedback(right: bool | None) -> str:
    """Return the text of feedback; `right` is None if there was no answer in time."""
    return {True: "right", False: "wrong", None: "no answer in time"}[right]
