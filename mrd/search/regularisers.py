"""Differentiable regularisers of a moving mesh: edge length, area and Laplacian.

Edge length and area are 1 at the mesh of the start, the Laplacian is near 0. None depends on the
size of the mesh or on its number of vertices, so that the same weights can be used for every mesh.
Remeshing does not change their units.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse
import torch

from mrd.study.search_section import Regularisers
from scenes.arrays import Mesh
from scenes.geometry.areas import face_areas


class MeshOperators:
    """Matrices of a mesh that the regularisers need, and the units of these.

    Every vertex of the mesh belongs to a face. `start` is the mesh of the start, which defines the
    units; it is needed only after remeshing.
    """

    def __init__(
        self,
        mesh: Mesh,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        *,
        start: Mesh | None = None,
    ) -> None:
        edges, laplacian = edge_matrix(mesh), umbrella_matrix(mesh)
        self.faces = torch.tensor(mesh.faces.astype(np.int64), device=device)
        self.edges = _sparse(edges, device, dtype)
        self.laplacian = _sparse(laplacian, device, dtype)
        vertices = (start or mesh).vertices.astype(np.float64)
        lengths = edge_matrix(start or mesh) @ vertices
        self.square_length = float(np.square(lengths).sum(axis=1).mean())
        self.area = float(face_areas(start or mesh).sum())


def edge_length(vertices: torch.Tensor, operators: MeshOperators) -> torch.Tensor:
    """Return the mean squared length of the edges, relative to the start.

    (1/E) Σ ‖vᵢ − vⱼ‖² ÷ the same of the start. It shortens long edges (Wang et al. 2018,
    *Pixel2Mesh*, section 3.4).
    """
    return (operators.edges @ vertices).square().sum(dim=1).mean() / operators.square_length


def area(vertices: torch.Tensor, operators: MeshOperators) -> torch.Tensor:
    """Return the area of the surface, relative to the start.

    Σ ½ ‖(b − a) × (c − a)‖ ÷ the same of the start. Its gradient is the mean curvature normal,
    which flattens bumps and shrinks the whole (Desbrun et al. 1999, section 4).
    """
    a, b, c = (vertices[operators.faces[:, corner]] for corner in range(3))
    return 0.5 * torch.linalg.cross(b - a, c - a).norm(dim=1).sum() / operators.area


def laplacian(vertices: torch.Tensor, operators: MeshOperators) -> torch.Tensor:
    """Return the mean squared distance of a vertex from the mean of its neighbours.

    (1/V) Σ ‖vᵢ − (1/nᵢ) Σⱼ vⱼ‖² ÷ the mean squared edge length of the start: small if the surface
    is smooth and its triangles are even (the umbrella operator: Taubin 1995; Desbrun et al. 1999,
    section 3).
    """
    return (operators.laplacian @ vertices).square().sum(dim=1).mean() / operators.square_length


def penalty(
    vertices: torch.Tensor, operators: MeshOperators, weights: Regularisers
) -> torch.Tensor:
    """Return the weighted sum of the regularisers; those of weight 0 are not computed."""
    terms = {"edge_length": edge_length, "area": area, "laplacian": laplacian}
    total = torch.zeros((), dtype=vertices.dtype, device=vertices.device)
    for name, term in terms.items():
        weight = getattr(weights, name)
        if weight:
            total = total + weight * term(vertices, operators)
    return total


def neighbours(count: int, faces: np.ndarray) -> scipy.sparse.csr_matrix:
    """Return the adjacency matrix (V, V) of `count` vertices: 1 if an edge connects two of them."""
    start, end = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    ones = np.ones(2 * len(start))
    adjacency = scipy.sparse.coo_matrix(
        (ones, (np.r_[start, end], np.r_[end, start])), shape=(count, count)
    ).tocsr()
    adjacency.data[:] = 1.0
    return adjacency


def edge_matrix(mesh: Mesh) -> scipy.sparse.csr_matrix:
    """Return the matrix (E, V) of differences along edges: 1 at one end, −1 at the other."""
    ends = scipy.sparse.triu(neighbours(len(mesh.vertices), mesh.faces), format="coo")
    rows, ones = np.arange(ends.nnz), np.ones(ends.nnz)
    return scipy.sparse.csr_matrix(
        (np.r_[ones, -ones], (np.r_[rows, rows], np.r_[ends.row, ends.col])),
        shape=(ends.nnz, len(mesh.vertices)),
    )


def umbrella_matrix(mesh: Mesh) -> scipy.sparse.csr_matrix:
    """Return the matrix I − D⁻¹ A, (V, V): each vertex minus the mean of its neighbours."""
    adjacency = neighbours(len(mesh.vertices), mesh.faces)
    inverse = scipy.sparse.diags(1 / np.asarray(adjacency.sum(axis=1)).ravel())
    return (scipy.sparse.identity(len(mesh.vertices)) - inverse @ adjacency).tocsr()


def _sparse(matrix: scipy.sparse.csr_matrix, device: str, dtype: torch.dtype) -> torch.Tensor:
    entries = matrix.tocoo()
    return torch.sparse_coo_tensor(
        torch.tensor(np.stack([entries.row, entries.col]).astype(np.int64)),
        torch.tensor(entries.data, dtype=dtype),
        entries.shape,
        device=device,
        check_invariants=True,  # here only, as it takes time
    ).coalesce()
