"""Small scenes and a small run, for tests of the page that shows scenes in 3D."""

from pathlib import Path

import numpy as np

from mrd.study.run_directory import RunDirectory
from scenes.camera import Ring
from scenes.film import Film
from scenes.lamps import PointLamp
from scenes.lighting import Constant
from scenes.material import Material
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.scene_files import write_scene
from scenes.shape import Sphere
from stimuli.png import write_png


def ball(color=(0.8, 0.1, 0.1), name="ball", **changes) -> Scene:
    """Return a loaded scene of a ball that moved a little to the right, on a grey background."""
    plain = {
        "name": name,
        "shape": Sphere(subdivisions=2),
        "material": Material(base_color=color, roughness=1.0),
        "pose": Pose(translation=(0.3, 0.0, 0.0)),
        "lamps": {"bulb": PointLamp(place=(0.0, 2.0, 2.0), intensity=(2.0, 2.0, 2.0))},
        "lighting": Constant(radiance=0.5),
        "cameras": Ring(count=3, held_out=1, resolution=16),
        "film": Film(exposure=1.0, background=0.5),
    }
    return Scene.model_validate(plain | changes).loaded()


def write_run(folder: Path, **scenes: Scene) -> Path:
    """Write a run with these scenes by role, and a rendered image of each camera c0."""
    run = RunDirectory(folder)
    run.create({"search": "shape"})
    for place, (role, scene) in enumerate(scenes.items()):
        write_scene(scene, folder / role)
        (folder / "renders").mkdir(exist_ok=True)
        image = np.full((16, 16, 3), 40 * place, np.uint8)
        write_png(folder / "renders" / f"{role}_c0.png", image)
    return folder
