"""Variables of a shape: the vertices of a mesh of fixed topology, in LargeSteps coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import torch
from cholespy import CholeskySolverF, MatrixType
from numpy.typing import NDArray

from mrd.rendering.to_mitsuba import VERTICES
from mrd.search.optimiser import Adam
from mrd.search.regularisers import MeshOperators, neighbours, penalty
from mrd.search.variables.base import NOTHING, Values
from mrd.study.search_section import Regularisers
from scenes.arrays import Mesh
from scenes.base.errors import InputError
from scenes.geometry.topology import manifold_problem
from scenes.scene import Scene
from scenes.shape import MeshShape, geometry

# Bound on the distance of a vertex from the origin, in units of the largest such distance at the
# start or at the target, whichever is larger.
LARGEST_GROWTH = 2.0
UNREGULARISED = Regularisers()


class ShapeVariables:
    """Vertices v, optimised as u = (I + λL) v, where L is the combinatorial Laplacian of the mesh.

    A gradient step of u is a smooth step of v, so that noise of single vertices does not crumple
    the surface (Nicolet, Jacobson & Jakob 2021). λ ≥ 0 is `smoothness`. `mesh` is the current mesh
    if the shape was remeshed; `extent` is the largest distance of a vertex of the target from the
    origin. Raises InputError if the mesh is not closed and manifold.
    """

    attribute = "shape"
    differenced: frozenset[str] = frozenset()

    def __init__(
        self,
        start: Scene,
        smoothness: float,
        device: str = "cpu",
        *,
        regularisers: Regularisers = UNREGULARISED,
        mesh: Mesh | None = None,
        extent: float = 0.0,
    ) -> None:
        first = geometry(start.shape)
        mesh = mesh or first
        problem = manifold_problem(mesh)
        if problem is not None:
            raise InputError(
                f"start.shape of '{start.name}': {problem}; start from a closed manifold mesh, "
                "such as {kind: sphere} or {kind: blob}"
            )
        self._faces = mesh.faces
        self._normals = start.shape.normals
        matrix = start.pose.matrix()
        self._rotation = torch.tensor(matrix[:3, :3], dtype=torch.float32, device=device)
        self._translation = torch.tensor(matrix[:3, 3], dtype=torch.float32, device=device)
        system = smoothing_matrix(len(mesh.vertices), mesh.faces, smoothness)
        self._system = system
        self._solver = _factorised(system, device)
        latent = torch.tensor(
            system @ mesh.vertices.astype(np.float64), dtype=torch.float32, device=device
        )
        self.tensors = {"latent": latent.requires_grad_()}
        self.optimiser = Adam(self.tensors, uniform=True)
        self._regularisers = regularisers
        is_regularised = regularisers != UNREGULARISED
        self._operators = MeshOperators(mesh, device, start=first) if is_regularised else None
        self._bound = LARGEST_GROWTH * max(extent_of(first), extent)

    def vertices(self) -> torch.Tensor:
        """Return the vertices (V, 3) in the shape's own coordinates, differentiable."""
        return _Solve.apply(self._solver, self.tensors["latent"])

    def values(self, given: Values = NOTHING) -> dict[str, torch.Tensor]:
        """Return the vertices by Mitsuba's name, in world coordinates, in the pose of the start."""
        return {**given, VERTICES: self.vertices() @ self._rotation.T + self._translation}

    def penalty(self) -> torch.Tensor:
        """Return the weighted regularisers."""
        if self._operators is None:
            return torch.zeros((), device=self.tensors["latent"].device)
        return penalty(self.vertices(), self._operators, self._regularisers)

    @torch.no_grad()
    def keep_in_bounds(self) -> None:
        """Move vertices that are farther from the origin than the bound back to it."""
        vertices = self.vertices()
        radius = vertices.norm(dim=1, keepdim=True)
        if radius.max() > self._bound:
            inside = vertices * (self._bound / radius).clamp(max=1)
            self.set_vertices(inside.cpu().numpy())

    @torch.no_grad()
    def set_vertices(self, vertices: NDArray[Any]) -> None:
        """Move the vertices (V, 3), in the shape's own coordinates."""
        latent = self._system @ vertices.astype(np.float64)
        self.tensors["latent"].copy_(torch.as_tensor(latent, dtype=torch.float32))

    @torch.no_grad()
    def apply_to(self, scene: Scene) -> Scene:
        """Return the scene with the current mesh."""
        mesh = Mesh(self.vertices().cpu().numpy(), self._faces, None)
        shape = MeshShape(surface=mesh, fit=False, normals=self._normals)
        return scene.model_copy(update={"shape": shape})


def extent_of(mesh: Mesh) -> float:
    """Return the largest distance of a vertex from the origin."""
    return float(np.linalg.norm(mesh.vertices, axis=1).max())


def smoothing_matrix(count: int, faces: np.ndarray, smoothness: float) -> scipy.sparse.csc_matrix:
    """Return I + λL, (V, V): λ is `smoothness`, L the degree minus the adjacency matrix."""
    adjacency = neighbours(count, faces)
    degree = scipy.sparse.diags(np.asarray(adjacency.sum(axis=1)).ravel())
    return (scipy.sparse.identity(count) + smoothness * (degree - adjacency)).tocsc()


def _factorised(matrix: scipy.sparse.csc_matrix, device: str) -> CholeskySolverF:
    entries = matrix.tocoo()
    return CholeskySolverF(
        matrix.shape[0],
        torch.tensor(entries.row, dtype=torch.int32, device=device),
        torch.tensor(entries.col, dtype=torch.int32, device=device),
        torch.tensor(entries.data, dtype=torch.float64, device=device),
        MatrixType.COO,
    )


class _Solve(torch.autograd.Function):
    """The solution x of A x = b for a factorised symmetric A, and its derivative."""

    @staticmethod
    def forward(context: Any, solver: CholeskySolverF, right: torch.Tensor) -> torch.Tensor:
        context.solver = solver
        solution = torch.empty_like(right)
        solver.solve(right.detach().contiguous(), solution)
        return solution

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[None, torch.Tensor]:
        solution = torch.empty_like(gradients[0])
        context.solver.solve(gradients[0].contiguous(), solution)
        return None, solution
