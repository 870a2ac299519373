"""The section `experiment` of the study file."""

from collections.abc import Collection
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

LEAST_LEVELS = 3  # of a condition, level 0 included; fewer give no psychometric function

RATED: TaskName = "same_different"  # the task whose guess rate is a false-alarm rate
FALSE_ALARMS = (0.05, 0.15, 0.3, 0.5, 0.7, 0.9)  # default rates of QUEST+

PAUSE, GO_ON = "escape", "space"  # keys that cannot be answer keys


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
        One image, or the images that are shown together.
    blank
        Empty screen between two images.
    mask
        Noise after each image; 0 for none.
    interval
        Empty screen between two trials, while the next images are loaded.
    feedback
        Feedback after an answer.
    answer
        Longest time for an answer, after which the trial counts as not answered; 0 for no limit.
    """

    fixation: Seconds = 0.5
    stimulus: Shown = 0.5
    blank: Seconds = 0.3
    mask: Seconds = 0.0
    interval: Seconds = 0.5
    feedback: Seconds = 0.5
    answer: Seconds = 0.0


class ConstantStimuliConfig(Frozen):
    """Method of constant stimuli: every level is shown equally often, in random order.

    Parameters
    ----------
    trials
        Trials of each level of each condition, including level 0 (the target rendered again).
    """

    kind: Literal["constant_stimuli"] = "constant_stimuli"
    trials: Some = 20


class QuestPlusConfig(Frozen):
    """QUEST+ (Watson 2017): show the level that minimises the expected entropy of the posterior.

    Parameters
    ----------
    trials
        Trials of each condition, without those at level 0.
    trials_at_zero
        Trials of each condition at level 0, where people must be at chance.
    function
        ``weibull`` (on log level) or ``norm`` (cumulative normal, on level).
    widths
        Possible widths of the curve: in natural logarithms of the level (``weibull``), or in
        multiples of the largest level (``norm``).
    lapses
        Possible lapse rates.
    false_alarms
        Possible false-alarm rates, for same–different only. Default: those of 0.05 to 0.9 for
        which the curve still rises at the given lapse rates. A resumed session keeps its rates.
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
        """The study's false-alarm rates, or those default rates for which the curve still rises."""
        if self.false_alarms is not None:
            return self.false_alarms
        return tuple(rate for rate in FALSE_ALARMS if _curve_rises(rate, max(self.lapses)))


def _curve_rises(false_alarms: float, lapse: float) -> bool:
    return false_alarms + lapse < 1 - 1e-9


class StaircaseConfig(Frozen):
    """Staircase: harder after `down` right answers in a row, easier after `up` wrong ones.

    Parameters
    ----------
    down, up
        Numbers of right and of wrong answers in a row that change the level.
    trials
        Largest number of trials of each staircase.
    trials_at_zero
        Trials of each condition at level 0, where people must be at chance.
    reversals
        Number of reversals that ends a staircase; 0 for no limit.
    start
        Where a staircase begins, counted from the largest level (0). For each number here, a
        condition has one staircase; they are interleaved.
    step
        How many levels to move at a time before the first reversal, before the second, …; the
        last number applies from then on.
    """

    kind: Literal["staircase"]
    down: Annotated[int, Field(strict=True, ge=1, le=10)] = 2
    up: Annotated[int, Field(strict=True, ge=1, le=10)] = 1
    trials: Some = 40
    trials_at_zero: Count = 10
    reversals: Count = 0
    start: Annotated[tuple[Count, ...], Field(min_length=1, max_length=10)] = (0,)
    step: Annotated[tuple[Some, ...], Field(min_length=1, max_length=10)] = (2, 1)


ProcedureConfig = Annotated[
    ConstantStimuliConfig | QuestPlusConfig | StaircaseConfig, Field(discriminator="kind")
]


class PracticeConfig(Frozen):
    """Easy trials with feedback before the session.

    Parameters
    ----------
    trials
        Trials of a round; 0 for no practice.
    correct
        Practice ends after a round with at least this share of right answers.
    rounds
        Largest number of rounds; then the session begins in any case.
    """

    trials: Count = 8
    correct: Share = 0.75
    rounds: Some = 3


class PhotodiodeConfig(Frozen):
    """Patch for a photodiode: white while images are shown, otherwise black.

    Parameters
    ----------
    size
        Side of the patch, in pixels.
    corner
        Corner of the screen.
    """

    size: Annotated[int, Field(strict=True, ge=4, le=500)] = 40
    corner: Literal["top_left", "top_right", "bottom_left", "bottom_right"] = "bottom_right"


class DisplayConfig(Frozen):
    """The display that people sit at.

    Parameters
    ----------
    monitor
        Name in PsychoPy's monitor centre, whose pixels, width and distance replace the next three.
    pixels
        Width and height of the screen, in pixels.
    width
        Width of the picture, in cm.
    distance
        Distance from the eyes, in cm.
    refresh_rate
        Frames per second.
    full_screen
        Whether the window fills the screen.
    screen
        Number of the screen, from 0; an error if it does not exist.
    background
        Grey of the background, sRGB-encoded, 0 to 1.
    calibration
        File that `mrd calibrate` wrote, relative to the study.
    photodiode
        Patch for a photodiode; none by default.
    dropped
        A session is flagged if more than this share of its shown images had dropped frames.
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
    """Task, procedure and presentation of an experiment.

    Parameters
    ----------
    task
        ``oddity``, ``match_to_sample`` or ``same_different``.
    presentation
        ``time``: images after one another; ``space``: side by side (match to sample: the sample
        first, then two side by side).
    procedure
        How the levels are chosen; each condition has its own procedure.
    targets, models, attributes
        Names of those to show; by default all of the stimulus set.
    comparisons
        What is compared with the target: results (with the series that lead to them), their
        controls, pixel searches.
    cameras
        ``training``, ``held_out`` or ``all``.
    lights
        Names of lights; all by default.
    vary
        What differs between the images of a trial: noise, camera, lighting.
    blocks
        Conditions that share this property form a block. The order of blocks is counterbalanced
        over participants. By default all conditions are interleaved.
    catch
        Number of catch trials (attention checks) in a session; they show the farthest controls.
    practice
        Practice before the session.
    feedback
        Whether there is feedback after practice.
    rest_every
        Trials between two breaks; 0 for none.
    keys
        One key per choice, in the order of the choices, with PsychoPy's names (also for button
        boxes that act as keyboards). Default: ``1 2 3`` for oddity, ``left right`` for the other
        tasks. Digits also count on the number pad, and without Shift on keyboards that need it.
    swap_keys
        Whether half of the participants have the keys in the opposite order.
    timing
        Durations of a trial's parts.
    display
        The display at which people sit.
    instructions
        First page. ``{question}`` is replaced by the question of the task, ``{keys}`` by the
        choices and their keys.
    """

    task: TaskName = "oddity"
    presentation: Literal["time", "space"] = "time"
    procedure: ProcedureConfig = ConstantStimuliConfig()
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
    practice: PracticeConfig = PracticeConfig()
    feedback: bool = False
    rest_every: Count = 100
    keys: Annotated[tuple[str, ...], AfterValidator(_without_repeats)] | None = None
    swap_keys: bool = False
    timing: TimingConfig = TimingConfig()
    display: DisplayConfig = DisplayConfig()
    instructions: str = (
        "You will see pictures of objects.\n\n{question}\n\n{keys}\n\n"
        "Look at the cross in the middle. Escape pauses."
    )

    def shows(self, targets: Collection[str], models: Collection[str], attribute: str) -> bool:
        """Return whether the experiment shows a search on any of these targets and models."""
        return (
            (self.attributes is None or attribute in self.attributes)
            and (self.targets is None or not set(self.targets).isdisjoint(targets))
            and (self.models is None or not set(self.models).isdisjoint(models))
        )

    @model_validator(mode="after")
    def _keys_fit(self) -> "ExperimentConfig":
        task = TASKS[self.task]
        keys = self.answer_keys
        if len(keys) != len(task.alternatives):
            raise ValueError(
                f"keys: {len(keys)} keys for {len(task.alternatives)} choices "
                f"({', '.join(task.alternatives)}); name one key for each choice"
            )
        for key in keys:
            if key in (PAUSE, GO_ON):
                use = "pauses" if key == PAUSE else "leaves a page"
                raise ValueError(f"keys: '{key}' {use}; choose another key")
        return self

    @model_validator(mode="after")
    def _durations_are_frames(self) -> "ExperimentConfig":
        for name in TimingConfig.model_fields:
            whole_frames(getattr(self.timing, name), self.display.refresh_rate, f"timing.{name}")
        return self

    @model_validator(mode="after")
    def _false_alarms_fit_lapses(self) -> "ExperimentConfig":
        chosen = self.procedure
        if (
            self.task != RATED
            or not isinstance(chosen, QuestPlusConfig)
            or chosen.false_alarms is None
        ):
            return self
        most, lapse = max(chosen.false_alarms), max(chosen.lapses)
        if not _curve_rises(most, lapse):
            raise ValueError(
                f"procedure: false_alarms {most:g} and lapses {lapse:g} add up to "
                f"{most + lapse:g}; no curve would rise: use rates that add up to less than 1"
            )
        return self

    def as_recorded(self) -> dict[str, Any]:
        """Return the settings that a session's sidecar records: a resumed session keeps them."""
        values = self.model_dump(mode="json", exclude={"display", "instructions"})
        if self.task == RATED and isinstance(self.procedure, QuestPlusConfig):
            values["procedure"]["false_alarms"] = list(self.procedure.rates)
        return values

    @property
    def answer_keys(self) -> tuple[str, ...]:
        """The keys, in the order of the choices."""
        return self.keys or TASKS[self.task].keys
