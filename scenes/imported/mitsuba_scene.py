"""Read a scene file of Mitsuba 2 or 3 (XML) as a scene."""

from pathlib import Path

import numpy as np

from scenes.base.errors import InputError, about
from scenes.imported.draft import Draft, Part
from scenes.imported.mitsuba_lights import (
    LAMPS,
    area_lamp,
    constant,
    environment_map,
    lamp_of,
)
from scenes.imported.mitsuba_material import DEFAULT, MitsubaMaterials
from scenes.imported.mitsuba_shapes import SHAPES, is_flat, polygons_of
from scenes.imported.mitsuba_views import SENSORS, view_of
from scenes.imported.mitsuba_xml import Plugin, read_mitsuba_file

MANY_BOUNCES = 8  # in place of paths without a limit
DIRECT = 2  # length of the paths of direct light, in segments
# Objects that do not change what the scene is.
WITHOUT_EFFECT = {"film", "sampler", "rfilter", "bsdf", "texture"}


def read_mitsuba_scene(path: Path) -> Draft:
    """Return what a scene file of Mitsuba describes.

    Parameters
    ----------
    path
        The XML file; its meshes and textures are in its folder.

    Raises
    ------
    InputError
        The file is no XML, has entities, or refers to something undefined; a mesh or a texture is
        missing; or a transform is singular.
    """
    plugins, other = read_mitsuba_file(path)
    reader = _Reader(path)
    for what in other:
        reader.draft.report.lost(what)
    with about(str(path)):
        for plugin in plugins:
            reader.add(plugin)
        if not reader.draft.parts:
            raise InputError("holds no meshes that are read; add a shape, such as a ply file")
    return reader.draft


class _Reader:
    """Reads one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.draft = Draft(up="y", units="those of the file")
        self._materials = MitsubaMaterials(path, self.draft.report)

    def add(self, plugin: Plugin) -> None:
        """Add one object of the file."""
        match plugin.kind:
            case "shape":
                self._add_shape(plugin)
            case "emitter":
                self._add_emitter(plugin)
            case "sensor":
                self._add_sensor(plugin)
            case "integrator":
                self._set_bounces(plugin)
            case kind if kind not in WITHOUT_EFFECT:
                self.draft.report.lost(str(plugin))

    def _add_shape(self, plugin: Plugin) -> None:
        """Add a shape as an object, or as a lamp if it emits light."""
        report = self.draft.report
        if plugin.plugin not in SHAPES:
            report.lost(str(plugin))
            return
        bsdfs = plugin.nested("bsdf")
        material, two_sided = self._materials.material(bsdfs[0][1]) if bsdfs else (DEFAULT, False)
        name = plugin.id or Path(plugin.text("filename", plugin.plugin)).stem
        for _, emitter in plugin.nested("emitter"):
            lamp = area_lamp(name, plugin, emitter, report) if emitter.plugin == "area" else None
            if lamp:
                self.draft.lamps.append(lamp)
                self._report_unread(plugin)
                return
            report.lost(f"light of {plugin}; its shape is imported")
        for what in ("medium", "sensor"):
            for _, each in plugin.nested(what):
                report.lost(str(each))
        polygons = polygons_of(plugin, self._path)
        flat = is_flat(plugin, polygons, self._path, name, report)
        self.draft.parts.append(
            Part(name, polygons, material, "flat" if flat else "smooth", two_sided)
        )
        self._report_unread(plugin)

    def _add_emitter(self, plugin: Plugin) -> None:
        """Add a lamp, or set the light of the environment."""
        report = self.draft.report
        if plugin.plugin in ("constant", "envmap"):
            if self.draft.lighting is not None:
                report.lost(f"{plugin}: a scene has one light of the environment")
                return
            if plugin.plugin == "envmap":
                self.draft.lighting, turn = environment_map(plugin, self._path)
                self.draft.map_turn = turn
            else:
                self.draft.lighting = constant(plugin, report)
        elif plugin.plugin in LAMPS:
            lamp = lamp_of(plugin, plugin.id or plugin.plugin, report)
            self.draft.lamps += [lamp] if lamp else []
        else:
            report.lost(str(plugin))
            return
        self._report_unread(plugin)

    def _add_sensor(self, plugin: Plugin) -> None:
        """Add a camera; the first one decides which axis is up."""
        if plugin.plugin not in SENSORS:
            self.draft.report.lost(str(plugin))
            return
        up = plugin.up_of_view()
        if not self.draft.views and up is not None and up[2] > 0.9 * np.linalg.norm(up):
            self.draft.up = "z"
        view = view_of(plugin, plugin.id or "camera", self.draft.report)
        self.draft.views += [view] if view else []
        self._report_unread(plugin)

    def _set_bounces(self, plugin: Plugin) -> None:
        """Set the number of reflections from the length of the paths."""
        report = self.draft.report
        if plugin.plugin == "direct":
            self.draft.bounces = 0
        elif plugin.plugin in ("path", "volpath", "prb"):
            depth = int(plugin.number("max_depth", -1))
            self.draft.bounces = MANY_BOUNCES if depth < 0 else min(max(depth - DIRECT, 0), 64)
            if depth < 0:
                report.note(f"paths of any length: {MANY_BOUNCES} reflections are rendered")
            plugin.used |= {"rr_depth", "hide_emitters"}
            if plugin.flag("hide_emitters", False):
                report.lost(f"hide_emitters of {plugin}")
        else:
            report.lost(str(plugin))

    def _report_unread(self, plugin: Plugin) -> None:
        """Report the properties of an object that were not read."""
        for name in plugin.unread:
            self.draft.report.lost(f"{name} of {plugin}")
