"""Objects of a scene: each has a shape, a material and a pose."""

from typing import Annotated

from pydantic import AfterValidator

from scenes.base.frozen import Frozen
from scenes.material import Material
from scenes.pose import Pose
from scenes.shape import Shape

FIRST = "object"  # name of the only object of a scene that names none


def _name(name: str) -> str:
    """Return a name; raise unless it has letters, digits, - and _ alone, and begins with one."""
    if not (name.isascii() and name.replace("-", "_").isidentifier()):
        raise ValueError(
            f"'{name}' is no name; use letters, digits, - and _, and begin with a letter"
        )
    return name


Name = Annotated[str, AfterValidator(_name)]


class Object(Frozen):
    """An object: its shape, material and pose.

    Parameters
    ----------
    shape
        Sphere, blob or mesh.
    material
        Of the surface.
    pose
        Rotation about the scene's origin, then translation.
    """

    shape: Shape
    material: Material = Material()
    pose: Pose = Pose()
