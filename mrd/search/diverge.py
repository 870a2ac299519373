"""`mode: diverge`: find the widest metamer, the one physically farthest from the target.

maximise the distance D(x) from the target subject to match_c(x) ≥ floor + margin at every training
camera c (`mrd.search.constrained`). At cameras where the class rule of the criterion applies, the
lead of the target's class (its logit minus the largest other one) may fall by at most the share
`LOSS_OF_LEAD` of its value at the target.

A shape leaves the target by a smooth change that the model notices least: start 1 by the first such
change, start 2 by its opposite, start 3 by the second, and so on (`mrd.search.insensitive`).

Steps of Adam have about the same length everywhere, and where the match is far too low, the
gradient may vanish. So if the condition is violated by more than `LOST`, the search returns to the
farthest variables at which it was met, and continues with half the learning rate. The renders of a
step are noisier than those that are scored, and noise multiplies a correlation by a factor below 1.
This factor is measured on re-renders of the target, and the correlations of steps are divided by
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.criterion.bench import Bench
from mrd.criterion.criterion import LEAST_ROOM
from mrd.criterion.verdict import Scorer
from mrd.models.base import Model
from mrd.models.classifier import LOGITS, Classifier
from mrd.rendering.stage import display
from mrd.search.constrained import Constrained, Place, start_number
from mrd.search.control_reach import control_reach
from mrd.search.distance_from_target import UNIT
from mrd.search.diverge_result import widest_metamer
from mrd.search.flip_result import lead
from mrd.search.insensitive import (
    SmoothChange,
    change_of_start,
    least_noticed,
    number_of_changes,
)
from mrd.search.loop import Search
from mrd.search.moving_scene import Arrays, with_prefix
from mrd.search.step import Activations, StepActivations
from mrd.search.variables.base import mitsuba_values
from mrd.search.variables.shape import ShapeVariables
from mrd.study.checkpoint import SearchState
from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError
from scenes.scene import Scene
from scenes.shape import geometry

STEP_MARGIN = 0.01  # added to the floor and the margin of the search in its steps
SLACK = 0.02  # largest mean violation of a round with which a place is still stored
LOSS_OF_LEAD = 0.5  # share of the lead of the target's class that a scene may lose
LEAST_UNIT = 5.0  # logits: least unit of a lead, for a target that almost has another class
LOST = 0.2  # violation of the condition above which the search goes back
PACE, LEAST_PACE = 0.2, 0.2 / 2**6  # factors on the learning rates at the start, and at least
CALIBRATION = 8  # re-renders of the target that measure the effect of a step's noise
GAIN = 1.01  # least ratio of two distances that counts as an improvement

# Noise indices of three independent sets of renders. The final score of a result has index 0.
CHOOSING, CONFIRMING = 1, 2


class Diverge(Constrained):
    """Maximise the distance from the target.

    `null` and `ceiling` (C,) are mean values of Pearson's r with the target at each training camera
    and at scoring quality: those of random scenes, and those of re-renders of the target. `classes`
    are the classes to keep at each training camera, None where the class does not count.
    `progress` is called with a name, the number of finished preparations, and their total.
    `state` is the saved state from which the search will be resumed, if there is one.
    """

    sign, first_pace, slack, no_gain = 1, PACE, SLACK, "no larger distance"

    def __init__(
        self,
        null: NDArray[np.float64],
        ceiling: NDArray[np.float64],
        classes: Sequence[int | None],
        progress: Callable[[str, int, int], None] = lambda *_: None,
        state: SearchState | None = None,
    ) -> None:
        self._progress, self._classes = progress, list(classes)
        self._has_classes = any(each is not None for each in classes)
        self.ends: dict[int, Place] = {}  # of starts that never met the condition
        self._will_resume = state is not None and self.can_resume(state)
        self._changes: list[SmoothChange] = []  # computed when a start of a shape needs them
        self._null, self._ceiling = (
            torch.as_tensor(each, dtype=torch.float32) for each in (null, ceiling)
        )

    def model(self, config: ModelConfig, bench: Bench) -> Model:  # noqa: ARG002
        """Return the model, with its class logits as a further layer if a class counts."""
        return Classifier(bench.model) if self._has_classes else bench.model

    def prepare(self, search: Search) -> None:
        """Measure the effect of noise in a step; raise InputError if a camera allows no match."""
        for view, null, ceiling in zip(
            search.views, self._null.tolist(), self._ceiling.tolist(), strict=True
        ):
            if ceiling - null < LEAST_ROOM:
                raise InputError(
                    f"mode diverge: at camera {view.name}, random scenes agree with the target by "
                    f"r = {null:.3f}, its own re-renders by {ceiling:.3f}: there is no room for a "
                    "match; use other layers, or raise samples.score"
                )
        device = search.bench.device
        self._null, self._ceiling = self._null.to(device), self._ceiling.to(device)
        self._layers, self._floor = search.scored, search.config.criterion.floor
        self._least_match = self._floor + search.config.margin + STEP_MARGIN
        self._calibrate(search)

    def _least_noticed(self, search: Search, shape: ShapeVariables) -> list[SmoothChange]:
        """Return the changes of the shape with which the starts begin."""

        @torch.no_grad()
        def respond(vertices: NDArray[np.float64], seeds: NDArray[np.int64]) -> Activations:
            shape.set_vertices(vertices)
            stage.move(mitsuba_values([shape]))
            linear = stage.radiance(search.views, search.config.samples.primal, seeds.tolist())
            found = search.bench.model.activations(display(linear, search.start.film))
            return {layer: found[layer] for layer in self._layers}

        stage, at_target = search.moving.stage, search.moving.snapshot()
        found = least_noticed(
            geometry(search.start.shape),
            respond,
            {layer: search.targets[layer] for layer in self._layers},
            (self._ceiling - self._null).cpu().numpy().astype(np.float64),
            search.rng,
            number_of_changes(search.config.restarts),
            partial(self._progress, "smooth changes"),
        )
        search.moving.place(at_target)
        return found

    def first_step(self, search: Search, pace: float) -> None:
        """Leave the target by a small step; a shape by the change that the model notices least."""
        if self._will_resume:
            return  # `resume` sets the variables
        shape = search.moving.variables[0]
        if not isinstance(shape, ShapeVariables):
            super().first_step(search, pace)
            return
        self._changes = self._changes or self._least_noticed(search, shape)
        start = search.finished // search.config.steps
        change, sign = change_of_start(self._changes, start)
        amount = pace / PACE * change.amount((1 - self._floor) / 2)
        vertices = geometry(search.start.shape).vertices + sign * amount * change.displacements
        shape.set_vertices(vertices)

    @torch.no_grad()
    def _calibrate(self, search: Search) -> None:
        """Measure r (C,) and lead (C,) of re-renders of the target at the samples of a step."""
        views = list(range(len(search.views)))
        r, leads = [], []
        for seeds in search.rng.integers(2**31, size=(CALIBRATION, len(search.views))):
            linear = search.moving.stage.radiance(search.views, search.config.samples.primal, seeds)
            again = search.bench.model.activations(display(linear, search.start.film))
            r.append(correlation(again, search.targets, self._layers))
            if self._has_classes:
                leads.append(self._lead(again, views))
        self._noisy_ceiling = torch.stack(r).mean(dim=0)
        if self._has_classes:
            of_target = self._lead(search.targets, views).clamp(min=0)
            self._least_lead = torch.stack(leads).mean(dim=0) - LOSS_OF_LEAD * of_target
            self._unit_of_lead = of_target.clamp(min=LEAST_UNIT)
            self._counts = torch.tensor([c is not None for c in self._classes]).to(of_target.device)

    def condition(self, step: StepActivations) -> torch.Tensor:
        """Return how far each view (V,) is from meeting the condition on its match and class."""
        null, ceiling = self._null[step.views], self._ceiling[step.views]
        noise_factor = self._noisy_ceiling[step.views] / ceiling
        r = correlation(step.rendered, step.target, self._layers) / noise_factor
        violation = self._least_match - (r - null) / (ceiling - null)
        if not self._has_classes:
            return violation
        lack = self._least_lead[step.views] - self._lead(step.rendered, step.views)
        of_class = torch.maximum(violation, lack / self._unit_of_lead[step.views])
        return torch.where(self._counts[step.views], of_class, violation)

    def _lead(self, activations: Activations, views: Sequence[int]) -> torch.Tensor:
        """Return the logit of the target's class minus the largest other one, at each view (V,).

        Where the class does not count, it is the lead of class 0.
        """
        return -lead(activations[LOGITS], [[self._classes[c] or 0] for c in views], None)

    def is_gain(self, distance: float, before: float) -> bool:
        """Return whether a distance is larger by at least the factor `GAIN`."""
        return distance > GAIN * before

    def end_step(self, search: Search, loss: float, s: float) -> None:
        """Store the last variables of a start that never met the condition: metamers may be near.

        The result is looked for on the line from the target to them.
        """
        number, is_last = start_number(search), search.steps_of_start == search.config.steps
        end = Place(self.distance(), search.moving.snapshot()) if is_last else None
        super().end_step(search, loss, s)
        if end and number not in self.places:
            self.ends[number] = end

    def end_round(self, search: Search, violation: NDArray[np.float64]) -> None:
        """Far from the condition, go back to the best place of this start, or to the target."""
        if violation.max() > LOST:
            self._go_back(search)
        else:
            super().end_round(search, violation)

    def _go_back(self, search: Search) -> None:
        place, last_gain = self.places.get(start_number(search)), self._last_gain
        multipliers, penalty = self._multipliers, self._penalty
        self.return_to_target(search, max(self.pace / 2, LEAST_PACE))
        self._last_gain = last_gain
        if place:
            search.moving.place(place.snapshot)
            self._multipliers, self._penalty = multipliers, penalty

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return the state of any search under a condition, and the smooth changes."""
        arrays, header = super().state()
        arrays |= {f"change.{k}": each.displacements for k, each in enumerate(self._changes)}
        for number, end in self.ends.items():
            arrays |= {f"end.{number}.{name}": array for name, array in end.snapshot.items()}
        return arrays, header | {
            "change_losses": [each.loss for each in self._changes],
            "ends": [[number, end.distance] for number, end in self.ends.items()],
        }

    def resume(self, search: Search, state: SearchState) -> None:
        """Restore a saved state; those of earlier versions have no smooth changes and no ends."""
        super().resume(search, state)
        self._will_resume = False
        losses = state.header.get("change_losses", [])
        self._changes = [
            SmoothChange(state.arrays[f"change.{k}"], loss) for k, loss in enumerate(losses)
        ]
        self.ends = {
            number: Place(distance, with_prefix(f"end.{number}.", state.arrays))
            for number, distance in state.header.get("ends", [])
        }

    def result(self, search: Search, scorer: Scorer) -> tuple[Scene, dict[str, Any]]:
        """Return the widest metamer, and its reach; "control" is the reach of a random change."""
        margin = min(search.config.margin, (1 - self._floor) / 2)  # a match of 1 cannot be required

        def choose(scene: Scene) -> dict[str, Any]:
            return scorer.score(scene, scorer.images(scene, CHOOSING), self._floor + margin)

        def confirm(scene: Scene) -> dict[str, Any]:
            return scorer.score(scene, scorer.images(scene, CONFIRMING))

        result, reach = widest_metamer(self, self.ends, search, choose, confirm)
        reach["margin"] = margin
        run = scorer.run
        reach["control"] = control_reach(
            scorer.target,
            run.search,
            reach["distance"] or UNIT[run.search.attributes[0]],
            choose,
            confirm,
            run.generator("series/control"),
            int(run.generator("series/sampling").integers(2**31)),
        )
        return result, {"reach": reach}


def correlation(one: Activations, other: Activations, layers: Sequence[str]) -> torch.Tensor:
    """Return Pearson's r (V,) of activations (V, …), averaged over layers; differentiable."""
    by_layer = []
    for layer in layers:
        x, y = (each[layer].flatten(1) for each in (one, other))
        x, y = (each - each.mean(dim=1, keepdim=True) for each in (x, y))
        by_layer.append(torch.nn.functional.cosine_similarity(x, y, dim=1))
    return torch.stack(by_layer).mean(dim=0)
