"""The search loop: change a scene step by step to minimise an objective of a model's activations.

A step renders images of some training cameras without gradients, and runs the model on them. One
adjoint render then turns the derivative of the objective with respect to the images into the
derivative with respect to the variables, and the optimiser changes these. The `Mode` defines the
objective, what happens after a step, and the result.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.criterion.bench import Bench
from mrd.criterion.verdict import Scorer
from mrd.models.base import Model
from mrd.rendering import to_mitsuba
from mrd.rendering.stage import display
from mrd.rendering.threads import Threads
from mrd.search import finite
from mrd.search import loss as losses
from mrd.search.differences import differences
from mrd.search.health import Health
from mrd.search.moving_scene import Arrays, MovingScene
from mrd.search.optimiser import LBFGS, SCHEDULES
from mrd.search.remeshing import rate_factor, remeshed, remeshing_edges
from mrd.search.soft_phase import SoftPhase
from mrd.search.step import Activations, Evaluation, SearchStep, StepActivations, halves, similarity
from mrd.search.variables.base import Variables, mitsuba_values
from mrd.search.variables.shape import extent_of
from mrd.search.view_order import ViewOrder
from mrd.study.checkpoint import SearchState
from mrd.study.model_section import ModelConfig
from mrd.study.search_section import SearchConfig
from scenes.camera import Camera
from scenes.scene import Scene
from scenes.shape import geometry


class Mode(ABC):
    """The objective of a search, what happens after each of its steps, and its result."""

    pace: float = 1.0  # factor on the learning rates of the next step

    def model(self, config: ModelConfig, bench: Bench) -> Model:  # noqa: ARG002
        """Return the model whose activations the objective needs."""
        return bench.model

    @abstractmethod
    def begin(self, search: Search) -> None:
        """Prepare for a search that has done no step; raise InputError if it is impossible."""

    @abstractmethod
    def objective(self, search: Search, step: StepActivations) -> torch.Tensor:
        """Return the part of what a step minimises that depends on activations, a scalar."""

    def distance_term(self, search: Search) -> torch.Tensor:
        """Return the part of what a step minimises that depends only on variables, a scalar."""
        return torch.zeros((), device=search.bench.device)

    def hold_fixed(self, variables: Sequence[Variables]) -> None:  # noqa: B027  (optional)
        """Undo changes, and remove gradients, of variables that the mode does not change."""

    def after_remeshing(self, search: Search) -> None:  # noqa: B027  (optional)
        """Adapt the mode to the new mesh of a search."""

    def after_soft_phases(self, search: Search) -> None:  # noqa: B027  (optional)
        """Adapt the mode to the target's own material and light."""

    @abstractmethod
    def end_step(self, search: Search, loss: float, s: float) -> None:
        """Store good variables; begin another start, or end the search, if its rule says so."""

    def history(self, search: Search) -> dict[str, float]:  # noqa: ARG002
        """Return the mode's own columns of `history.csv`."""
        return {}

    @abstractmethod
    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return the mode's part of a saved state: arrays, and a JSON header."""

    def can_resume(self, state: SearchState) -> bool:  # noqa: ARG002
        """Return whether a saved state has all that `resume` needs."""
        return True

    @abstractmethod
    def resume(self, search: Search, state: SearchState) -> None:
        """Restore the mode's part of a saved state."""

    @abstractmethod
    def result(self, search: Search, scorer: Scorer) -> tuple[Scene, dict[str, Any]]:
        """Return the scene that a finished search found, and the mode's part of its record."""


class Search:
    """A search: it makes steps, and can be saved and resumed.

    Parameters
    ----------
    start
        Loaded start scene: the target with its searched attributes at their start, in the same
        representation (`mrd.rendering.representation`) and with the same exposure as the target.
    targets
        Layer → activations (C, …) of the target at scoring quality, one row per training camera.
        They are read when a step, or the mode, needs them.
    views
        The training cameras, in the same order.
    bench
        Contains the model that `mode.model` returned.
    rng
        Draws the order of the views, the seeds of the renders, and the noise of restarts.
    scored
        Layers from which `SearchStep.s` is computed; by default all layers of the model.
    extent
        Largest distance of a vertex of the target from the origin of the shape's coordinates.
    soft
        The first phases of every start, with a matte material or in soft light.
    """

    def __init__(
        self,
        start: Scene,
        targets: Activations,
        views: Sequence[Camera],
        bench: Bench,
        config: SearchConfig,
        rng: np.random.Generator,
        mode: Mode,
        *,
        scored: Sequence[str] | None = None,
        extent: float = 0.0,
        soft: Sequence[SoftPhase] = (),
    ) -> None:
        self.soft = tuple(soft)
        self.start, self.targets, self.views = start, targets, list(views)
        self.bench, self.config, self.rng, self.mode = bench, config, rng, mode
        self.scored = tuple(scored or bench.model.layers)
        self.finished = 0
        self.notes: list[str] = []  # messages to the user, oldest first
        self.health = Health(config, len(self.views), geometry(start.shape))
        self.moving = MovingScene(start, config, bench, extent)
        mesh = geometry(start.shape)
        extent = max(extent, extent_of(mesh))
        self._remeshing_edges = remeshing_edges(config, mesh, extent)
        self.view_order = ViewOrder(len(self.views), config.views_per_step, rng)
        self._renders = 2 if losses.takes_two_renders(config.loss) else 1
        moves = any(
            each.attribute in ("shape", "pose") and not each.differenced
            for each in self.moving.variables
        )
        self._adjoint = (
            to_mitsuba.silhouette_integrator(start, config.samples.boundary)
            if moves
            else to_mitsuba.surface_integrator(start, bench.form)
        )
        self._lbfgs_seeds = rng.integers(2**31, size=(2, self._renders * len(self.views)))
        mode.begin(self)

    def steps(self) -> Generator[SearchStep]:
        """Run the remaining steps, one at a time."""
        threads = Threads()
        try:
            while self.finished < self.total:
                began = time.perf_counter()
                threads.adapt()
                loss, s = self.step()
                yield SearchStep(self.finished, time.perf_counter() - began, loss, s)
        finally:
            threads.restore()

    def step(self) -> tuple[float, float]:
        """Make one step; return loss and similarity as in `SearchStep`."""
        self._set_phase()
        lbfgs = self.moving.lbfgs
        evaluation = self._lbfgs_step(lbfgs) if lbfgs else self._adam_step()
        finite.check_variables(self.finished + 1, self.moving.variables)
        self.finished += 1
        self._note(self.health.observe(evaluation.loss, self.steps_of_start))
        if edge := self._remeshing_edges.get(self.steps_of_start):
            self.remesh(edge)
        self.mode.end_step(self, evaluation.loss, evaluation.s)
        return evaluation.loss, evaluation.s

    @property
    def total(self) -> int:
        """Number of steps of all starts together."""
        return self.config.total_steps

    @property
    def steps_of_start(self) -> int:
        """Number of finished steps of the start that made the last step, at least 1."""
        return (self.finished - 1) % self.config.steps + 1

    @property
    def steps_before(self) -> int:
        """Number of finished steps of the start that makes the next step, from 0."""
        return self.finished % self.config.steps

    def scene(self) -> Scene:
        """Return the scene that the variables have now."""
        return self.moving.scene()

    @property
    def soft_steps(self) -> int:
        """Number of steps of a start before the first that uses the target alone."""
        return self.soft[-1].end if self.soft else 0

    @property
    def _phase(self) -> SoftPhase | None:
        """The soft phase of the next step; None if it uses the target alone."""
        return next((phase for phase in self.soft if self.steps_before < phase.end), None)

    def _set_phase(self) -> None:
        """Give the render of the next step its look; note where the soft phases have ended."""
        if not self.soft:
            return
        self.moving.set_look(self._phase.look if self._phase else {})
        if self.steps_before == self.soft_steps:
            self.notes.append(
                f"step {self.finished}: from now on with the target's own material and light"
            )
            self.mode.after_soft_phases(self)

    # ---- One step -------------------------------------------------------------------------------

    def _adam_step(self) -> Evaluation:
        views = self.view_order.next()
        seeds = self.rng.integers(2**31, size=(2, self._renders * len(views)))
        evaluation = self._evaluate(views, seeds)
        for each in self.moving.variables:
            each.optimiser.step(self.rate(each.attribute))
        self.moving.keep_in_bounds()
        return evaluation

    def _lbfgs_step(self, lbfgs: LBFGS) -> Evaluation:
        every = list(range(len(self.views)))
        evaluations: list[Evaluation] = []

        def evaluate() -> float:
            evaluations.append(self._evaluate(every, self._lbfgs_seeds))
            return evaluations[-1].objective

        lbfgs.step(evaluate)
        self.moving.keep_in_bounds()
        return evaluations[0]

    def _evaluate(self, numbers: list[int], seeds: NDArray[np.int64]) -> Evaluation:
        """Evaluate the objective at some cameras; store its gradients in the variables."""
        samples, step = self.config.samples, self.finished + 1
        views = [self.views[c] for c in numbers] * self._renders
        primal_seeds, adjoint_seeds = seeds

        values = mitsuba_values(self.moving.variables)
        stage = self.moving.stage
        stage.move(values, constant={k for k, value in values.items() if not value.requires_grad})
        linear = stage.radiance(views, samples.primal, primal_seeds).requires_grad_()
        finite.check_views(step, views, {"the rendered image": linear})
        activations = self.bench.model.activations(display(linear, self.start.film))
        finite.check_views(
            step, views, {f"the activation of layer '{k}'": a for k, a in activations.items()}
        )
        rendered, second = halves(activations) if self._renders == 2 else (activations, None)
        targets = self._phase.targets if self._phase else self.targets
        target = {layer: each[numbers] for layer, each in targets.items()}

        objective = self.mode.objective(self, StepActivations(rendered, target, second, numbers))
        penalty = self.moving.penalty()
        (by_image,) = torch.autograd.grad(objective, linear)
        finite.check_views(step, views, {"the derivative of the loss by the image": by_image})
        gradients = stage.adjoint(self._adjoint, views, by_image, samples.adjoint, adjoint_seeds)
        by_parameter = {f"the derivative of the loss by {k}": g for k, g in gradients.items()}
        scalars = {"the loss": objective, "the penalty": penalty}
        finite.check_parts(step, views, scalars | by_parameter)

        def rendered_again() -> torch.Tensor:
            stage.move(mitsuba_values(self.moving.variables), constant=values)
            return stage.radiance(views, samples.primal, adjoint_seeds)

        slopes = differences(self.moving.variables, by_image, rendered_again)
        self._backward(values, gradients, penalty + self.mode.distance_term(self), slopes)
        with torch.no_grad():
            weights = self._layer_weights(done=1.0)
            loss = losses.total(self.config.loss, rendered, target, weights, second)
        return Evaluation(
            objective=float((objective + penalty).detach()),
            loss=float((loss + penalty).detach()),
            s=similarity(rendered, target, self.scored),
        )

    def _backward(
        self,
        values: Mapping[str, torch.Tensor],
        gradients: Mapping[str, torch.Tensor],
        terms: torch.Tensor,
        slopes: Mapping[torch.Tensor, torch.Tensor],
    ) -> None:
        """Compute gradients of the variables, from those of Mitsuba's parameters and `terms`.

        `slopes` contains the derivatives of the objective by tensors that have finite differences.
        """
        for each in self.moving.variables:
            for tensor in each.tensors.values():
                tensor.grad = None
        parts = {values[key]: each.reshape(values[key].shape) for key, each in gradients.items()}
        if terms.requires_grad:
            parts[terms] = torch.ones_like(terms)
        if parts:
            torch.autograd.backward(list(parts), list(parts.values()))
        for tensor, slope in slopes.items():
            tensor.grad = slope if tensor.grad is None else tensor.grad + slope
        self.mode.hold_fixed(self.moving.variables)

    def rate(self, attribute: str) -> float:
        """Return the learning rate of an attribute in the next step."""
        config, done = self.config, self.steps_before
        rate = getattr(config.learning_rate, attribute)
        rate *= SCHEDULES[config.schedule](done / config.steps)
        if attribute == "shape":
            rate *= rate_factor(config, sum(step <= done for step in self._remeshing_edges))
        return self.mode.pace * float(rate)

    def matching_loss(self, step: StepActivations) -> torch.Tensor:
        """Return the study's loss between the activations of a step and the target's: a scalar.

        With L-BFGS, which compares gradients of successive steps, weights of guides are constant.
        """
        done = 0.0 if self.moving.lbfgs else self.steps_before / self.config.steps
        weights = self._layer_weights(done)
        return losses.total(self.config.loss, step.rendered, step.target, weights, step.second)

    def _layer_weights(self, done: float) -> dict[str, float]:
        return losses.layer_weights_at(done, self.bench.model.layer_weights, self.scored)

    def remesh(self, edge: float) -> None:
        """Remesh the shape; `edge` is the new edge length, in scene units."""
        found = geometry(self.scene().shape)
        self._note(self.health.check_mesh(found))
        mesh, problem = remeshed(found, edge)
        if problem:
            self.notes.append(f"step {self.finished}: not remeshed, {problem}")
            return
        before, moments = self.moving.snapshot(), self.moving.optimiser_arrays()
        self.moving.reset(mesh)
        self.moving.place(before, skip="shape")
        self.moving.restore_optimiser(moments, skip="shape")
        self.mode.after_remeshing(self)

    def _note(self, warnings: Sequence[str]) -> None:
        """Add new warnings to the notes."""
        self.notes += [f"step {self.finished}: {each}" for each in warnings]

    # ---- Saved states ---------------------------------------------------------------------------

    def state(self) -> SearchState:
        """Return a state from which `resume` continues the search exactly."""
        arrays, header = self.mode.state()
        return SearchState(
            self.finished,
            {**self.moving.snapshot(), **self.moving.optimiser_arrays(), **arrays},
            {
                "rng": self.rng.bit_generator.state,
                "order": self.view_order.remaining,
                "same_seeds": self._lbfgs_seeds.tolist(),
                "health": self.health.state(),
                **header,
            },
        )

    def resume(self, state: SearchState) -> None:
        """Restore a saved state."""
        self.moving.restore(state.arrays)
        self.moving.restore_optimiser(state.arrays)
        self.rng.bit_generator.state = state.header["rng"]
        self._lbfgs_seeds = np.array(state.header["same_seeds"])
        self.view_order.remaining = list(state.header["order"])
        self.finished = state.step
        self.health.resume(state.header.get("health"))
        self.mode.resume(self, state)
