"""The variables of a search, by attribute."""

from __future__ import annotations

from collections.abc import Callable

from mrd.rendering import to_mitsuba
from mrd.search.variables.base import Variables
from mrd.search.variables.lamp import LampVariables
from mrd.search.variables.lighting import LightingVariables
from mrd.search.variables.material import MaterialVariables
from mrd.search.variables.pose import PoseVariables
from mrd.search.variables.shape import ShapeVariables
from mrd.search.variables.sky import SkyVariables
from mrd.study.search_section import SearchConfig
from scenes.arrays import Mesh
from scenes.lamps import LAMPS
from scenes.lighting import SunSky
from scenes.scene import Scene


def build_variables(
    start: Scene,
    config: SearchConfig,
    device: str = "cpu",
    form: to_mitsuba.Form | None = None,
    mesh: Mesh | None = None,
    extent: float = 0.0,
) -> list[Variables]:
    """Return the variables of every searched attribute, with the values of the start scene.

    After remeshing, the variables of the shape have the values of ``mesh``; those of other
    attributes remain relative to the start, so that saved tensors keep their meaning. ``form`` is
    that of all scenes of the search; ``extent`` is that of the target, see `ShapeVariables`.
    """
    make: dict[str, Callable[[], Variables]] = {
        "shape": lambda: ShapeVariables(
            start,
            config.smoothness,
            device,
            regularisers=config.regularisers,
            mesh=mesh,
            extent=extent,
        ),
        "material": lambda: MaterialVariables(start, config.material_parameters, device),
        "lighting": lambda: _of_light(start, config, device),
        "pose": lambda: PoseVariables(start, form, device),
    }
    return [make[attribute]() for attribute in config.attributes]


def _of_light(start: Scene, config: SearchConfig, device: str) -> Variables:
    """Return the variables of the searched light: a lamp, a sun and sky, or an environment."""
    sky = config.start.lighting
    if isinstance(start.lighting, LAMPS):
        return LampVariables(start, config.lamp_parameters, device)
    if isinstance(sky, SunSky):
        return SkyVariables(start, sky, config.sky_parameters, device)
    return LightingVariables(start, config.environment_smoothness, device)
