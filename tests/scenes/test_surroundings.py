"""Ready-made surroundings: where they are, and which way they face."""

import numpy as np
import pytest
import trimesh
from pydantic import ValidationError

from scenes.arrays import Mesh
from scenes.base.errors import InputError
from scenes.contacts import contacts
from scenes.geometry.normals import vertex_normals
from scenes.geometry.topology import manifold_problem
from scenes.material import Material
from scenes.objects import Object
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import MeshShape, Sphere, geometry
from scenes.visibility import placed_mesh

BALL = Sphere(subdivisions=3, radius=0.5)


def among(surroundings, **changes):
    return Scene(name="a", shape=BALL, surroundings=surroundings, **changes).loaded()


def box_of(scene, name):
    vertices = placed_mesh(scene.others[name]).vertices
    return vertices.min(axis=0), vertices.max(axis=0)


def test_the_ground_is_under_the_lowest_point_of_all_objects():
    low = Object(shape=BALL, pose=Pose(translation=(2, -1, 0)))
    scene = among(["ground"], others={"low": low}, pose=Pose(translation=(0, 1, 0)))
    bottom, top = box_of(scene, "ground")
    assert bottom[1] == top[1] == pytest.approx(-1.5, abs=1e-5)
    np.testing.assert_allclose((top - bottom)[[0, 2]], 2 * 40 * 0.5, rtol=1e-3)
    assert (vertex_normals(geometry(scene.others["ground"].shape)) @ [0, 1, 0] > 0.99).all()


def test_sizes_are_in_radii_of_the_object():
    small, large = (
        Scene(name="a", shape=Sphere(radius=r), surroundings=["table", "occluder"]).loaded()
        for r in (1.0, 2.0)
    )
    for name in ("table", "occluder"):
        ends = [np.subtract(*box_of(each, name)[::-1]) for each in (small, large)]
        np.testing.assert_allclose(ends[1], 2 * ends[0], rtol=1e-5)


def test_a_table_carries_the_object():
    scene = among(["table"])
    bottom, top = box_of(scene, "table")
    assert top[1] == pytest.approx(-0.5, abs=1e-3)
    assert bottom[1] < -0.5 - 1.4


@pytest.mark.parametrize(("azimuth", "axis", "sign"), [(0, 2, 1), (90, 0, 1), (180, 2, -1)])
def test_an_occluder_stands_at_its_azimuth(azimuth, axis, sign):
    scene = among({"occluder": {"azimuth": float(azimuth), "distance": 3.0}})
    bottom, top = box_of(scene, "occluder")
    assert ((bottom + top) / 2)[axis] == pytest.approx(sign * 1.5, abs=1e-4)


def test_bars_are_closed_and_as_many_as_wanted():
    scene = among({"occluder": {"bars": 4}})
    assert len(geometry(scene.others["occluder"].shape).faces) == 4 * 12


def test_the_wall_faces_the_object():
    scene = among({"wall": {"azimuth": 90.0}})
    normals = vertex_normals(geometry(scene.others["wall"].shape))
    np.testing.assert_allclose(normals, np.broadcast_to([-1, 0, 0], normals.shape), atol=1e-6)


def test_a_cornell_box_faces_inward_and_has_a_lamp_in_its_ceiling():
    scene = among(["cornell"])
    assert list(scene.others) == ["cornell", "cornell_left", "cornell_right"]
    middle = np.array([0, -0.5 + 1.1, 0])
    for each in scene.others.values():
        mesh = placed_mesh(each)
        inward = middle - mesh.vertices[mesh.faces].mean(axis=1)
        corners = mesh.vertices[mesh.faces]
        outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert (np.sum(inward * outward, axis=1) > 0).all()
    red, green = (scene.others[f"cornell_{side}"].material.base_color for side in ("left", "right"))
    assert red[0] > red[1]
    assert green[1] > green[0]
    (lamp,) = scene.lamps.values()
    assert lamp.place[1] == pytest.approx(-0.5 + 2.2, abs=0.01)
    assert lamp.toward[1] < lamp.place[1]


def test_the_parts_of_an_occluder_are_matte():
    assert among(["wall"]).others["wall"].material == Material(
        base_color=(0.5, 0.5, 0.5), roughness=1.0, eta=1.01
    )


def test_names_of_surroundings_stand_for_their_defaults():
    assert among(["ground"]) == among({"ground": {}}) == among({"ground": {"kind": "ground"}})
    named = among({"floor": {"kind": "ground"}})
    assert list(named.others) == ["floor"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["grond"], "no surrounding is called 'grond'; did you mean 'ground'"),
        ({"ground": {"size": 1}}, "unknown key 'size'"),
        ({"occluder": {"bars": 0}}, "out of range"),
        (3, "dict"),
    ],
)
def test_wrong_surroundings_are_named(given, message):
    with pytest.raises(ValidationError, match=message):
        Scene(name="a", shape=BALL, surroundings=given)


def test_a_name_that_surroundings_also_make_is_refused():
    twin = {"cornell_left": Object(shape=BALL)}
    with pytest.raises(InputError, match="two objects are called 'cornell_left'"):
        among(["cornell"], others=twin)
    lamp = {"cornell_lamp": {"kind": "point", "place": [0, 1, 0]}}
    with pytest.raises(InputError, match="two lamps are called 'cornell_lamp'"):
        among(["cornell"], lamps=lamp)


def test_contacts_are_gaps_in_radii_or_intersections():
    scene = among(
        {"ground": {"gap": 0.5}, "wall": {"distance": 0.5}, "occluder": {"distance": 3.0}}
    )
    found = {each["object"]: each for each in contacts(scene)}
    assert found["ground"]["gap"] == pytest.approx(0.5, abs=1e-3)
    assert not found["ground"]["intersects"]
    assert found["wall"] == {"object": "wall", "intersects": True, "gap": 0.0}
    assert found["occluder"]["gap"] == pytest.approx(1.95, abs=0.02)


def test_touching_is_no_intersection():
    found = contacts(among(["ground"]))
    assert found == [{"object": "ground", "intersects": False, "gap": pytest.approx(0, abs=1e-4)}]


def test_boxes_of_surroundings_are_closed():
    mesh = geometry(among(["occluder"]).others["occluder"].shape)
    assert manifold_problem(mesh) is None


def test_a_spike_through_a_box_and_a_ball_in_a_shell_intersect():
    """No edge of the box passes through the spike; no edge of the ball through the shell."""
    spike = Object(
        shape=MeshShape(surface=trimesh_of(trimesh.creation.box((9, 0.1, 0.1))), fit=False)
    )
    inside = Object(shape=Sphere(radius=0.1))
    shell = Object(shape=Sphere(radius=3.0))
    box = MeshShape(surface=trimesh_of(trimesh.creation.box((1, 1, 1))), fit=False)
    scene = Scene(name="a", shape=box, others={"spike": spike, "inside": inside, "shell": shell})
    assert all(each["intersects"] for each in contacts(scene.loaded()))
    assert all(
        each["intersects"] for each in contacts(scene.loaded().with_searched_object("spike"))
    )


def trimesh_of(mesh):
    return Mesh(mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32))
