"""Smooth changes of a shape to which a model responds least: where `mode: diverge` starts.

The match at camera c of a shape whose smooth modes m_k were added with small amounts a_k is about

    1 − aᵀ G_c a,   G_c[k, l] = ⟨e_k, e_l⟩ / 2 (ceiling_c − null_c)

with e_k the derivative of the centred activation by a_k, orthogonal to that activation and divided
by its norm (Pearson's r is the cosine of an angle; the mean over layers). The physical distance is
√(aᵀ M a). Changes of the least G per M are the generalised eigenvectors of the least eigenvalues,
as the least noticeable distortions of Berardino, Ballé, Laparra & Simoncelli (2017) are of Fisher
information. Two derivatives with independent noise make the estimate of G unbiased.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray

from mrd.search.directions import MODES
from mrd.search.smooth_modes import smooth_modes
from scenes.arrays import Mesh
from scenes.geometry.areas import vertex_areas
from scenes.geometry.normals import vertex_normals
from scenes.shape import bounding_sphere

Array = NDArray[np.float64]
Activations = Mapping[str, torch.Tensor]

STEP = 0.01  # half the width of a central difference, in radii
LENGTH = 2**15  # most numbers that are kept of a derivative of a layer
MOST = 0.1  # largest change that is proposed, in radii; the formula holds for small changes

NOISES, SIDES = 2, 2  # derivatives by each mode, and responses for each of them

Respond = Callable[[Array, NDArray[np.int64]], Activations]
"""Function from vertices (V, 3) and a renderer seed per camera to activations, each (C, …)."""


@dataclass(frozen=True)
class SmoothChange:
    """Displacements (V, 3) of a shape for a distance of 1 radius, and the 1 − match they cause."""

    displacements: Array
    loss: float

    def amount(self, loss: float) -> float:
        """Return the distance, in radii, at which the match is about 1 − `loss`; at most `MOST`."""
        return min(MOST, float(np.sqrt(loss / max(self.loss, loss / MOST**2))))


def least_noticed(
    mesh: Mesh,
    respond: Respond,
    target: Activations,
    room: Array,
    rng: np.random.Generator,
    count: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> list[SmoothChange]:
    """Return `count` smooth changes of a mesh, from the one to which a model responds least.

    `target` are the activations (C, …) of the mesh itself, `room` (C,) is ceiling − null.
    `progress` is called with the number of derivatives that are finished, and their total.
    """
    radius = float(bounding_sphere(mesh)[1])
    modes = smooth_modes(mesh, MODES)
    displacements = radius * modes[:, :, None] * vertex_normals(mesh)
    seeds = rng.integers(2**31, size=(NOISES, len(room)))
    derivatives = []
    for noise in seeds:
        for each in displacements:
            derivatives.append(_derivative(mesh, each, respond, target, noise))
            progress(len(derivatives), NOISES * len(modes))
    first, second = np.split(np.stack(derivatives), NOISES)
    share = 1 / (2 * room * len(room))  # the mean over cameras
    product = np.einsum("kcu,lcu,c->kl", first, second, share)
    values, vectors = scipy.linalg.eigh((product + product.T) / 2, distance_matrix(mesh, modes))
    return [
        SmoothChange(np.tensordot(vectors[:, k], displacements, 1), float(values[k]))
        for k in range(min(count, len(values)))
    ]


def distance_matrix(mesh: Mesh, modes: Array) -> Array:
    """Return M (K, K): aᵀ M a is the squared distance of the modes' sum a, in squared radii.

    The distance is that of `mrd.search.distance_from_target`: along normals, without the mean
    displacement. M is invertible: of changes along normals, only those of a flat surface can be
    their own mean displacement. On a sphere, its least eigenvalue is 4/9.
    """
    areas, normals = vertex_areas(mesh), vertex_normals(mesh).astype(np.float64)
    share = areas / areas.sum()
    means = (modes * share) @ normals  # (K, 3)
    along = modes - means @ normals.T
    return np.asarray((along * share) @ along.T)


def _derivative(
    mesh: Mesh, displacement: Array, respond: Respond, target: Activations, seeds: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the derivative (C, numbers) of the normalised activations along a displacement."""
    after, before = (
        respond(mesh.vertices + amount * displacement, seeds) for amount in (STEP, -STEP)
    )
    rows = []
    for layer, own in target.items():
        base, change = _centred(own), _centred(after[layer] - before[layer]) / (2 * STEP)
        unit = torch.nn.functional.normalize(base, dim=1)
        change = change - (change * unit).sum(dim=1, keepdim=True) * unit
        rows.append(_shortened(change / base.norm(dim=1, keepdim=True) / np.sqrt(len(target))))
    return torch.cat(rows, dim=1).cpu().numpy()


def _centred(activations: torch.Tensor) -> torch.Tensor:
    rows = activations.flatten(1)
    return rows - rows.mean(dim=1, keepdim=True)


def _shortened(rows: torch.Tensor) -> torch.Tensor:
    """Return random sums (C, `LENGTH`) of long rows, whose products have the same expectation.

    The count sketch of Charikar, Chen & Farach-Colton (2002): derivatives of all modes at all
    cameras would not fit into memory.
    """
    units = rows.shape[1]
    if units <= LENGTH:
        return rows
    generator = torch.Generator().manual_seed(units)
    place = torch.randint(LENGTH, (units,), generator=generator).to(rows.device)
    sign = (2 * torch.randint(2, (units,), generator=generator) - 1).to(rows)
    return rows.new_zeros(len(rows), LENGTH).index_add_(1, place, rows * sign)


def number_of_changes(starts: int) -> int:
    """Return how many changes `starts` starts need: each is used in both directions."""
    return -(-starts // 2)


def change_of_start(changes: Sequence[SmoothChange], start: int) -> tuple[SmoothChange, int]:
    """Return the change of a start, from 0, and its sign."""
    return changes[(start // 2) % len(changes)], 1 if start % 2 == 0 else -1
