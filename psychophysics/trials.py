"""The trials of a session, each determined by the seed and the answers so far.

`generate_trials` yields trials and is sent whether they were answered correctly. The same seed and
answers give the same trials: a resumed session sends the recorded answers again.
"""

import itertools
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np

from psychophysics.config import ExperimentConfig
from psychophysics.design import Condition, Stimulus
from psychophysics.procedures.base import Procedure
from psychophysics.procedures.constant_stimuli import ConstantStimuli
from psychophysics.procedures.registry import check_installed, procedures_for
from psychophysics.tasks.base import Arrangement
from psychophysics.tasks.registry import TASKS
from scenes.base.errors import InputError

Phase = Literal["practice", "main", "catch"]
Item = TypeVar("Item")

MOST_ORDERS = 720  # if there are more permutations than this, only cyclic shifts are used


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial: its images and the right answer."""

    number: int  # in the session, from 1
    phase: Phase
    condition: Condition
    level: float
    arrangement: Arrangement
    images: tuple[Stimulus, ...]
    block: str = ""
    strand: int = 0  # number of the procedure in its condition
    remaining: int = 0  # trials of the session from this one on, at most; 0 in practice


@dataclass
class Strand:
    """A procedure that runs on a condition; a block interleaves the trials of its strands."""

    phase: Phase
    condition: Condition
    number: int
    procedure: Procedure


def check_trials(conditions: Sequence[Condition], config: ExperimentConfig) -> None:
    """Raise if the trials of an experiment cannot be generated."""
    _catch_conditions(conditions, config)
    check_installed(config.procedure)


def generate_trials(
    conditions: Sequence[Condition], config: ExperimentConfig, seed: int, blocks: Sequence[str]
) -> Generator[Trial, bool, None]:
    """Yield the trials of a session; send whether each was answered correctly."""
    pick, practice, strands_seed, layout = np.random.SeedSequence(seed).spawn(4)
    composer = Composer(config, layout)
    strands = _strands(conditions, config, strands_seed, blocks)
    numbers = itertools.count(1)
    yield from _practice(conditions, config, np.random.default_rng(practice), composer, numbers)
    rng = np.random.default_rng(pick)
    for place, block in enumerate(blocks):
        later = [s for following in blocks[place + 1 :] for s in strands[following]]
        yield from _interleaved(strands[block], later, block, rng, composer, numbers)


def _interleaved(
    strands: Sequence[Strand],
    later: Sequence[Strand],
    block: str,
    rng: np.random.Generator,
    composer: "Composer",
    numbers: Iterator[int],
) -> Generator[Trial, bool, None]:
    """Yield the trials of a block; each strand is drawn in proportion to its remaining trials."""
    after = sum(strand.procedure.remaining for strand in later)
    while any(remaining := [strand.procedure.remaining for strand in strands]):
        total = sum(remaining)
        ends = np.cumsum(remaining)
        strand = strands[int(np.searchsorted(ends, rng.integers(total), side="right"))]
        level = strand.procedure.level()
        trial = composer.trial(next(numbers), strand.phase, strand.condition, level)
        trial = replace(trial, block=block, strand=strand.number, remaining=total + after)
        correct = yield trial
        strand.procedure.update(correct, trial.arrangement.informative)


def _strands(
    conditions: Sequence[Condition],
    config: ExperimentConfig,
    seed: np.random.SeedSequence,
    blocks: Sequence[str],
) -> dict[str, list[Strand]]:
    """Return the strands of every block: those of its conditions, and those of its catch trials."""
    seeds = seed.spawn(len(conditions) + 1)
    by_block: dict[str, list[Strand]] = {block: [] for block in blocks}
    for condition, own in zip(conditions, seeds, strict=False):
        rng = np.random.default_rng(own)
        for number, procedure in enumerate(procedures_for(condition, config, rng)):
            by_block[block_name(condition, config)].append(
                Strand("main", condition, number, procedure)
            )
    rng = np.random.default_rng(seeds[-1])
    for number, (block, condition) in enumerate(
        itertools.islice(
            _distribute(_catch_conditions(conditions, config), config, blocks, rng), config.catch
        )
    ):
        procedure = ConstantStimuli([condition.levels[-1]], 1, rng)
        by_block[block].append(Strand("catch", condition, number, procedure))
    return by_block


def _catch_conditions(conditions: Sequence[Condition], config: ExperimentConfig) -> list[Condition]:
    """Return the conditions of catch trials; raise if catch trials are set and there are none."""
    easiest = _easiest_controls(conditions) if config.catch else []
    if config.catch and not easiest:
        raise InputError(
            f"experiment.catch: {config.catch} catch trials show controls, and comparisons or the "
            "set have none; add control to comparisons, or set catch to 0"
        )
    return easiest


def _distribute(
    conditions: Sequence[Condition],
    config: ExperimentConfig,
    blocks: Sequence[str],
    rng: np.random.Generator,
) -> Iterator[tuple[str, Condition]]:
    """Yield blocks in turn, each with one of its own `conditions`, or of all if it has none."""
    own = {
        block: [each for each in conditions if block_name(each, config) == block]
        or list(conditions)
        for block in blocks
    }
    streams = {block: shuffled_cycle(own[block], rng) for block in blocks}
    for block in itertools.cycle(blocks):
        yield block, next(streams[block])


def block_name(condition: Condition, config: ExperimentConfig) -> str:
    """Return the name of a condition's block."""
    return str(getattr(condition, config.blocks)) if config.blocks else ""


def _easiest_controls(conditions: Sequence[Condition]) -> list[Condition]:
    """Return, for each target and attribute, the control farthest from the target: the easiest."""
    best: dict[tuple[str, str], Condition] = {}
    for each in conditions:
        key = (each.target, each.attribute)
        if each.comparison != "control":
            continue
        if key not in best or _largest_distance(each) > _largest_distance(best[key]):
            best[key] = each
    return [best[key] for key in sorted(best)]


def _largest_distance(condition: Condition) -> float:
    """Return the physical distance of a condition's last level from the target."""
    images = condition.comparison_images[condition.levels[-1]]
    return max(each.physical_distance for cell in images.values() for each in cell)


def _practice(
    conditions: Sequence[Condition],
    config: ExperimentConfig,
    rng: np.random.Generator,
    composer: "Composer",
    numbers: Iterator[int],
) -> Generator[Trial, bool, None]:
    """Yield rounds of the easiest trials, until one has enough right answers."""
    settings = config.practice
    stream = shuffled_cycle(_easiest_controls(conditions) or list(conditions), rng)
    for _ in range(settings.rounds if settings.trials else 0):
        right = 0
        for _ in range(settings.trials):
            condition = next(stream)
            level = condition.levels[-1]
            right += yield composer.trial(next(numbers), "practice", condition, level)
        if right >= settings.correct * settings.trials:
            return


class Composer:
    """Draws arrangement, cameras, lights and noise seeds of each trial, all balanced.

    Each level of each condition has its own shuffled streams: one of arrangements, and for each
    scene that can be special (such as the odd one) one of cameras and lights and one of noise
    seeds, so that none of them predicts the right answer.
    """

    def __init__(self, config: ExperimentConfig, seed: np.random.SeedSequence) -> None:
        self._config = config
        self._task = TASKS[config.task]
        self._entropy = seed.generate_state(4).tolist()
        self._streams: dict[tuple[Any, ...], Iterator[Any]] = {}

    def trial(self, number: int, phase: Phase, condition: Condition, level: float) -> Trial:
        """Return a trial with the next arrangement and images of its condition and level."""
        place = (condition.name, condition.levels.index(level), phase)
        arrangement = self._next(("arrangement", *place), self._task.arrangements)
        own = (*place, arrangement.special)
        cells = self._cells(condition, own)
        ranks = self._draw("noise", tuple(range(condition.seeds)), own)
        images = tuple(
            condition.image(side, level, cell, rank)
            for side, cell, rank in zip(arrangement.sides, cells, ranks, strict=True)
        )
        return Trial(number, phase, condition, level, arrangement, images)

    def _cells(self, condition: Condition, own: tuple[Any, ...]) -> list[tuple[str, str]]:
        count = self._task.images
        vary = self._config.vary
        if "camera" not in vary and "lighting" not in vary:
            cells = tuple(itertools.product(condition.cameras, condition.lights))
            return [self._next(("cell", *own), cells)] * count
        cameras = self._draw("camera", condition.cameras, own)
        lights = self._draw("lighting", condition.lights, own)
        return list(zip(cameras, lights, strict=True))

    def _draw(self, what: str, names: tuple[Item, ...], own: tuple[Any, ...]) -> tuple[Item, ...]:
        """Return one name for each image: all different if `what` varies, else all the same."""
        count = self._task.images
        if what not in self._config.vary:
            return (self._next((what, *own), names),) * count
        orders = tuple(itertools.islice(itertools.permutations(range(len(names)), count), 100_000))
        if len(orders) > MOST_ORDERS:
            orders = _shifts(len(names), count)
        return tuple(names[place] for place in self._next((what, *own), orders))

    def _next(self, key: tuple[Any, ...], items: Sequence[Item]) -> Item:
        if key not in self._streams:
            self._streams[key] = shuffled_cycle(items, self._generator(key))
        item: Item = next(self._streams[key])
        return item

    def _generator(self, key: tuple[Any, ...]) -> np.random.Generator:
        """Return the generator of a stream, independent of the order in which streams start."""
        text = "/".join(map(str, key)).encode()
        return np.random.default_rng([*self._entropy, *text])


def _shifts(names: int, count: int) -> tuple[tuple[int, ...], ...]:
    """Return orders of `count` of many names, in which each name is at each place equally often."""
    return tuple(
        tuple((first + place * step) % names for place in range(count))
        for step in range(1, names)
        for first in range(names)
        if len({(place * step) % names for place in range(count)}) == count
    )


def shuffled_cycle(items: Sequence[Item], rng: np.random.Generator) -> Iterator[Item]:
    """Yield all items in random order, then again in another order, without end."""
    while True:
        for place in rng.permutation(len(items)):
            yield items[place]
