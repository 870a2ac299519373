"""A scene whose searched attributes are variables of an optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.criterion.bench import Bench
from mrd.search.optimiser import LBFGS, Adam
from mrd.search.variables.build import build_variables
from mrd.study.search_section import SearchConfig
from scenes.arrays import Mesh
from scenes.scene import Scene
from scenes.shape import MeshShape, geometry

Arrays = dict[str, NDArray[Any]]


class MovingScene:
    """The variables of a search, their optimisers, and the renderer of the scene.

    Parameters
    ----------
    start
        Loaded start scene, in the representation and with the exposure of the target.
    extent
        Largest distance of a vertex of the target from the origin: see `ShapeVariables`.
    """

    def __init__(self, start: Scene, config: SearchConfig, bench: Bench, extent: float) -> None:
        self.start = start
        self.config = config
        self._bench = bench
        self._extent = extent
        self.look: Mapping[str, Any] = {}  # sections in which the render differs from the scene
        self.reset()

    def reset(self, mesh: Mesh | None = None) -> None:
        """Set the variables to the start, or to it with a new mesh, and reset the optimisers."""
        config, start = self.config, self.start
        self.variables = build_variables(
            start, config, self._bench.device, self._bench.form, mesh, self._extent
        )
        if mesh is not None:
            shape = MeshShape(surface=mesh, fit=False, normals=start.shape.normals)
            start = start.model_copy(update={"shape": shape})
        self._set_stage(start)
        self.lbfgs: LBFGS | None = None
        if config.optimiser == "lbfgs":
            tensors = [(t, v.attribute) for v in self.variables for t in v.tensors.values()]
            rates = [getattr(config.learning_rate, attribute) for _, attribute in tensors]
            self.lbfgs = LBFGS([tensor for tensor, _ in tensors], rates)

    def set_look(self, look: Mapping[str, Any]) -> None:
        """Render with other sections than those of the scene; no variable changes."""
        if look != self.look:
            self.look = look
            self._set_stage(self.scene())

    def _set_stage(self, scene: Scene) -> None:
        """Prepare the renderer for a scene whose variables then move."""
        config = self.config
        scene = scene.model_copy(update=self.look)
        is_replayable = not {"shape", "pose"} & set(config.attributes)
        is_replayable &= set(config.textures) <= {"base_color"}
        is_replayable &= not any(each.differenced for each in self.variables)
        self.stage = self._bench.stage(scene, frozen=is_replayable)

    def scene(self) -> Scene:
        """Return the scene that the variables have now."""
        result = self.start
        for each in self.variables:
            result = each.apply_to(result)
        return result

    def penalty(self) -> torch.Tensor:
        """Return the sum of the variables' regularisers, a scalar."""
        zero = torch.zeros((), device=self._bench.device)
        return sum((each.penalty() for each in self.variables), zero)

    def keep_in_bounds(self) -> None:
        """Bring all variables back into their bounds."""
        for each in self.variables:
            each.keep_in_bounds()

    @torch.no_grad()
    def perturb(self, rng: np.random.Generator, steps: float) -> None:
        """Add Gaussian noise to the variables; its standard deviation is `steps` learning rates."""
        for each in self.variables:
            length = steps * getattr(self.config.learning_rate, each.attribute)
            for tensor in each.tensors.values():
                noise = rng.normal(scale=length, size=tuple(tensor.shape))
                tensor.add_(torch.as_tensor(noise).to(tensor))
            each.keep_in_bounds()

    def snapshot(self) -> Arrays:
        """Return copies of the variables by name and, if the search remeshes, the current mesh."""
        arrays = {
            f"{each.attribute}.{name}": tensor.detach().cpu().numpy().copy()
            for each in self.variables
            for name, tensor in each.tensors.items()
        }
        if self.config.remeshing:
            mesh = geometry(self.scene().shape)
            arrays |= {"mesh.vertices": mesh.vertices, "mesh.faces": mesh.faces}
        return arrays

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Set the variables, and the mesh if the snapshot has one, to those of a snapshot."""
        mesh = mesh_in(snapshot)
        if mesh is not None:
            self.reset(mesh)
        self.place(snapshot)

    @torch.no_grad()
    def place(self, snapshot: Mapping[str, NDArray[Any]], skip: str | None = None) -> None:
        """Set the variables, except those of the attribute `skip`, to those of a snapshot."""
        for each in self.variables:
            if each.attribute != skip:
                for name, tensor in each.tensors.items():
                    tensor.copy_(torch.as_tensor(snapshot[f"{each.attribute}.{name}"]))

    def optimiser_arrays(self) -> Arrays:
        """Return the internal state of the optimisers, as arrays by name."""
        return {
            f"{prefix}.{name}": array
            for prefix, optimiser in self._optimisers().items()
            for name, array in optimiser.arrays().items()
        }

    def restore_optimiser(
        self, arrays: Mapping[str, NDArray[Any]], skip: str | None = None
    ) -> None:
        """Restore the optimisers, except that of `skip`, from what `optimiser_arrays` returned."""
        for prefix, optimiser in self._optimisers().items():
            if prefix != f"{skip}.adam":
                optimiser.restore(with_prefix(f"{prefix}.", arrays))

    def _optimisers(self) -> dict[str, Adam | LBFGS]:
        if self.lbfgs:
            return {"lbfgs": self.lbfgs}
        return {f"{each.attribute}.adam": each.optimiser for each in self.variables}


def mesh_in(arrays: Mapping[str, NDArray[Any]]) -> Mesh | None:
    """Return the mesh in the arrays of a state; None if the state has the mesh of the start."""
    if "mesh.faces" not in arrays:
        return None
    return Mesh(arrays["mesh.vertices"], arrays["mesh.faces"], None)


def with_prefix(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return the arrays whose names begin with `prefix`, under their names without it."""
    return {k.removeprefix(prefix): array for k, array in arrays.items() if k.startswith(prefix)}
