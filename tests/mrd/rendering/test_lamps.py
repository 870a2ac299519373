"""Lamps in Mitsuba: irradiance at a point of the ground, visibility, and shadows.

A lamp straight above a point of the ground gives it a radiance that is the irradiance times a
constant of the material. So ratios of radiance are ratios of `scenes.lamps.irradiance`.
"""

import numpy as np
import pytest

from mrd.rendering.stage import Stage
from scenes.camera import Placed, cameras
from scenes.film import Film, background_radiance
from scenes.lamps import (
    DiscLamp,
    PointLamp,
    RectangleLamp,
    SphereLamp,
    SpotLamp,
    Sun,
    irradiance,
)
from scenes.lighting import Constant
from scenes.pose import Pose
from scenes.scene import Scene, Transport
from scenes.shape import Sphere

ABOVE = (0.0, 3.0, 0.0)
POINT = PointLamp(place=ABOVE, intensity=10.0)
FLOOR = {"floor": {"kind": "ground", "radius": 300.0}}
ASIDE = Placed(places=[{"origin": (0, 2, 6), "target": (0, 0, 0)}], resolution=24)


def radiance_of_ground(lamps, samples=256, bounces=0, surroundings=FLOOR):
    """Return the mean radiance (3,) of the middle pixels, which show the ground at the origin."""
    scene = Scene(
        name="a",
        shape=Sphere(subdivisions=1, radius=0.1),
        pose=Pose(translation=(9, 0.1, 0)),
        surroundings=surroundings,
        lamps=lamps,
        lighting=Constant(radiance=0.0),
        cameras=ASIDE,
        transport=Transport(bounces=bounces),
    ).loaded()
    view = cameras(scene.cameras)
    image = Stage(scene).photographs(view, samples, index=0)[0].cpu().numpy().astype(np.float64)
    return image[:, 11:13, 11:13].mean(axis=(1, 2))


@pytest.fixture(scope="module")
def reference():
    """Return radiance ÷ irradiance of the ground under the point lamp."""
    found = radiance_of_ground({"key": POINT}) / irradiance(POINT, np.zeros(3))[1]
    # About .4/π for a reflectance of .4; the principled material adds a tenth at these angles.
    np.testing.assert_allclose(found, 0.4 / np.pi, rtol=0.15)
    return found


@pytest.mark.parametrize(
    "lamp",
    [
        PointLamp(place=(0, 6, 0), intensity=(10.0, 20.0, 5.0), level=2.0),
        SpotLamp(place=ABOVE, intensity=4.0, angle=40.0),
        SphereLamp(place=ABOVE, radius=0.1, radiance=300.0),
        DiscLamp(place=ABOVE, radius=0.1, radiance=300.0),
        RectangleLamp(place=ABOVE, size=(0.1, 0.3), radiance=300.0),
        Sun(elevation=90.0, irradiance=(1.0, 2.0, 3.0)),
    ],
    ids=lambda lamp: lamp.kind,
)
def test_the_ground_is_as_bright_as_the_irradiance_says(lamp, reference):
    found = radiance_of_ground({"key": lamp}) / irradiance(lamp, np.zeros(3))[1]
    # The pixels also show points beside the origin, which are up to 3 % darker under a near lamp.
    np.testing.assert_allclose(found, reference, rtol=0.03)


def test_lamps_add_up(reference):
    two = radiance_of_ground({"a": POINT, "b": Sun(elevation=90.0)})
    expected = reference * (irradiance(POINT, np.zeros(3))[1] + 3)
    np.testing.assert_allclose(two, expected, rtol=0.03)


def test_an_object_between_lamp_and_ground_casts_a_shadow():
    scene = Scene(
        name="a",
        shape=Sphere(subdivisions=2, radius=0.5),
        pose=Pose(translation=(0, 2, 0)),
        surroundings={"floor": {"kind": "ground", "gap": 3.0, "radius": 20.0}},
        lamps={"key": POINT},
        lighting=Constant(radiance=0.0),
        cameras=ASIDE,
        transport=Transport(bounces=0),
    ).loaded()
    image = Stage(scene).photographs(cameras(scene.cameras), 64, index=0)[0].cpu().numpy()
    assert image[:, 11:13, 11:13].max() == 0


def test_light_from_a_wall_reaches_the_ground_only_with_bounces():
    """The lamp shines away from the ground, at a wall one unit behind the point."""
    up = {"key": SpotLamp(place=(0, 1, 2), toward=(0, 4, -1), intensity=200.0, angle=20.0)}
    wall = FLOOR | {"wall": {"distance": 10.0, "width": 300.0, "height": 200.0}}
    dark, lit = (radiance_of_ground(up, 64, bounces, wall) for bounces in (0, 2))
    assert dark.max() == 0
    assert lit.min() > 0


def test_a_searched_lamp_looks_like_the_same_lamp_among_others():
    scene = Scene(
        name="a",
        shape=Sphere(subdivisions=2),
        surroundings=["ground"],
        lamps={"key": POINT, "fill": DiscLamp(place=(2, 2, 2))},
        cameras=ASIDE,
    ).loaded()
    views = cameras(scene.cameras)
    images = [
        Stage(each).radiance(views, 16, seeds=[1]).numpy()
        for each in (
            scene,
            scene.with_searched_light("fill"),
            scene.with_searched_object("ground").with_searched_object("object"),
        )
    ]
    np.testing.assert_allclose(images[1].mean(), images[0].mean(), rtol=0.02)
    np.testing.assert_allclose(images[2], images[0], rtol=1e-4)


@pytest.mark.parametrize("background", ["environment", 0.5])
def test_an_area_lamp_is_visible_before_every_background(background):
    scene = Scene(
        name="a",
        shape=Sphere(subdivisions=1, radius=0.1),
        lamps={
            "panel": RectangleLamp(place=(0, 0, -1), toward=(0, 0, 1), size=(1, 9), radiance=7.0)
        },
        lighting=Constant(radiance=0.0),
        cameras=Placed(places=[{"origin": (0, 0, 6)}], resolution=24),
        film=Film(exposure=1.0, background=background),
    ).loaded()
    image = Stage(scene).photographs(cameras(scene.cameras), 16, index=0)[0].cpu().numpy()
    np.testing.assert_allclose(image[:, 2, 12], 7, rtol=0.01)
    behind = 0 if background == "environment" else background_radiance(scene.film)
    np.testing.assert_allclose(image[:, 12, 2], behind, atol=1e-6)
