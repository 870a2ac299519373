"""Gradients of a rendered loss, against central finite differences of the same loss."""

import torch

from mrd.render import Stage
from mrd.to_mitsuba import VERTICES, silhouette_integrator, world_vertices
from scenes.camera import Ring, cameras
from scenes.film import Film
from scenes.lighting import EnvironmentMap
from scenes.material import Material
from scenes.scene import Scene
from scenes.shape import Blob, geometry


def test_the_gradient_of_a_step_is_the_sum_over_its_views(seed):
    scene = Scene(
        name="blob",
        shape=Blob(seed=3, subdivisions=2),
        material=Material(base_color=(0.6, 0.3, 0.2), roughness=0.5),
        lighting=EnvironmentMap(radiance="studio"),
        cameras=Ring(count=3, resolution=32),
        film=Film(exposure=1.0),
    ).loaded()
    stage = Stage(scene)
    integrator = silhouette_integrator(scene, boundary_samples=512)
    vertices = torch.tensor(world_vertices(geometry(scene.shape), scene), dtype=torch.float32)
    stage.move({VERTICES: vertices})
    views = cameras(scene.cameras)
    weights = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(seed))

    def gradient(chosen):
        part = weights[chosen]
        seeds = [100 + view for view in chosen]
        found = stage.adjoint(integrator, [views[c] for c in chosen], part, 4, seeds)
        return found[VERTICES].clone()

    alone = [gradient([view]) for view in range(3)]
    together = gradient([0, 1, 2])
    # Adjoints differ by about 1e-7 from run to run: the order of additions is not fixed.
    torch.testing.assert_close(
        together, sum(alone), rtol=0, atol=1e-4 * float(together.abs().max())
    )
    # Once more, without a move between: nothing was forgotten.
    torch.testing.assert_close(
        gradient([0]), alone[0], rtol=0, atol=1e-4 * float(alone[0].abs().max())
    )
