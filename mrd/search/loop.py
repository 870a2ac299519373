"""The search: the optimisation from a start scene toward a target's activations. The loop alone.

A step renders some training cameras without gradients, lets the network see them, sends the
derivative of the loss with respect to each image through one adjoint render, and moves the
variables. Everything that it needs is passed in; everything that it leaves is a `SearchState` and
rows.

Where a search may stop early or start again, the state with the lowest smoothed loss is kept aside,
and is what the search ends in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.criterion.similarity import pearson
from mrd.models.base import Model
from mrd.rendering import to_mitsuba
from mrd.rendering.stage import Stage, display
from mrd.search import loss as losses
from mrd.search.optimiser import LBFGS, SCHEDULES
from mrd.search.plateau import Plateau
from mrd.search.remeshing import mean_edge, remeshed
from mrd.search.variables.base import values_of
from mrd.search.variables.build import variables_of
from mrd.study.checkpoint import SearchState
from mrd.study.search_section import SearchConfig
from scenes.arrays import Mesh
from scenes.camera import Camera
from scenes.scene import Scene
from scenes.shape import MeshShape, geometry

Arrays = dict[str, NDArray[Any]]

# A smoothed loss is over the steps that see every camera so many times.
ROUNDS_OF_PLATEAU = 4

# A start that is tried again is moved about as far as so many steps.
STEPS_OF_RESTART = 3.0


@dataclass(frozen=True)
class Step:
    """What a step tells.

    Attributes
    ----------
    step
        Number of finished steps, those that an early stop left out included.
    seconds
        That the step took.
    loss
        Of the step's views and the judged layers, before it moved the variables, the penalty
        included.
    s
        Pearson r of activations, mean over the step's views and the judged layers, at the step's
        few samples (so lower than at scoring quality).
    """

    step: int
    seconds: float
    loss: float
    s: float


class Search:
    """A search that can be stepped, saved and resumed.

    Parameters
    ----------
    start
        Loaded start scene: the target with its searched attributes at their start, represented
        and exposed like the target.
    targets
        Layer → activations (C, …) of the target at scoring quality, one row a training camera.
    views
        The training cameras, in that order.
    model
        Whose activations are matched.
    config
        The search.
    rng
        Orders the views, seeds the renders, moves the starts of restarts.
    judged
        Layers that `Step.s` is of; by default all of the model's.
    form
        Of the family, as `representation.form_of_family` gives it; by default as the start alone
        needs it.
    extent
        Largest distance of the target's vertices from the origin of the shape's own coordinates;
        what a shape may grow to goes by the larger of target and start.
    match
        From the similarity of a step to a match, for `EarlyStopping.match`.
    device
        Of all tensors.

    Attributes
    ----------
    finished
        Number of finished steps.
    total
        Number of steps of all restarts.
    notes
        What happened that a person should know, oldest first.
    """

    def __init__(
        self,
        start: Scene,
        targets: Mapping[str, torch.Tensor],
        views: Sequence[Camera],
        model: Model,
        config: SearchConfig,
        rng: np.random.Generator,
        *,
        judged: Sequence[str] | None = None,
        form: to_mitsuba.Form | None = None,
        extent: float = 0.0,
        match: Callable[[float], float] = float,
        device: str = "cpu",
    ) -> None:
        losses.check_targets(config.loss, targets)
        self.start = start
        self.config = config
        self.finished = 0
        self.total = config.total_steps
        self.notes: list[str] = []
        self._targets = targets
        self._judged = tuple(judged or model.layers)
        self._views = list(views)
        self._model = model
        self._rng = rng
        self._order: list[int] = []
        self._form = form or to_mitsuba.form_of(start.material)
        self._extent = extent
        self._match = match
        self._device = device
        self._adjoint = (
            to_mitsuba.silhouette_integrator(start, config.samples.boundary)
            if {"shape", "pose"} & set(config.attributes)
            else to_mitsuba.surface_integrator(start, self._form)
        )
        self._same_seeds = rng.integers(2**31, size=(2, self._renders * len(self._views)))
        self._keeps_best = config.early_stopping is not None or config.restarts > 1
        self._plateau = Plateau(self._window)
        self._unlike = Plateau(self._window)
        self._best: Arrays = {}
        self._best_step = 0
        self._best_loss = float("inf")
        self._stand_at_start()

    def _stand_at_start(self, mesh: Mesh | None = None) -> None:
        """Begin to optimise at the start, or its new mesh, with no memory of earlier gradients."""
        config = self.config
        self.variables = variables_of(
            self.start, config, self._device, self._form, mesh, self._extent
        )
        scene = _with_mesh(self.start, mesh)
        replayable = not {"shape", "pose"} & set(config.attributes)
        replayable &= set(config.textures) <= {"base_color"}
        self._stage = Stage(scene, form=self._form, device=self._device, frozen=replayable)
        self._line_search: LBFGS | None = None
        if config.optimiser == "lbfgs":
            tensors = [(t, v.attribute) for v in self.variables for t in v.tensors.values()]
            rates = [getattr(config.learning_rate, attribute) for _, attribute in tensors]
            self._line_search = LBFGS([tensor for tensor, _ in tensors], rates)

    # ---- Steps ----------------------------------------------------------------------------------

    def steps(self) -> Iterator[Step]:
        """Run what is left of the search, a step at a time."""
        while self.finished < self.total:
            began = time.perf_counter()
            loss, s = self.step()
            yield Step(self.finished, time.perf_counter() - began, loss, s)

    def step(self) -> tuple[float, float]:
        """One step; returns loss and similarity as in `Step`."""
        line_search = self._line_search
        loss, s = self._moved_by_lbfgs(line_search) if line_search else self._moved_by_adam()
        self._check_moved()
        self.finished += 1
        done = (self.finished - 1) % self.config.steps + 1
        remeshing = self.config.remeshing
        if remeshing and done in remeshing.at and done < self.config.steps:
            self._remesh(remeshing.edge)
        if self._is_alike(s):
            self.notes.append(f"step {self.finished}: stopped, alike enough")
            self._best, self._best_step = self._snapshot(), self.finished
            self.finished = self.total
        elif self._keeps_best:
            self._look_at(loss, done)
        return loss, s

    def _moved_by_adam(self) -> tuple[float, float]:
        chosen = self._next_views()
        seeds = self._rng.integers(2**31, size=(2, self._renders * len(chosen)))
        found = self._evaluate(chosen, seeds)
        for v in self.variables:
            v.optimiser.step(self._rate(v.attribute))
            v.keep_in_bounds()
        return found.loss, found.s

    def _moved_by_lbfgs(self, line_search: LBFGS) -> tuple[float, float]:
        every = list(range(len(self._views)))
        found: list[_Evaluation] = []

        def evaluate() -> float:
            found.append(self._evaluate(every, self._same_seeds))
            return found[-1].objective

        line_search.step(evaluate)
        for v in self.variables:
            v.keep_in_bounds()
        return found[0].loss, found[0].s

    def _evaluate(self, chosen: list[int], seeds: NDArray[np.int64]) -> _Evaluation:
        """Look where the variables stand; leaves the objective's gradients in their tensors."""
        samples, film = self.config.samples, self.start.film
        views = [self._views[c] for c in chosen] * self._renders
        primal_seeds, adjoint_seeds = seeds

        values = values_of(self.variables)
        self._stage.move(values)
        linear = self._stage.radiance(views, samples.primal, primal_seeds).requires_grad_()
        self._check_views(views, {"the rendered image": linear})
        rendered = self._model.activations(display(linear, film))
        self._check_views(
            views, {f"the activation of layer '{k}'": each for k, each in rendered.items()}
        )
        activations, second = _halves(rendered) if self._renders == 2 else (rendered, None)
        wanted = {layer: target[chosen] for layer, target in self._targets.items()}

        objective = self._objective(activations, wanted, second, chosen)
        penalty = sum((v.penalty() for v in self.variables), torch.zeros((), device=self._device))
        (image_gradients,) = torch.autograd.grad(objective, linear)
        self._check_views(views, {"the derivative of the loss by the image": image_gradients})
        gradients = self._stage.adjoint(
            self._adjoint, views, image_gradients, samples.adjoint, adjoint_seeds
        )
        by = {f"the derivative of the loss by {k}": each for k, each in gradients.items()}
        self._check_finite(views, {"the loss": objective, "the penalty": penalty} | by)
        self._hand_on(values, gradients, penalty)
        with torch.no_grad():
            weights = losses.faded(self._model.layer_weights, self._judged, done=1.0)
            loss = losses.total(self.config.loss, activations, wanted, weights, second)
        return _Evaluation(
            objective=float((objective + penalty).detach()),
            loss=float((loss + penalty).detach()),
            s=_similarity(activations, wanted, self._judged),
        )

    def _objective(
        self,
        activations: Mapping[str, torch.Tensor],
        wanted: Mapping[str, torch.Tensor],
        second: Mapping[str, torch.Tensor] | None,
        chosen: Sequence[int],  # noqa: ARG002  (a search away from the target asks for them)
    ) -> torch.Tensor:
        """What a step makes smaller, of the activations (V, …) of its chosen views: a scalar."""
        return losses.total(self.config.loss, activations, wanted, self._weights(), second)

    def _hand_on(
        self,
        values: Mapping[str, torch.Tensor],
        gradients: Mapping[str, torch.Tensor],
        penalty: torch.Tensor,
    ) -> None:
        """Take the gradients from Mitsuba's parameters on to the tensors."""
        for v in self.variables:
            for tensor in v.tensors.values():
                tensor.grad = None
        torch.autograd.backward(
            [*values.values(), *([penalty] if penalty.requires_grad else [])],
            [
                *(gradients[key].reshape(value.shape) for key, value in values.items()),
                *([torch.ones_like(penalty)] if penalty.requires_grad else []),
            ],
        )

    def _check_views(self, views: Sequence[Camera], parts: Mapping[str, torch.Tensor]) -> None:
        """Name the part (V, …), and the views, that is not finite."""
        for part, rows in parts.items():
            fine = torch.isfinite(rows).flatten(1).all(dim=1).tolist()
            wrong = [view for view, well in zip(views, fine, strict=True) if not well]
            if wrong:
                self._check_finite(wrong, {part: rows})

    def _check_finite(self, views: Sequence[Camera], parts: Mapping[str, torch.Tensor]) -> None:
        for part, numbers in parts.items():
            if not torch.isfinite(numbers).all():
                names = ", ".join(dict.fromkeys(view.name for view in views))
                raise FloatingPointError(
                    f"step {self.finished + 1}: {part} is not finite at camera {names}"
                )

    def _check_moved(self) -> None:
        """Name a variable that the step moved to no number: no state may hold it."""
        for v in self.variables:
            for name, tensor in v.tensors.items():
                if not torch.isfinite(tensor).all():
                    raise FloatingPointError(
                        f"step {self.finished + 1}: the variable {v.attribute}.{name} is not "
                        "finite after the step"
                    )

    def _next_views(self) -> list[int]:
        """Next cameras: in a seeded order, every one once before any comes again."""
        count = self._views_per_step
        left = self._order
        if len(left) < count:
            # A step that ends one round and begins the next still sees no camera twice.
            again = self._rng.permutation(len(self._views)).tolist()
            self._order = left + sorted(again, key=left.__contains__)
        chosen, self._order = self._order[:count], self._order[count:]
        return chosen

    def _rate(self, attribute: str) -> float:
        """Learning rate of the next step."""
        config, done = self.config, self.finished % self.config.steps
        rate = getattr(config.learning_rate, attribute)
        rate *= SCHEDULES[config.schedule](done / config.steps)
        if attribute == "shape" and config.remeshing:
            rate *= config.remeshing.rate ** sum(step <= done for step in config.remeshing.at)
        return float(rate)

    def _weights(self) -> dict[str, float]:
        """Weights of the layers in the next step.

        L-BFGS compares the gradients of successive steps, so its guides stay as they are.
        """
        steps = self.config.steps
        done = 0.0 if self._line_search else (self.finished % steps) / steps
        return losses.faded(self._model.layer_weights, self._judged, done)

    @property
    def _views_per_step(self) -> int:
        return min(self.config.views_per_step, len(self._views))

    @property
    def _renders(self) -> int:
        """Renders of a view in a step."""
        return 2 if losses.takes_two_renders(self.config.loss) else 1

    @property
    def _window(self) -> int:
        window = ROUNDS_OF_PLATEAU * -(-len(self._views) // self._views_per_step)
        return min(window, self.config.steps)  # so that even a short start has one mean to compare

    # ---- Remeshing, stopping, starting again ----------------------------------------------------

    def _remesh(self, edge: float) -> None:
        length = edge * mean_edge(geometry(self.start.shape))
        mesh, problem = remeshed(geometry(self.scene().shape), length)
        if problem:
            self.notes.append(f"step {self.finished}: not remeshed, {problem}")
            return
        before = self._snapshot()
        self._stand_at_start(mesh)
        self._place(before, but="shape")
        self._plateau = Plateau(self._window)

    def _is_alike(self, s: float) -> bool:
        """Whether the smoothed match has come to where the search is to stop."""
        stopping = self.config.early_stopping
        if stopping is None or stopping.match is None:
            return False
        self._unlike.observe(1 - self._match(s))
        return self._unlike.best <= 1 - stopping.match

    def _look_at(self, loss: float, done: int) -> None:
        """Keep the best state; where this start is exhausted, start again or end at the best."""
        if self._plateau.observe(loss) and self._plateau.best < self._best_loss:
            self._best, self._best_loss = self._snapshot(), self._plateau.best
            self._best_step = self.finished
        stopping = self.config.early_stopping
        if stopping and self._plateau.without_gain >= stopping.patience:
            self.notes.append(
                f"step {self.finished}: stopped, no gain in {stopping.patience} steps"
            )
            self.finished += self.config.steps - done
        elif done < self.config.steps:
            return
        if self.finished < self.total:
            self._start_again()
        elif self._best:
            self._return_to(self._best)

    @torch.no_grad()
    def _start_again(self) -> None:
        """Stand at the start, moved a little at random."""
        self._stand_at_start()
        self._plateau = Plateau(self._window)
        self._unlike = Plateau(self._window)
        for v in self.variables:
            length = STEPS_OF_RESTART * getattr(self.config.learning_rate, v.attribute)
            for tensor in v.tensors.values():
                noise = self._rng.normal(scale=length, size=tuple(tensor.shape))
                tensor.add_(torch.as_tensor(noise).to(tensor))
            v.keep_in_bounds()

    # ---- Scenes and states ----------------------------------------------------------------------

    def scene(self) -> Scene:
        """The scene as the variables have it now."""
        result = self.start
        for variables in self.variables:
            result = variables.placed_in(result)
        return result

    def _snapshot(self) -> Arrays:
        """Where the variables stand, with the mesh where it is not the start's."""
        arrays = {
            f"{v.attribute}.{name}": tensor.detach().cpu().numpy().copy()
            for v in self.variables
            for name, tensor in v.tensors.items()
        }
        if self.config.remeshing:
            mesh = geometry(self.scene().shape)
            arrays |= {"mesh.vertices": mesh.vertices, "mesh.faces": mesh.faces}
        return arrays

    def _return_to(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        mesh = mesh_in(snapshot)
        if mesh is not None:
            self._stand_at_start(mesh)
        self._place(snapshot)

    @torch.no_grad()
    def _place(self, snapshot: Mapping[str, NDArray[Any]], but: str | None = None) -> None:
        """Put the variables, but those of one attribute, where a snapshot has them."""
        for v in self.variables:
            if v.attribute != but:
                for name, tensor in v.tensors.items():
                    tensor.copy_(torch.as_tensor(snapshot[f"{v.attribute}.{name}"]))

    def state(self) -> SearchState:
        """All that `resume` needs."""
        optimisers: dict[str, Any] = (
            {"lbfgs": self._line_search}
            if self._line_search
            else {f"{v.attribute}.adam": v.optimiser for v in self.variables}
        )
        arrays = self._snapshot()
        for prefix, optimiser in optimisers.items():
            arrays |= {f"{prefix}.{k}": array for k, array in optimiser.arrays().items()}
        arrays |= {f"best.{name}": array for name, array in self._best.items()}
        header = {
            "rng": self._rng.bit_generator.state,
            "order": self._order,
            "same_seeds": self._same_seeds.tolist(),
            "plateau": self._plateau.as_json(),
            "unlike": self._unlike.as_json(),
            "best_loss": self._best_loss if self._best else None,
            "best_step": self._best_step if self._best else None,
        }
        return SearchState(self.finished, arrays, header)

    def resume(self, state: SearchState) -> None:
        """Stand where the state was saved."""
        self._return_to(state.arrays)
        if self._line_search:
            self._line_search.restore(under("lbfgs.", state.arrays))
        else:
            for v in self.variables:
                v.optimiser.restore(under(f"{v.attribute}.adam.", state.arrays))
        self._best = under("best.", state.arrays)
        self._best_loss = state.header["best_loss"] if self._best else float("inf")
        self._best_step = state.header["best_step"] if self._best else 0
        self._plateau = Plateau.from_json(state.header["plateau"])
        self._unlike = Plateau.from_json(state.header["unlike"])
        self._rng.bit_generator.state = state.header["rng"]
        self._same_seeds = np.array(state.header["same_seeds"])
        self._order = list(state.header["order"])
        self.finished = state.step


class _Evaluation(NamedTuple):
    """What is found where the variables stand, penalties included.

    The objective is what a step makes smaller; the loss is of the judged layers alone.
    """

    objective: float
    loss: float
    s: float


def mesh_in(arrays: Mapping[str, NDArray[Any]]) -> Mesh | None:
    """The mesh that a state's shape belongs to; None where it is the start's."""
    if "mesh.faces" not in arrays:
        return None
    return Mesh(arrays["mesh.vertices"], arrays["mesh.faces"], None)


def _with_mesh(scene: Scene, mesh: Mesh | None) -> Scene:
    if mesh is None:
        return scene
    shape = MeshShape(surface=mesh, fit=False, normals=scene.shape.normals)
    return scene.model_copy(update={"shape": shape})


def under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """The arrays whose names begin with a prefix, by the rest of their names."""
    return {k.removeprefix(prefix): array for k, array in arrays.items() if k.startswith(prefix)}


def _halves(rows: Mapping[str, torch.Tensor]) -> tuple[dict[str, Any], dict[str, Any]]:
    """First and second render of the same views."""
    pairs = {layer: row.chunk(2) for layer, row in rows.items()}
    return {k: pair[0] for k, pair in pairs.items()}, {k: pair[1] for k, pair in pairs.items()}


@torch.no_grad()
def _similarity(
    activations: Mapping[str, torch.Tensor],
    wanted: Mapping[str, torch.Tensor],
    judged: Sequence[str],
) -> float:
    layers = [pearson(activations[k].flatten(1), wanted[k].flatten(1)).mean() for k in judged]
    return float(torch.stack(layers).mean())
