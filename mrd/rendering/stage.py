"""Images of a scene, and gradients from images back to the scene.

The chain from scene to activations is split at the image. Primal renders keep no gradient graph;
the network is differentiated by torch alone; and the gradient of the loss with respect to each
image enters one adjoint render. Memory stays flat, and primal and adjoint have sample counts of
their own.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np
import torch

from mrd.rendering import integrators, to_mitsuba  # noqa: F401  (registers the integrators with Mitsuba)
from mrd.rendering.srgb import encoded
from mrd.rendering.to_mitsuba import NORMALS, VERTICES
from scenes.base.errors import InputError
from scenes.camera import Camera, cameras
from scenes.film import LUMINANCE, Film
from scenes.scene import Scene

# Mitsuba warns of a sample count that it rounds up with every image.
mi.set_log_level(mi.LogLevel.Error)

# Auto exposure: this percentile of the object's luminance is brought to this display-linear value.
EXPOSURE_PERCENTILE = 95
EXPOSURE_LEVEL = 0.8
# In tenths of a stop: the exposure is part of the scene, and renders repeat to about 1e-6 only.
EXPOSURES_PER_STOP = 10


def noise_seed(scene_hash: str, camera: str, light: str, index: int) -> int:
    """Renderer seed of an image: a hash of all that names it, so that no two share their noise."""
    text = f"{scene_hash}/{camera}/{light}/{index}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def display(linear: torch.Tensor, film: Film) -> torch.Tensor:
    """Display-encoded sRGB in [0, 1] of linear radiance: the torch twin of ``scenes.film.encode``.

    Parameters
    ----------
    linear
        Radiance, any shape, ≥ 0.
    film
        With a resolved (numeric) exposure.

    Notes
    -----
    The sRGB curve is that of `mrd.rendering.srgb`; Reinhard's curve is x / (1 + x) before it.
    """
    exposed = (linear * film.fixed_exposure).clamp(min=0)
    if film.tone_curve == "reinhard":
        exposed = exposed / (1 + exposed)
    return encoded(exposed.clamp(max=1))


# Adjoints that are made both ways before replays are trusted, and how far the two may be apart as a
# share of the traced gradient's norm: threads add up in any order, and sums of both signs cancel.
REHEARSALS = 6
APART = 1e-2


class Stage:
    """A scene in Mitsuba with its cameras, whose parameters can be moved.

    Parameters
    ----------
    scene
        Loaded scene.
    form
        How it is put into Mitsuba; by default as the scene alone needs it.
    device
        Of the torch tensors: "cpu", or "cuda" with Mitsuba's CUDA variant.
    frozen
        Whether kernels are recorded at the first renders and then replayed, which saves the
        tracing of each render. For materials and lights alone: a replayed adjoint of moving
        vertices, or of a texture of one channel, is silently wrong (Mitsuba 3.9, Dr.Jit 1.5). The
        first adjoints are also traced, and where the two disagree nothing is replayed any more.
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
        form = form or to_mitsuba.form_of(scene.material)
        self._mitsuba = to_mitsuba.to_mitsuba(scene, form)
        self._parameters = mi.traverse(self._mitsuba)
        self._sensors = {
            camera.name: to_mitsuba.sensor(camera) for camera in cameras(scene.cameras)
        }
        self._surface = to_mitsuba.surface_integrator(scene, form)
        self._leaves: dict[str, Any] = {}  # parameters that were moved
        self._frozen = frozen
        self._rehearsals = REHEARSALS if frozen else 0
        self._render = dr.freeze(_render, enabled=frozen)
        self._render_backward = dr.freeze(_render_backward, enabled=frozen)

    def radiance(self, views: Sequence[Camera], samples: int, seeds: Sequence[int]) -> torch.Tensor:
        """Linear radiance (V, 3, H, W) of the scene as it is now, without gradients.

        Parameters
        ----------
        views
            Cameras of the scene.
        samples
            Per pixel.
        seeds
            One renderer seed for each view.
        """
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
        """Linear radiance (V, 3, H, W) with the noise that belongs to a noise-seed index.

        Parameters
        ----------
        views
            Cameras of the scene.
        samples
            Per pixel.
        index
            Noise-seed index, from 0. Images of one scene, camera, light and index are the same
            image (to about 1e-6: threads add up a pixel's samples in any order); any other image
            has noise of its own.
        """
        light = self.scene.lighting.kind
        seeds = [noise_seed(self._sha256, view.name, light, index) for view in views]
        return self.radiance(views, samples, seeds)

    def move(self, values: Mapping[str, torch.Tensor]) -> None:
        """Set parameters of the scene, by Mitsuba's names, and watch them for gradients."""
        with torch.no_grad():
            self._leaves = {key: _like(self._parameters[key], v) for key, v in values.items()}
        self._watch(values)

    def _watch(self, keys: Iterable[str]) -> None:
        """Put moved parameters into the scene anew, as leaves of a graph that nothing has seen."""
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
        """Gradient of ``sum(radiance * gradients)`` with respect to what `move` set.

        Parameters
        ----------
        integrator
            Of `to_mitsuba.surface_integrator` or `to_mitsuba.silhouette_integrator`.
        gradients
            (V, 3, H, W): derivative of the loss with respect to linear radiance.
        samples
            Per pixel, for the continuous part of the derivative.
        seeds
            One renderer seed for each view, not those of the primal images: a shared seed would
            correlate the noise of the loss with that of its derivative.

        Returns
        -------
        dict
            Flat gradient of each moved parameter, summed over the views.
        """
        if self._frozen and VERTICES in self._leaves:
            raise ValueError("the adjoint of moving vertices cannot be frozen")
        if self._rehearsals:
            return self._rehearsed(integrator, views, gradients, samples, seeds)
        # Mitsuba derives what it needs from parameters when they are set, and an adjoint forgets
        # the graph that it has traversed: so each view gets a new one. Vertices, which are dear
        # to set, keep theirs, but for the normals.
        others = [key for key in self._leaves if key != VERTICES]
        found: dict[str, Any] = dict.fromkeys(others, 0.0)
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
                    found[key] += dr.grad(self._leaves[key])
        if VERTICES in self._leaves:
            found[VERTICES] = dr.grad(self._leaves[VERTICES])
        return {key: _flat(value).torch().to(self.device) for key, value in found.items()}

    def tangent(
        self,
        integrator: Any,
        views: Sequence[Camera],
        directions: Mapping[str, torch.Tensor],
        samples: int,
        seeds: Sequence[int],
    ) -> torch.Tensor:
        """Derivative (V, 3, H, W) of linear radiance along a direction, in forward mode.

        Parameters
        ----------
        integrator
            As for `adjoint`.
        directions
            Mitsuba's parameters by name → their change, flat.
        samples
            Per pixel, for the continuous part of the derivative.
        seeds
            One renderer seed for each view.
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

    def _rehearsed(self, *given: Any) -> dict[str, torch.Tensor]:
        """An adjoint made both ways: traced, which is returned, and replayed, which is tried."""
        left, self._rehearsals = self._rehearsals, 0
        replayed = self.adjoint(*given)
        replay, self._render_backward = self._render_backward, _render_backward
        traced = self.adjoint(*given)
        if all(_are_close(replayed[key], value) for key, value in traced.items()):
            self._render_backward, self._rehearsals = replay, left - 1
        return traced

    @contextmanager
    def _normals_apart(self) -> Iterator[None]:
        """Collect gradients of shading normals on their own; at the end hand them to the vertices.

        The way from normals to vertices would be forgotten after the first view.
        """
        normals = mi.Float(self._parameters[NORMALS])  # a copy: what stands there is a reference
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
        dr.traverse(dr.ADMode.Backward, dr.ADFlag.ClearVertices)  # keeps the way for another time
        self._put(NORMALS, normals)

    def _put(self, key: str, value: Any) -> None:
        self._parameters[key] = value
        self._parameters.update()

    def coverage(self, view: Camera) -> np.ndarray:
        """Boolean (H, W): pixels whose centre sees the object."""
        rows, columns = np.mgrid[0 : view.height, 0 : view.width]
        position = mi.Point2f(
            ((columns + 0.5) / view.width).ravel().astype(np.float32),
            ((rows + 0.5) / view.height).ravel().astype(np.float32),
        )
        ray, _ = self._sensors[view.name].sample_ray(0, 0, position, mi.Point2f(0.5))
        met = self._mitsuba.ray_intersect_preliminary(ray, coherent=True).is_valid()
        return np.array(met).reshape(view.height, view.width)


def exposed(scene: Scene, samples: int = 16) -> Scene:
    """The scene with its exposure resolved to a number, once for its whole family.

    ``"auto"`` brings the 95th percentile of the luminance of the object's pixels, over all
    training cameras, to 0.8 of the range (before the tone curve), to the nearest tenth of a stop.
    A number is left as it is.

    Raises
    ------
    InputError
        When no training camera has a pixel of the object.
    """
    if scene.film.exposure != "auto":
        return scene
    # The background is not measured, and one in display units would need the exposure already.
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
    """The scene with some settings of its film changed."""
    return scene.model_copy(update={"film": scene.film.model_copy(update=changes)})


def _are_close(replayed: torch.Tensor, traced: torch.Tensor) -> bool:
    return bool((replayed - traced).norm() <= APART * traced.norm())


def _render(scene: Any, sensor: Any, integrator: Any, samples: int, seed: Any) -> Any:
    return mi.render(scene, sensor=sensor, integrator=integrator, spp=samples, seed=seed)


def _render_backward(
    scene: Any, sensor: Any, integrator: Any, gradient: Any, samples: int, seed: Any
) -> None:
    # Mitsuba's own integrators differentiate with respect to all that is watched in the scene.
    integrator.render_backward(scene, None, gradient, sensor=sensor, seed=seed, spp=samples)


def _like(parameter: Any, tensor: torch.Tensor) -> Any:
    """Values of a tensor as the Mitsuba type of a parameter."""
    tensor = tensor.contiguous()
    if isinstance(parameter, mi.TensorXf):
        return mi.TensorXf(tensor.reshape(parameter.shape))
    return _shaped(parameter, mi.Float(tensor.ravel()))


def _shaped(parameter: Any, flat: Any) -> Any:
    """Flat values (``mi.Float``) as the Mitsuba type of a parameter; gradients pass through."""
    if isinstance(parameter, mi.TensorXf):
        return mi.TensorXf(flat, parameter.shape)
    return flat if isinstance(parameter, mi.Float) else dr.unravel(type(parameter), flat)


def _flat(value: Any) -> Any:
    """Values of a Mitsuba parameter as one flat ``mi.Float``, in the order that `_like` reads."""
    if isinstance(value, mi.TensorXf):
        return value.array
    return value if isinstance(value, mi.Float) else dr.ravel(value)
