"""Scenes that the suite exports and imports again."""

import numpy as np
import pytest

from scenes.camera import Place, Placed
from scenes.exported.export import export
from scenes.imported.import_scene import import_scene
from scenes.lamps import PointLamp, SpotLamp, Sun
from scenes.lighting import Constant
from scenes.material import Material
from scenes.objects import Object
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Blob, Sphere, bounding_sphere, geometry

SCENE = Scene(
    name="room",
    shape=Blob(seed=1, subdivisions=3),
    material=Material(base_color=(0.8, 0.2, 0.1), roughness=0.3, metallic=0.4, eta=1.4),
    object="blob",
    others={
        "ball": Object(
            shape=Sphere(subdivisions=2, radius=0.5), pose=Pose(translation=(2.0, 0.0, -1.0))
        )
    },
    lamps={
        "bulb": PointLamp(place=(0.0, 4.0, 0.0), intensity=(8.0, 6.0, 4.0)),
        "spot": SpotLamp(place=(3.0, 4.0, 3.0), angle=20.0),
        "sun": Sun(elevation=30.0, azimuth=40.0),
    },
    lighting=Constant(radiance=0.0),
    cameras=Placed(places=(Place(origin=(0.0, 1.0, 6.0), field_of_view=40.0),)),
)


@pytest.mark.parametrize(("name", "form"), [("room.glb", "glb"), ("room", "mitsuba")])
def test_a_scene_survives_both_formats(tmp_path, name, form):
    scene = SCENE.loaded()
    export(scene, tmp_path / name, form)
    path = tmp_path / name / "scene.xml" if form == "mitsuba" else tmp_path / name
    again = import_scene(path, tmp_path / "out", "blob", strict=True).scene
    for key in ("base_color", "roughness", "metallic", "eta", "clearcoat", "spec_trans"):
        expected = getattr(scene.material, key)
        np.testing.assert_allclose(getattr(again.material, key), expected, atol=1e-6)
    assert list(again.objects) == ["blob", "ball"]
    assert again.cameras.places[0].field_of_view == pytest.approx(40)
    np.testing.assert_allclose(again.cameras.places[0].origin, (0, 1, 6), atol=1e-5)
    centre, radius = bounding_sphere(geometry(again.others["ball"].shape))
    np.testing.assert_allclose([*centre, radius], [2, 0, -1, 0.5], atol=1e-5)
    assert len(again.lamps) == 3
    for lamp in again.lamps.values():
        before = next(each for each in scene.lamps.values() if each.kind == lamp.kind)
        if isinstance(lamp, Sun):
            np.testing.assert_allclose(lamp.direction(), before.direction(), atol=1e-5)
            np.testing.assert_allclose(lamp.irradiance, before.irradiance, rtol=1e-5)
        else:
            np.testing.assert_allclose(lamp.place, before.place, atol=1e-5)
            np.testing.assert_allclose(lamp.intensity, before.intensity, rtol=1e-5)
        if isinstance(lamp, SpotLamp):
            assert lamp.angle == pytest.approx(20)
