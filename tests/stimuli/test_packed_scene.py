"""Scenes in the form of sets: every object and its arrays; version 1 for one object."""

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


def test_all_objects_come_back():
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
    assert list(found.objects) == ["object", "ape", "ground", "zebra"]


def test_a_scene_of_one_object_is_packed_as_in_version_1():
    scene = Scene(name="one", shape=Sphere(), material=Material(base_color=TEXTURE))
    stored = packed(scene)
    record = json.loads(stored.text)
    assert record["schema_version"] == 1
    sections = {"shape", "material", "pose", "lighting", "cameras", "film"}
    assert record.keys() == {"schema_version", "sha256", "name"} | sections
    assert again(scene) == scene
    assert json.loads(packed(scene.model_copy(update={"object": "a"})).text)["schema_version"] == 2
    record["schema_version"] = 3
    with pytest.raises(InputError, match="schema_version 3; this version of the suite reads 1 to"):
        unpacked(json.dumps(record), stored.arrays.__getitem__)
