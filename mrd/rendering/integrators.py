"""Light transport: integrators for images and their derivatives, with a chosen background.

A primal render is an image; an adjoint render passes the gradient of an image back to the scene.
Mitsuba's integrators are used with three changes:

* **Background.** A camera ray that hits nothing returns the environment or a constant grey. The
  grey is added where the ray misses the object, so that the derivative of a moving silhouette is
  relative to the visible background, while the environment still lights the object.
* **Few boundary samples.** The derivative of an image with respect to a shape has a continuous
  part and a part that is located on silhouettes (Zhang et al. 2023, Projective Sampling). Mitsuba
  ties the number of silhouette samples to the number of pixels; a search needs fewer.
* **An independent sampler for the silhouettes.** A multijittered sampler that is copied for
  another number of samples loses strata, which reduces the silhouette part by a tenth.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from typing import Any

import drjit as dr
import mitsuba as mi
from mitsuba.ad.integrators.direct_projective import DirectProjectiveIntegrator
from mitsuba.ad.integrators.prb import PRBIntegrator


class SurfaceIntegrator(PRBIntegrator):
    """Path replay (Vicini et al. 2021): all images, and derivatives by material and light.

    Plugin properties: ``background``, linear radiance, negative (the default) for the environment;
    ``area_lamps``, whether the scene has lamps with a surface, which stay visible.
    """

    def __init__(self, props: Any) -> None:
        self.background = props.get("background", -1.0)
        area_lamps = props.get("area_lamps", False)
        super().__init__(props)
        self.hide_emitters = self.background >= 0 and not area_lamps
        self.replaces_environment = self.background >= 0 and area_lamps

    def sample(self, mode: Any, **rest: Any) -> Any:
        """Return radiance along camera rays (interface of Mitsuba's ``ADIntegrator``)."""
        if self.replaces_environment:
            return self._sample_before_grey(mode, **rest)
        radiance, met, aovs, state = super().sample(mode=mode, **rest)
        if self.hide_emitters and mode == dr.ADMode.Primal:
            radiance = dr.select(met, radiance, mi.Spectrum(self.background))
        return radiance, met, aovs, state

    def _sample_before_grey(self, mode: Any, **rest: Any) -> Any:
        """Return radiance; rays that miss everything show the grey, which has no derivative.

        Mitsuba's ``hide_emitters`` would hide the lamps as well.
        """
        with dr.suspend_grad():
            misses = ~rest["scene"].ray_test(rest["ray"])
        is_primal = mode == dr.ADMode.Primal
        if not is_primal and rest.get("δL") is not None:
            rest["δL"] = dr.select(misses, mi.Spectrum(0), rest["δL"])
        radiance, met, aovs, state = super().sample(mode=mode, **rest)
        grey = mi.Spectrum(self.background if is_primal else 0)
        return dr.select(misses, grey, radiance), met, aovs, state


class SilhouetteIntegrator(DirectProjectiveIntegrator):
    """Derivatives by the vertices of a mesh: through its shading and its silhouettes.

    Plugin properties: ``background`` and ``area_lamps`` as in `SurfaceIntegrator`;
    ``boundary_samples``, the number of silhouette samples per view (0 omits silhouettes);
    ``shadow_samples``, the number of samples per view on edges of shadows and reflections (0, the
    default, omits these).

    Alone, an object shadows only itself, and edges of shadows (Mitsuba's ``sppi``) cost more time
    than they gain. On a ground they are most of the derivative. Shadows of points, spots and suns
    have no such samples: their derivative is omitted. So is indirect light: with two bounces above
    a bright ground, derivatives by a shift of the object had errors of up to a third of the largest
    one. Light that passes through the object counts in the image but not
    in the derivative: the standard error of Mitsuba's derivative of refracted paths is about as
    large as the derivative (64 samples per pixel), while that of direct light agrees in direction
    with finite differences. Edges between flat-shaded faces count as smooth.
    """

    def __init__(self, props: Any) -> None:
        self.background = props.get("background", -1.0)
        self.boundary_samples = props.get("boundary_samples", 2048)
        area_lamps = props.get("area_lamps", False)
        super().__init__(props)
        self.hide_emitters = self.background >= 0 and not area_lamps
        self.shadow_samples = props.get("shadow_samples", 0)
        self.sppp = self.sppi = 0  # switches off Mitsuba's own silhouette samples
        self.guiding = "none"
        self.sample_border_warning = False  # sample_border is off on purpose: see to_mitsuba.py
        self.silhouette_sampler = mi.load_dict({"type": "independent"})

    def sample(
        self,
        mode: Any,
        scene: Any,
        sampler: Any,
        ray: Any,
        depth: Any = 0,
        δL: Any = None,
        state_in: Any = None,
        active: Any = True,
        project: bool = False,
        si_shade: Any = None,
        **named: Any,
    ) -> Any:
        """Return radiance along rays (interface of Mitsuba's ``PSIntegrator``)."""
        radiance, met, aovs, seed = super().sample(
            mode, scene, sampler, ray, depth, δL, state_in, active, project, si_shade, **named
        )
        if self.background >= 0 and si_shade is None and mode == dr.ADMode.Primal:
            with dr.suspend_grad():
                escapes = active & ~scene.ray_test(ray, active)
            radiance = dr.select(escapes, mi.Spectrum(self.background), radiance)
        return radiance, met, aovs, seed

    def render_backward(
        self, scene: Any, params: Any, grad_in: Any, sensor: Any, seed: int = 0, spp: int = 0
    ) -> None:
        """Add the gradient of ``sum(image * grad_in)`` to those of the scene's parameters."""
        super().render_backward(scene, params, grad_in, sensor, seed, spp)
        if self.boundary_samples:
            with dr.suspend_grad():
                self.proj_detail.init_primarily_visible_silhouette(scene, sensor)
            render, count = self.render_primarily_visible_silhouette, self.boundary_samples
            self._edges_backward(render, scene, grad_in, sensor, 0xFFFFFFFF ^ seed, count)
        if self.shadow_samples:
            with dr.suspend_grad():
                self.proj_detail.init_indirect_silhouette(scene, sensor, 0xAFAFAFAF ^ seed)
            render, count = self.render_indirect_silhouette, self.shadow_samples
            self._edges_backward(render, scene, grad_in, sensor, 0xAA00AA00 ^ seed, count)
        dr.eval()

    def _edges_backward(
        self, render: Any, scene: Any, grad_in: Any, sensor: Any, seed: Any, count: int
    ) -> None:
        """Add the gradient through one kind of edges, from `count` samples."""
        sampler = self.silhouette_sampler.clone()
        sampler.seed(seed, count)
        film = sensor.film()
        film.prepare([])
        # Mitsuba's routines divide by samples per pixel, which may be below one here.
        image = render(scene, sensor, sampler, count / dr.prod(film.crop_size()))
        dr.set_grad(image, grad_in)
        dr.enqueue(dr.ADMode.Backward, image)
        dr.traverse(dr.ADMode.Backward)


mi.register_integrator("mrd_surface", SurfaceIntegrator)
mi.register_integrator("mrd_silhouette", SilhouetteIntegrator)
