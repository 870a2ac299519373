"""The part of the study file that says what people are asked, and on which display."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from psychophysics.psychometric_function import Function
from psychophysics.tasks.registry import TASKS
from psychophysics.timing import whole_frames
from scenes.base.frozen import Frozen, between

TaskName = Literal["oddity", "match_to_sample", "same_different"]
Varied = Literal["camera", "lighting", "noise"]
Comparison = Literal["result", "control", "pixel"]

Seconds = Annotated[float, between(0, 60)]
Shown = Annotated[float, between(0, 60, above_low=True)]
Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Some = Annotated[int, Field(strict=True, ge=1, le=100_000)]
Share = Annotated[float, between(0, 1)]

RATED: TaskName = "same_different"  # the task whose guess rate is a false-alarm rate
FALSE_ALARMS = (0.05, 0.15, 0.3, 0.5, 0.7, 0.9)  # of QUEST+, where the study gives none

# Keys with a meaning of their own in a session.
PAUSE, GO_ON = "escape", "space"


def _without_repeats(items: tuple[str, ...]) -> tuple[str, ...]:
    for item in items:
        if items.count(item) > 1:
            raise ValueError(f"'{item}' is named twice; name each once")
    return items


Names = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_without_repeats)]


class TimingConfig(Frozen):
    """Durations in seconds, each a whole number of frames of the display.

    Parameters
    ----------
    fixation
        Fixation cross before the first image.
    stimulus
        An image, or the images that are on the screen together.
    blank
        Empty screen between two images.
    mask
        Noise after each image, 0 for none.
    interval
        Empty screen between two trials; the next trial's images are made ready in it.
    feedback
        How long feedback is shown.
    answer
        Longest time for an answer, after which the trial counts as not answered; 0 waits for ever.
    """

    fixation: Seconds = 0.5
    stimulus: Shown = 0.5
    blank: Seconds = 0.3
    mask: Seconds = 0.0
    interval: Seconds = 0.5
    feedback: Seconds = 0.5
    answer: Seconds = 0.0


class ConstantStimuli(Frozen):
    """Every level equally often, in random order.

    Parameters
    ----------
    trials
        Of every level of every condition, level 0 (the target re-rendered) included.
    """

    kind: Literal["constant_stimuli"] = "constant_stimuli"
    trials: Some = 20


class QuestPlus(Frozen):
    """QUEST+ (Watson 2017): the level from which most is to be learnt.

    Parameters
    ----------
    trials
        Of every condition, level 0 not counted.
    trials_at_zero
        Of every condition, at level 0: people must be at chance there.
    function
        ``weibull`` (on log level) or ``norm`` (cumulative normal, on level).
    widths
        Widths that are thought possible: of the Weibull in natural logarithms of the level, of
        the normal in multiples of the largest level.
    lapses
        Lapse rates that are thought possible.
    false_alarms
        False-alarm rates that are thought possible; same–different alone. Without it, 0.05 to
        0.9, as far as the lapse rates leave room; a session keeps those that it was begun with.
    """

    kind: Literal["quest_plus"]
    trials: Some = 60
    trials_at_zero: Count = 10
    function: Function = "weibull"
    widths: Annotated[
        tuple[Annotated[float, between(0.01, 20)], ...], Field(min_length=1, max_length=20)
    ] = (0.5, 0.8, 1.2, 1.8, 2.6, 3.8)
    lapses: Annotated[
        tuple[Annotated[float, between(0, 0.3)], ...], Field(min_length=1, max_length=10)
    ] = (0.0, 0.02, 0.05)
    false_alarms: (
        Annotated[tuple[Annotated[float, between(0, 0.9)], ...], Field(min_length=1, max_length=10)]
        | None
    ) = None

    @property
    def rates(self) -> tuple[float, ...]:
        """False-alarm rates: those of the study, else all usual ones that leave room."""
        if self.false_alarms is not None:
            return self.false_alarms
        return tuple(rate for rate in FALSE_ALARMS if _room(rate, max(self.lapses)))


def _room(false_alarms: float, lapse: float) -> bool:
    """Return whether a curve between these two rates rises."""
    return false_alarms + lapse < 1 - 1e-9


class Staircase(Frozen):
    """Harder after `down` right answers in a row, easier after `up` wrong ones.

    Parameters
    ----------
    down, up
        Of the rule.
    trials
        Of every staircase, at most.
    trials_at_zero
        Of every condition, at level 0: people must be at chance there.
    reversals
        After so many a staircase ends; 0 lets it run for all its trials.
    start
        Number of the level it starts at, counted from the largest (0 is the largest). One
        staircase of each condition for each number, interleaved.
    step
        Steps between levels, until the first reversal, until the second, …; the last one stays.
    """

    kind: Literal["staircase"]
    down: Annotated[int, Field(strict=True, ge=1, le=10)] = 2
    up: Annotated[int, Field(strict=True, ge=1, le=10)] = 1
    trials: Some = 40
    trials_at_zero: Count = 10
    reversals: Count = 0
    start: Annotated[tuple[Count, ...], Field(min_length=1, max_length=10)] = (0,)
    step: Annotated[tuple[Some, ...], Field(min_length=1, max_length=10)] = (2, 1)


Procedure = Annotated[ConstantStimuli | QuestPlus | Staircase, Field(discriminator="kind")]


class Practice(Frozen):
    """Easy trials with feedback, until they are answered well.

    Parameters
    ----------
    trials
        Of a round; 0 for no practice.
    correct
        Share of right answers in a round that ends practice.
    rounds
        Most rounds; after them the session goes on, and says so in its record.
    """

    trials: Count = 8
    correct: Share = 0.75
    rounds: Some = 3


class PhotodiodeConfig(Frozen):
    """A patch that is white while images are shown, and black else, for a photodiode.

    Parameters
    ----------
    size
        Side, in pixels.
    corner
        Where it stands.
    """

    size: Annotated[int, Field(strict=True, ge=4, le=500)] = 40
    corner: Literal["top_left", "top_right", "bottom_left", "bottom_right"] = "bottom_right"


class Display(Frozen):
    """The display that people sit at.

    Parameters
    ----------
    monitor
        Name in PsychoPy's monitor centre, whose size, distance and pixels are then taken.
    pixels
        Width and height in pixels.
    width
        Of the picture, in cm.
    distance
        From the eyes, in cm.
    refresh_rate
        In frames per second.
    full_screen
        Whether the window fills the screen.
    screen
        Number of the screen, from 0. One that does not exist is refused.
    background
        Grey of the background, sRGB-encoded, 0 to 1.
    calibration
        File that `mrd calibrate` wrote, relative to the study.
    photodiode
        The patch; none where it is not given.
    dropped
        Share of intervals with dropped frames above which a session is flagged.
    """

    monitor: str | None = None
    pixels: tuple[Some, Some] = (1920, 1080)
    width: Annotated[float, between(1, 1000)] = 53.0
    distance: Annotated[float, between(1, 10_000)] = 60.0
    refresh_rate: Annotated[float, between(10, 1000)] = 60.0
    full_screen: bool = True
    screen: Annotated[int, Field(strict=True, ge=0, le=16)] = 0
    background: Share = 0.5
    calibration: str = "calibration.json"
    photodiode: PhotodiodeConfig | None = None
    dropped: Share = 0.01


class ExperimentConfig(Frozen):
    """What people are asked.

    Parameters
    ----------
    task
        ``oddity``, ``match_to_sample`` or ``same_different``.
    presentation
        ``time``: images after one another; ``space``: side by side (match to sample: the sample
        first, then two side by side).
    procedure
        How the levels are chosen; one procedure for each condition.
    targets, models, attributes
        Names that are asked for; all of the set without it.
    comparisons
        What is compared with the target: results (with the series that lead to them), their
        controls, pixel searches.
    cameras
        ``training``, ``held_out`` or ``all``.
    lights
        Names of lights; all without it.
    vary
        What differs between the images of a trial: noise, camera, lighting.
    blocks
        Conditions that share this are asked together, in an order that is counterbalanced over
        participants; without it all conditions are interleaved.
    catch
        Number of catch trials of a session, at the largest difference of controls.
    practice
        Before the session.
    feedback
        Whether the session itself tells what was right.
    rest_every
        Trials between two breaks; 0 for none.
    keys
        One a choice, in the order of the choices, as PsychoPy calls keys (button boxes that act
        as keyboards too). Without it, ``1 2 3`` for oddity, ``left right`` for others. Digits
        count on the number pad too, and without Shift on keyboards that need it for them.
    swap_keys
        Whether half of the participants have the keys in the opposite order.
    timing, display
        When and where it is shown.
    instructions
        First page. ``{question}`` in it stands for what the task asks, ``{keys}`` for the choices
        and their keys.
    """

    task: TaskName = "oddity"
    presentation: Literal["time", "space"] = "time"
    procedure: Procedure = ConstantStimuli()
    targets: Names | None = None
    models: Names | None = None
    attributes: Names | None = None
    comparisons: Annotated[
        tuple[Comparison, ...], Field(min_length=1), AfterValidator(_without_repeats)
    ] = ("result", "control")
    cameras: Literal["training", "held_out", "all"] = "training"
    lights: Names | None = None
    vary: Annotated[tuple[Varied, ...], Field(min_length=1), AfterValidator(_without_repeats)] = (
        "noise",
    )
    blocks: Literal["target", "attribute", "model", "comparison"] | None = None
    catch: Count = 12
    practice: Practice = Practice()
    feedback: bool = False
    rest_every: Count = 100
    keys: Annotated[tuple[str, ...], AfterValidator(_without_repeats)] | None = None
    swap_keys: bool = False
    timing: TimingConfig = TimingConfig()
    display: Display = Display()
    instructions: str = (
        "You will see pictures of objects.\n\n{question}\n\n{keys}\n\n"
        "Look at the cross in the middle. Escape pauses."
    )

    @model_validator(mode="after")
    def _keys_fit(self) -> "ExperimentConfig":
        task = TASKS[self.task]
        keys = self.answer_keys
        if len(keys) != len(task.alternatives):
            raise ValueError(
                f"keys: {len(keys)} keys for {len(task.alternatives)} choices "
                f"({', '.join(task.alternatives)}); name one a choice"
            )
        for key in keys:
            if key in (PAUSE, GO_ON):
                use = "pauses" if key == PAUSE else "goes on from a page"
                raise ValueError(f"keys: '{key}' {use}; choose another key")
        return self

    @model_validator(mode="after")
    def _durations_are_frames(self) -> "ExperimentConfig":
        for name in TimingConfig.model_fields:
            whole_frames(getattr(self.timing, name), self.display.refresh_rate, f"timing.{name}")
        return self

    @model_validator(mode="after")
    def _room_above_false_alarms(self) -> "ExperimentConfig":
        chosen = self.procedure
        if self.task != RATED or not isinstance(chosen, QuestPlus) or chosen.false_alarms is None:
            return self
        most, lapse = max(chosen.false_alarms), max(chosen.lapses)
        if not _room(most, lapse):
            raise ValueError(
                f"procedure: false_alarms {most:g} and lapses {lapse:g} add up to "
                f"{most + lapse:g}; no curve would rise: use rates that add up to less than 1"
            )
        return self

    def as_recorded(self) -> dict[str, Any]:
        """Return what descriptions of sessions say of it: what is true of all sittings."""
        values = self.model_dump(mode="json", exclude={"display", "instructions"})
        if self.task == RATED and isinstance(self.procedure, QuestPlus):
            values["procedure"]["false_alarms"] = list(self.procedure.rates)
        return values

    @property
    def answer_keys(self) -> tuple[str, ...]:
        """Keys, in the order of the choices."""
        return self.keys or TASKS[self.task].keys
