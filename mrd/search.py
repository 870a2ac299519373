"""The search: the optimisation from a start scene toward a target's activations. The loop alone.

A step renders some training cameras without gradients, lets the network see them, sends the
derivative of the loss with respect to each image through one adjoint render, and moves the
variables. Everything that it needs is passed in; everything that it leaves is a `State` and rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mrd import loss as losses
from mrd import to_mitsuba
from mrd.config import SearchConfig
from mrd.models.base import Model
from mrd.render import Stage, display
from mrd.similarity import pearson
from mrd.state import State
from mrd.variables.base import Variables, values_of
from mrd.variables.lighting import LightingVariables
from mrd.variables.material import MaterialVariables
from mrd.variables.pose import PoseVariables
from mrd.variables.shape import ShapeVariables
from mrd.variables.sky import SkyVariables
from scenes.camera import Camera
from scenes.lighting import SunSky
from scenes.scene import Scene


@dataclass(frozen=True)
class Step:
    """What a step tells.

    Attributes
    ----------
    step
        Number of finished steps.
    seconds
        That the step took.
    loss
        Of the step's views, before it moved the variables, the penalty included.
    s
        Pearson r of activations, mean over the step's views and layers, at the step's few samples
        (so lower than at scoring quality).
    """

    step: int
    seconds: float
    loss: float
    s: float


def variables_of(
    start: Scene,
    config: SearchConfig,
    device: str = "cpu",
    form: to_mitsuba.Form | None = None,
) -> list[Variables]:
    """Variables of every searched attribute, standing at the start scene in the family's form."""
    sky = config.start.lighting
    make: dict[str, Callable[[], Variables]] = {
        "shape": lambda: ShapeVariables(
            start, config.smoothness, device, regularisers=config.regularisers
        ),
        "material": lambda: MaterialVariables(start, config.material_parameters, device),
        "lighting": lambda: (
            SkyVariables(start, sky, config.sky_parameters, device)
            if isinstance(sky, SunSky)
            else LightingVariables(start, config.environment_smoothness, device)
        ),
        "pose": lambda: PoseVariables(start, form, device),
    }
    return [make[attribute]() for attribute in config.attributes]


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
        Orders the views and seeds the renders.
    form
        Of the family, as `representation.form_of_family` gives it; by default as the start alone
        needs it.
    device
        Of all tensors.
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
        form: to_mitsuba.Form | None = None,
        device: str = "cpu",
    ) -> None:
        self.start = start
        self.config = config
        form = form or to_mitsuba.form_of(start.material)
        self.variables = variables_of(start, config, device, form)
        self.finished = 0
        self._targets = targets
        self._views = list(views)
        self._model = model
        self._rng = rng
        self._order: list[int] = []
        self._stage = Stage(start, form=form, device=device)
        self._adjoint = (
            to_mitsuba.silhouette_integrator(start, config.samples.boundary)
            if {"shape", "pose"} & set(config.attributes)
            else to_mitsuba.surface_integrator(start, form)
        )

    def steps(self) -> Iterator[Step]:
        """Run what is left of the search, a step at a time."""
        while self.finished < self.config.steps:
            began = time.perf_counter()
            loss, s = self.step()
            yield Step(self.finished, time.perf_counter() - began, loss, s)

    def step(self) -> tuple[float, float]:
        """One step; returns loss and similarity as in `Step`."""
        samples = self.config.samples
        chosen = self._next_views()
        views = [self._views[c] for c in chosen]
        primal_seeds, adjoint_seeds = self._rng.integers(2**31, size=(2, len(views)))

        values = values_of(self.variables)
        self._stage.move(values)
        linear = self._stage.radiance(views, samples.primal, primal_seeds).requires_grad_()
        activations = self._model.activations(display(linear, self.start.film))
        wanted = {layer: target[chosen] for layer, target in self._targets.items()}
        penalty = sum((v.penalty() for v in self.variables), torch.zeros(()))
        loss = losses.total(self.config.loss, activations, wanted)
        (image_gradients,) = torch.autograd.grad(loss, linear)
        gradients = self._stage.adjoint(
            self._adjoint, views, image_gradients, samples.adjoint, adjoint_seeds
        )
        numbers = (loss, penalty, *gradients.values())
        if not all(bool(torch.isfinite(each).all()) for each in numbers):
            raise FloatingPointError(
                f"step {self.finished + 1}: loss or gradient is not finite at camera "
                f"{', '.join(view.name for view in views)}; the search stands at its last state"
            )
        self._move(values, gradients, penalty)
        self.finished += 1
        return float((loss + penalty).detach()), _similarity(activations, wanted)

    def scene(self) -> Scene:
        """The scene as the variables have it now."""
        result = self.start
        for variables in self.variables:
            result = variables.placed_in(result)
        return result

    def state(self) -> State:
        """All that `resume` needs."""
        arrays = {}
        for v in self.variables:
            for name, tensor in v.tensors.items():
                arrays[f"{v.attribute}.{name}"] = tensor.detach().cpu().numpy()
            for name, array in v.optimiser.arrays().items():
                arrays[f"{v.attribute}.adam.{name}"] = array
        header = {"rng": self._rng.bit_generator.state, "order": self._order}
        return State(self.finished, arrays, header)

    @torch.no_grad()
    def resume(self, state: State) -> None:
        """Stand where the state was saved."""
        for v in self.variables:
            for name, tensor in v.tensors.items():
                tensor.copy_(torch.as_tensor(state.arrays[f"{v.attribute}.{name}"]))
            prefix = f"{v.attribute}.adam."
            v.optimiser.restore(
                {
                    key.removeprefix(prefix): array
                    for key, array in state.arrays.items()
                    if key.startswith(prefix)
                }
            )
        self._rng.bit_generator.state = state.header["rng"]
        self._order = list(state.header["order"])
        self.finished = state.step

    def _next_views(self) -> list[int]:
        """Next cameras: in a seeded order, every one once before any comes again."""
        count = min(self.config.views_per_step, len(self._views))
        left = self._order
        if len(left) < count:
            # A step that ends one round and begins the next still sees no camera twice.
            again = self._rng.permutation(len(self._views)).tolist()
            self._order = left + sorted(again, key=left.__contains__)
        chosen, self._order = self._order[:count], self._order[count:]
        return chosen

    def _move(
        self,
        values: Mapping[str, torch.Tensor],
        gradients: Mapping[str, torch.Tensor],
        penalty: torch.Tensor,
    ) -> None:
        """One step of every optimiser, at a learning rate that falls as a half cosine."""
        decay = 0.5 * (1 + np.cos(np.pi * self.finished / self.config.steps))
        for v in self.variables:
            v.optimiser.forget_gradients()
        torch.autograd.backward(
            [*values.values(), *([penalty] if penalty.requires_grad else [])],
            [
                *(gradients[key].reshape(value.shape) for key, value in values.items()),
                *([torch.ones_like(penalty)] if penalty.requires_grad else []),
            ],
        )
        for v in self.variables:
            rate = getattr(self.config.learning_rate, v.attribute)
            v.optimiser.step(rate * decay)
            v.keep_in_bounds()


@torch.no_grad()
def _similarity(
    activations: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]
) -> float:
    layers = [pearson(activations[k].flatten(1), wanted[k].flatten(1)).mean() for k in wanted]
    return float(torch.stack(layers).mean())
