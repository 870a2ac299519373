"""Variables of a lamp: values in Mitsuba, bounds, and the scene that they make."""

import numpy as np
import pytest
import torch

from mrd.rendering.stage import Stage
from mrd.search.variables.base import mitsuba_values
from mrd.search.variables.lamp import CLEARANCE, LampVariables
from scenes.camera import Single, cameras
from scenes.lamps import DiscLamp, PointLamp, RectangleLamp, SphereLamp, SpotLamp, Sun, strength
from scenes.lighting import Constant
from scenes.scene import Scene
from scenes.shape import Sphere

EVERYTHING = ("strength", "place", "size")
PLACE = (1.0, 3.0, 2.0)
LAMPS = [
    RectangleLamp(place=PLACE, size=(0.5, 1.0)),
    DiscLamp(place=PLACE),
    SphereLamp(place=PLACE, level=2.0),
    PointLamp(place=PLACE),
    SpotLamp(place=PLACE, angle=60.0),
    Sun(elevation=50.0, azimuth=30.0),
]


def lit(lamp, **changes):
    return (
        Scene(
            name="a",
            shape=Sphere(subdivisions=2),
            surroundings=["ground"],
            lamps={"key": lamp},
            lighting=Constant(radiance=0.1),
            cameras=Single(resolution=16, elevation=30),
            **changes,
        )
        .loaded()
        .with_searched_light("key")
    )


def parameters_of(lamp):
    sized = not isinstance(lamp, PointLamp | SpotLamp | Sun)
    return EVERYTHING if sized else EVERYTHING[:2]


@pytest.mark.parametrize("lamp", LAMPS, ids=lambda lamp: lamp.kind)
def test_the_start_is_the_lamp_itself(lamp):
    scene = lit(lamp)
    found = LampVariables(scene, parameters_of(lamp)).apply_to(scene).lighting
    assert type(found) is type(lamp)
    np.testing.assert_allclose(strength(found), strength(lamp), rtol=1e-5)
    for key in ("place", "size", "radius", "elevation", "azimuth"):
        if hasattr(lamp, key):
            np.testing.assert_allclose(getattr(found, key), getattr(lamp, key), rtol=1e-5)


@pytest.mark.parametrize("lamp", LAMPS, ids=lambda lamp: lamp.kind)
def test_a_moved_lamp_renders_as_the_scene_that_it_makes(lamp):
    scene = lit(lamp)
    variables = LampVariables(scene, parameters_of(lamp))
    with torch.no_grad():
        for name, tensor in variables.tensors.items():
            tensor.add_({"log_strength": 0.5, "place": 0.15, "log_size": 0.3}[name])
    stage, views = Stage(scene), cameras(scene.cameras)
    before = stage.radiance(views, 64, [1])
    values = mitsuba_values([variables])
    stage.move(values, constant={k for k, v in values.items() if not v.requires_grad})
    moved = stage.radiance(views, 64, [1])
    made = Stage(variables.apply_to(scene)).radiance(views, 64, [1])
    torch.testing.assert_close(moved, made, rtol=1e-3, atol=1e-4)
    assert (moved - before).abs().max() > 0.01


def test_strength_has_an_adjoint_and_place_has_differences():
    variables = LampVariables(lit(LAMPS[0]), EVERYTHING)
    assert variables.differenced == {"place", "log_size"}
    grads = {key: value.requires_grad for key, value in variables.values().items()}
    assert grads == {"light.emitter.radiance.value": True, "light.to_world": False}
    assert LampVariables(lit(LAMPS[0]), ("strength",)).values().keys() == {
        "light.emitter.radiance.value"
    }


def test_a_lamp_is_kept_outside_the_object():
    scene = lit(LAMPS[3])
    variables = LampVariables(scene, ("place",))
    with torch.no_grad():
        variables.tensors["place"].copy_(-torch.tensor(PLACE) / np.linalg.norm(PLACE) * 0.99)
    variables.keep_in_bounds()
    assert np.linalg.norm(variables.lamp().place) == pytest.approx(CLEARANCE, rel=1e-3)


def test_a_sun_stays_below_the_zenith():
    variables = LampVariables(lit(LAMPS[5]), ("place",))
    with torch.no_grad():
        variables.tensors["place"][0] = 3.0
    variables.keep_in_bounds()
    assert 89 < variables.lamp().elevation < 90


def test_an_environment_is_no_lamp():
    with pytest.raises(TypeError, match="is no lamp"):
        LampVariables(lit(LAMPS[0]).with_searched_light("environment"), EVERYTHING)
