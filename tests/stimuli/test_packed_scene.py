"""Scenes in the form of sets: every object and its arrays, in order; earlier versions."""

import json

import numpy as np
import pytest

from scenes.arrays import Picture
from scenes.base.errors import InputError
from scenes.lamps import PointLamp
from scenes.lighting import EnvironmentMap
from scenes.material import Material
from scenes.objects import Object
from scenes.scene import Scene
from scenes.shape import MeshShape, Sphere
from scenes.surroundings import Ground
from stimuli.packed_scene import packed, unpacked

TEXTURE = Picture(np.random.default_rng(1).random((4, 4, 3)))


def again(scene):
    stored = packed(scene)
    return unpacked(stored.text, stored.arrays.__getitem__)


def test_all_objects_come_back_in_their_order():
    scene = Scene(
        name="many",
        shape=MeshShape(surface="bunny"),
        others={
            "zebra": Object(shape=Sphere(), material=Material(base_color=TEXTURE)),
            "ape": Object(shape=MeshShape(surface="spot")),
        },
        surroundings={"ground": Ground()},
        lamps={"vertices": PointLamp(place=(1, 2, 3))},
        lighting=EnvironmentMap(radiance="studio"),
    ).loaded()
    found = again(scene)
    assert found == scene
    assert list(found.objects) == ["object", "zebra", "ape", "ground"]


def test_a_scene_of_version_1_is_read():
    scene = Scene(name="one", shape=Sphere(), material=Material(base_color=TEXTURE))
    stored = packed(scene)
    record = json.loads(stored.text)
    for key in ("object", "others", "surroundings", "lamps", "transport"):
        del record[key]
    record["schema_version"] = 1
    assert unpacked(json.dumps(record), stored.arrays.__getitem__) == scene
    record["schema_version"] = 3
    with pytest.raises(InputError, match="schema_version 3; this version of the suite reads 1 to"):
        unpacked(json.dumps(record), stored.arrays.__getitem__)
