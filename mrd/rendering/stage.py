"""Images of a scene, and gradients from images back to the scene.

The computation from scene to activations is split at the image. Images are rendered ("primal")
without a gradient graph, torch differentiates the network, and the gradient of the loss with
respect to each image enters one adjoint render, which returns the gradient with respect to the
scene. Memory use stays constant, and primal and adjoint renders have separate numbers of samples.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np
import torch

from mrd.rendering import integrators, to_mitsuba  # noqa: F401  (registers the integrators with Mitsuba)
from mrd.rendering.camera_rays import camera_rays
from mrd.rendering.srgb import encoded
from mrd.rendering.to_mitsuba import NORMALS, VERTICES
from scenes.base.errors import InputError
from scenes.camera import Camera, cameras
from scenes.film import LUMINANCE, Film
from scenes.scene import Scene

# Mitsuba warns at every image about sample counts that it rounds up.
mi.set_log_level(mi.LogLevel.Error)

# Auto exposure maps this percentile of the object's luminance to this display-linear value.
EXPOSURE_PERCENTILE = 95
EXPOSURE_LEVEL = 0.8
# The exposure is rounded to tenths of a stop, since repeated renders differ by about 1e-6.
EXPOSURES_PER_STOP = 10


def noise_seed(scene_hash: str, camera: str, light: str, index: int) -> int:
    """Return the renderer's seed of an image: a hash of its names, so that no two share noise."""
    text = f"{scene_hash}/{camera}/{light}/{index}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def display(linear: torch.Tensor, film: Film) -> torch.Tensor:
    """Convert linear radiance to display-encoded sRGB in [0, 1], as ``scenes.film.encode`` does."""
    exposed = (linear * film.fixed_exposure).clamp(min=0)
    if film.tone_curve == "reinhard":
        exposed = exposed / (1 + exposed)
    return encoded(exposed.clamp(max=1))


# Number of replayed adjoints that are compared with traced ones, and the allowed difference as a
# share of the norm of the traced gradient (threads add up in any order).
REHEARSALS = 6
APART = 1e-2


class Stage:
    """A scene in Mitsuba with its cameras; its parameters can be changed and differentiated.

    Parameters
    ----------
    scene
        Loaded scene.
    form
        How the scene is translated to Mitsuba; by default in the simplest form.
    device
        Torch device: "cpu", or "cuda" with Mitsuba's CUDA variant.
    frozen
        Whether kernels are recorded at the first renders and then replayed, which saves tracing.
        Only for searches of material or light: a replayed adjoint of moving vertices, or of a
        one-channel texture, is wrong without an error (Mitsuba 3.9, Dr.Jit 1.5). The first adjoints
        are computed both ways; if the two disagree, adjoints are no longer replayed.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        form: to_mitsuba.Form | None = None,
        device: str = "cpu",
        frozen: bool = False,
    ) -> None:
        self.scene = scene
        self.device = device
        self._sha256 = scene.sha256
        form = form or to_mitsuba.form_of(scene)
        self._mitsuba = to_mitsuba.to_mitsuba(scene, form)
        self._object = next(each for each in self._mitsuba.shapes() if each.id() == "object")
        self._parameters = mi.traverse(self._mitsuba)
        self._sensors = {
            camera.name: to_mitsuba.sensor(camera) for camera in cameras(scene.cameras)
        }
        self._surface = to_mitsuba.surface_integrator(scene, form)
        self._leaves: dict[str, Any] = {}  # name → value of the parameters set by `move`
        self._frozen = frozen
        self._rehearsals = REHEARSALS if frozen else 0
        self._render = dr.freeze(_render, enabled=frozen)
        self._render_backward = dr.freeze(_render_backward, enabled=frozen)

    def radiance(self, views: Sequence[Camera], samples: int, seeds: Sequence[int]) -> torch.Tensor:
        """Return linear radiance (V, 3, H, W) of the scene, without gradients."""
        images = []
        with dr.suspend_grad():
            for view, seed in zip(views, seeds, strict=True):
                sensor = self._sensors[view.name]
                image = self._render(
                    self._mitsuba, sensor, self._surface, samples, mi.UInt32(int(seed))
                )
                images.append(image.torch().to(self.device).permute(2, 0, 1))
        return torch.stack(images)

    def photographs(self, views: Sequence[Camera], samples: int, index: int) -> torch.Tensor:
        """Return linear radiance (V, 3, H, W), whose noise is set by camera, light and `index`."""
        light = self.scene.lighting.kind
        seeds = [noise_seed(self._sha256, view.name, light, index) for view in views]
        return self.radiance(views, samples, seeds)

    def move(self, values: Mapping[str, torch.Tensor], constant: Collection[str] = ()) -> None:
        """Set parameters of the scene, with Mitsuba's names as keys, and enable their gradients.

        Those in `constant` are set without gradients, and `adjoint` does not return them.
        """
        with torch.no_grad():
            new = {key: _like(self._parameters[key], v) for key, v in values.items()}
        self._leaves = {key: value for key, value in new.items() if key not in constant}
        for key in new.keys() - self._leaves.keys():
            self._parameters[key] = new[key]
        if self._leaves:
            self._watch(self._leaves)
        else:
            self._parameters.update()

    def _watch(self, keys: Iterable[str]) -> None:
        """Set parameters to their last values again, as leaves of a new gradient graph."""
        for key in keys:
            self._leaves[key] = dr.detach(self._leaves[key])
            dr.enable_grad(self._leaves[key])
            self._parameters[key] = self._leaves[key]
        self._parameters.update()

    def adjoint(
        self,
        integrator: Any,
        views: Sequence[Camera],
        gradients: torch.Tensor,
        samples: int,
        seeds: Sequence[int],
    ) -> dict[str, torch.Tensor]:
        """Return the flat gradients of ``sum(radiance * gradients)`` by the moved parameters."""
        if not self._leaves:
            return {}
        if self._frozen and VERTICES in self._leaves:
            raise ValueError("the adjoint of moving vertices cannot be frozen")
        if self._rehearsals:
            return self._rehearsed(integrator, views, gradients, samples, seeds)
        # An adjoint frees the graph that it has traversed, so each view gets a new graph. Vertices
        # are slow to set, so their graph is kept, except for the part that computes normals.
        others = [key for key in self._leaves if key != VERTICES]
        result: dict[str, Any] = dict.fromkeys(others, 0.0)
        if VERTICES in self._leaves:
            dr.clear_grad(self._leaves[VERTICES])
        with self._normals_apart():
            for view, gradient, seed in zip(views, gradients, seeds, strict=True):
                self._watch(others)
                self._render_backward(
                    self._mitsuba,
                    self._sensors[view.name],
                    integrator,
                    mi.TensorXf(gradient.permute(1, 2, 0).contiguous()),
                    samples,
                    mi.UInt32(int(seed)),
                )
                for key in others:
                    result[key] += dr.grad(self._leaves[key])
        if VERTICES in self._leaves:
            result[VERTICES] = dr.grad(self._leaves[VERTICES])
        return {key: _flat(value).torch().to(self.device) for key, value in result.items()}

    def tangent(
        self,
        integrator: Any,
        views: Sequence[Camera],
        directions: Mapping[str, torch.Tensor],
        samples: int,
        seeds: Sequence[int],
    ) -> torch.Tensor:
        """Return the derivative (V, 3, H, W) of radiance along a direction, by forward mode.

        `directions`: Mitsuba's name of a parameter → its change per unit, as a flat tensor.
        """
        base = {key: mi.Float(dr.detach(_flat(self._parameters[key]))) for key in directions}
        images = []
        for view, seed in zip(views, seeds, strict=True):
            amount = mi.Float(0)
            dr.enable_grad(amount)
            for key, direction in directions.items():
                along = mi.Float(direction.contiguous())
                flat = base[key] + amount * along
                self._parameters[key] = _shaped(self._parameters[key], flat)
            self._parameters.update()
            image = mi.render(
                self._mitsuba,
                params=self._parameters,
                sensor=self._sensors[view.name],
                integrator=integrator,
                spp=1,
                spp_grad=samples,
                seed=int(seed) ^ 1,
                seed_grad=int(seed),
            )
            dr.forward(amount)
            images.append(dr.grad(image).torch().to(self.device).permute(2, 0, 1).clone())
        for key, flat in base.items():
            self._parameters[key] = _shaped(self._parameters[key], flat)
        self._parameters.update()
        return torch.stack(images)

    def _rehearsed(self, *arguments: Any) -> dict[str, torch.Tensor]:
        """Return the traced adjoint; if the replayed one differs, switch off replay."""
        remaining, self._rehearsals = self._rehearsals, 0
        replayed = self.adjoint(*arguments)
        replay, self._render_backward = self._render_backward, _render_backward
        traced = self.adjoint(*arguments)
        if all(_are_close(replayed[key], value) for key, value in traced.items()):
            self._render_backward, self._rehearsals = replay, remaining - 1
        return traced

    @contextmanager
    def _normals_apart(self) -> Iterator[None]:
        """Collect gradients of shading normals in the block; pass them to the vertices at its end.

        Otherwise Dr.Jit would free the graph from normals to vertices after the first view.
        """
        normals = mi.Float(self._parameters[NORMALS])  # a copy, not a reference
        derived = VERTICES in self._leaves and NORMALS not in self._leaves
        if not derived or not dr.grad_enabled(normals):
            yield
            return
        apart = dr.detach(normals)
        dr.enable_grad(apart)
        self._put(NORMALS, apart)
        yield
        dr.set_grad(normals, dr.grad(apart))
        dr.enqueue(dr.ADMode.Backward, normals)
        dr.traverse(dr.ADMode.Backward, dr.ADFlag.ClearVertices)  # keeps the graph of the vertices
        self._put(NORMALS, normals)

    def _put(self, key: str, value: Any) -> None:
        self._parameters[key] = value
        self._parameters.update()

    def coverage(self, view: Camera) -> np.ndarray:
        """Return a boolean mask (H, W) of the pixels whose centre shows the object."""
        ray = camera_rays(self._sensors[view.name], view)
        met = self._mitsuba.ray_intersect_preliminary(ray, coherent=True)
        shown = met.is_valid() & (met.shape == mi.ShapePtr(self._object))
        return np.array(shown).reshape(view.height, view.width)


def exposed(scene: Scene, samples: int = 16) -> Scene:
    """Return the scene with its automatic exposure replaced by a number.

    ``"auto"`` maps the 95th percentile of the object's luminance, over all training cameras, to
    0.8 of the range before the tone curve, to the nearest tenth of a stop.
    """
    if scene.film.exposure != "auto":
        return scene
    # Pixels of the background do not count; a grey background would need the unknown exposure.
    stage = Stage(with_film(scene, exposure=1.0, background="environment"))
    views = [view for view in cameras(scene.cameras) if not view.held_out]
    seeds = [noise_seed("exposure", view.name, "", 0) for view in views]
    weights = torch.tensor(LUMINANCE)
    luminance = [
        torch.einsum("chw,c->hw", image.cpu(), weights).numpy()[stage.coverage(view)]
        for view, image in zip(views, stage.radiance(views, samples, seeds), strict=True)
    ]
    pixels = np.concatenate(luminance)
    if not pixels.size:
        raise InputError(
            f"scene '{scene.name}': exposure 'auto' needs the object, which covers no pixel of any "
            "training camera; raise cameras.resolution, or give film.exposure a number"
        )
    brightest = float(np.percentile(pixels, EXPOSURE_PERCENTILE))
    stops = np.log2(EXPOSURE_LEVEL / max(brightest, 1e-6))
    stops = round(EXPOSURES_PER_STOP * stops) / EXPOSURES_PER_STOP
    return with_film(scene, exposure=float(2**stops))


def with_film(scene: Scene, **changes: Any) -> Scene:
    """Return the scene with some film settings changed."""
    return scene.model_copy(update={"film": scene.film.model_copy(update=changes)})


def _are_close(replayed: torch.Tensor, traced: torch.Tensor) -> bool:
    return bool((replayed - traced).norm() <= APART * traced.norm())


def _render(scene: Any, sensor: Any, integrator: Any, samples: int, seed: Any) -> Any:
    return mi.render(scene, sensor=sensor, integrator=integrator, spp=samples, seed=seed)


def _render_backward(
    scene: Any, sensor: Any, integrator: Any, gradient: Any, samples: int, seed: Any
) -> None:
    # The integrator differentiates with respect to all parameters whose gradients are enabled.
    integrator.render_backward(scene, None, gradient, sensor=sensor, seed=seed, spp=samples)


def _like(parameter: Any, tensor: torch.Tensor) -> Any:
    """Convert a tensor to the Mitsuba type that `parameter` has."""
    tensor = tensor.contiguous()
    if isinstance(parameter, mi.Transform4f):  # the place of a lamp
        placed = type(parameter)(mi.Matrix4f(tensor.tolist()))
        dr.make_opaque(placed)
        return placed
    if isinstance(parameter, mi.TensorXf):
        return mi.TensorXf(tensor.reshape(parameter.shape))
    return _shaped(parameter, mi.Float(tensor.ravel()))


def _shaped(parameter: Any, flat: Any) -> Any:
    """Convert flat values to the Mitsuba type that `parameter` has; gradients pass through."""
    if isinstance(parameter, mi.TensorXf):
        return mi.TensorXf(flat, parameter.shape)
    return flat if isinstance(parameter, mi.Float) else dr.unravel(type(parameter), flat)


def _flat(value: Any) -> Any:
    """Convert a Mitsuba parameter to one flat ``mi.Float``, in the order of `_like`."""
    if isinstance(value, mi.TensorXf):
        return value.array
    return value if isinstance(value, mi.Float) else dr.ravel(value)
