import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scenes import library
from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.camera import Fibonacci, Ring, Single
from scenes.film import Film
from scenes.lighting import Constant, EnvironmentMap, SunSky
from scenes.material import SCALARS, Material
from scenes.pictures.files import write_picture
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.scene_files import read_scene, write_scene, write_shared_scene
from scenes.shape import Blob, MeshShape, Sphere
from scenes.visibility import check_visible

UNIT = st.floats(0, 1)
ANGLE = st.floats(-360, 360)
TRIPLE = st.tuples(ANGLE, ANGLE, ANGLE)


def pictures(channels, rows=1, high=1.0):
    shape = st.tuples(st.integers(rows, 5), st.integers(2, 5), st.just(channels))
    values = st.floats(0, high, width=32)
    return hnp.arrays(np.float32, shape, elements=values).map(Picture)


def meshes(with_uvs):
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    floats = st.floats(-8, 8, width=32)
    extra = hnp.arrays(np.float32, (2, 3), elements=floats)
    uvs = hnp.arrays(np.float32, (5, 2), elements=floats) if with_uvs else st.none()
    return st.builds(
        lambda more, uv: Mesh(np.vstack([corner, more]), [(0, 1, 2), (2, 3, 4)], uv), extra, uvs
    )


NORMALS = st.sampled_from(["smooth", "flat"])
SCENES = st.builds(
    Scene,
    name=st.text(max_size=8),
    shape=st.one_of(
        st.builds(Sphere, radius=st.floats(0.1, 2), normals=NORMALS),
        st.builds(Blob, seed=st.integers(0, 2**40), amplitude=UNIT),
        st.builds(MeshShape, surface=meshes(False) | meshes(True), fit=st.just(False)),
    ),
    material=st.builds(
        Material,
        base_color=UNIT | st.tuples(UNIT, UNIT, UNIT) | pictures(3),
        roughness=UNIT | pictures(1),
        metallic=UNIT | pictures(1),
        **dict.fromkeys(SCALARS[3:], UNIT),
        eta=st.floats(1.1, 4),
    ),
    pose=st.builds(Pose, rotation=TRIPLE, translation=TRIPLE),
    lighting=st.one_of(
        st.builds(Constant, radiance=st.tuples(UNIT, UNIT, UNIT), rotation=ANGLE, level=UNIT),
        st.builds(EnvironmentMap, radiance=pictures(3, rows=3, high=1e4), rotation=ANGLE),
        st.builds(SunSky, sun_elevation=st.floats(0, 90), turbidity=st.floats(1, 10)),
    ),
    cameras=st.one_of(
        st.builds(Fibonacci, count=st.integers(1, 50), distance=st.floats(1, 9)),
        st.builds(Ring, count=st.integers(1, 50), azimuth=ANGLE),
        st.builds(Single, held_out_azimuths=st.just((90.0, 180.0))),
    ),
    film=st.builds(
        Film, exposure=st.floats(0.01, 100) | st.just("auto"), background=st.floats(0, 0.9)
    ),
)


@given(scene=SCENES)
def test_a_scene_survives_its_files_exactly(scene):
    with tempfile.TemporaryDirectory() as folder:
        again = read_scene(write_scene(scene, Path(folder)))
    assert again == scene
    assert again.sha256 == scene.sha256
    assert again.name == scene.name


@given(scene=SCENES)
def test_the_canonical_text_is_sorted_without_white_space_and_exact(scene):
    text = scene.canonical_json()
    content = json.loads(text)
    assert text == json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert content["pose"]["rotation"] == list(scene.pose.rotation)
    assert "name" not in content


def test_the_hash_is_the_same_on_every_machine():
    scene = Scene(
        name="anything",
        shape=MeshShape(surface=Mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)]), fit=False),
        material=Material(base_color=Picture(np.linspace(0, 1, 12).reshape(2, 2, 3))),
        pose=Pose(rotation=(0.1, 1e-7, 360)),
        film=Film(exposure=1 / 3, background="environment"),
    )
    assert scene.sha256 == "320305a0059879e2600d387949dc03c52e181bef736f8baa7e8029c4dd7d0402"


def sphere(**changes):
    return Scene(name="sphere", shape=Sphere(subdivisions=2), **changes)


def test_the_name_does_not_enter_the_hash_and_everything_else_does():
    scene = sphere()
    assert scene.model_copy(update={"name": "other"}).sha256 == scene.sha256
    changes = {
        "shape": Sphere(subdivisions=2, normals="flat"),
        "material": Material(roughness=0.51),
        "pose": Pose(translation=(0, 0, 1e-9)),
        "lighting": Constant(level=2),
        "cameras": Ring(held_out=1),
        "film": Film(tone_curve="reinhard"),
    }
    hashes = {scene.model_copy(update={key: value}).sha256 for key, value in changes.items()}
    assert len(hashes | {scene.sha256}) == len(changes) + 1


def test_whole_numbers_and_decimals_are_the_same_scene():
    assert (
        sphere(film=Film(exposure=1), material=Material(base_color=1, roughness=0)).sha256
        == sphere(film=Film(exposure=1.0), material=Material(base_color=1.0, roughness=0.0)).sha256
    )


def test_a_scene_that_is_not_loaded_has_no_hash_and_is_not_written(tmp_path):
    scene = library.scene("bunny")
    assert scene.unloaded == ("shape.surface", "lighting.radiance")
    with pytest.raises(
        InputError, match=r"shape\.surface, lighting.radiance not loaded; call Scene.l"
    ):
        scene.sha256  # noqa: B018
    with pytest.raises(InputError, match="not loaded"):
        write_scene(scene, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_loading_a_loaded_scene_changes_nothing():
    scene = library.scene("bunny").loaded()
    assert scene.loaded() == scene
    assert scene.unloaded == ()


def textured(folder):
    scene = Scene(
        name="tile",
        shape=MeshShape(surface=Mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)])),
        material=Material(roughness=Picture(np.full((2, 2), 0.5))),
    ).loaded()
    return scene, write_scene(scene, folder)


def test_the_file_is_for_people_and_names_the_files_beside_it(tmp_path):
    scene, path = textured(tmp_path)
    text = path.read_text()
    record = json.loads(text)
    assert text.startswith('{\n  "schema_version": 2,\n')
    assert record["sha256"] == scene.sha256
    assert record["objects"]["object"]["shape"]["surface"]["file"] == "shape-surface.ply"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "material-roughness.exr",
        "scene.json",
        "shape-surface.ply",
    ]


@pytest.mark.parametrize("name", ["shape-surface.ply", "material-roughness.exr"])
def test_an_altered_or_missing_file_beside_is_named(tmp_path, name):
    _, path = textured(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[-3] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        InputError, match=f"{name}: is not the file that was written with scene.json"
    ):
        read_scene(path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"{name}: missing; scene.json needs it"):
        read_scene(path)


def test_an_altered_number_is_refused_until_its_hash_is_deleted(tmp_path):
    _, path = textured(tmp_path)
    record = json.loads(path.read_text())
    record["objects"]["object"]["pose"]["translation"][0] = 0.25
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"scene\.json: the scene is not the one that was written"):
        read_scene(path)
    del record["sha256"]
    path.write_text(json.dumps(record))
    assert read_scene(path).pose.translation == (0.25, 0, 0)


def test_a_scene_written_by_hand_may_use_names_and_paths(tmp_path):
    write_picture(Picture(np.full((3, 6, 3), 0.5)), tmp_path / "dim.exr")
    (tmp_path / "mine.json").write_text(
        json.dumps(
            {
                "shape": {"kind": "mesh", "surface": "bunny"},
                "material": "matte",
                "lighting": {"kind": "map", "radiance": "dim.exr"},
            }
        )
    )
    scene = read_scene(tmp_path / "mine.json")
    assert scene.name == "mine"
    assert scene.unloaded == ()
    assert scene.material.roughness == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"scene\.json: cannot be read: No such file"),
        ("{", r"scene\.json: is not JSON"),
        ("[1]", r"scene\.json: holds no scene"),
        ('{"schema_version": 3}', "schema_version is 3; this version of the suite reads 1 to 2"),
        ('{"shape": {"kind": "sphere", "radiu": 1}}', r"scene\.json: shape.radiu: unknown key"),
        ('{"shape": {"kind": "sphere"}, "film": {"exposure": NaN}}', "film.exposure: .*finite"),
        (
            '{"shape": {"kind": "mesh", "surface": "buny"}}',
            r"scene\.json: shape.surface: no mesh is",
        ),
        (
            '{"shape": {"kind": "mesh", "surface": "a.ply"}}',
            r"scene\.json: .*a\.ply: no such mesh f",
        ),
    ],
)
def test_a_broken_scene_file_is_named(tmp_path, text, message):
    if text is not None:
        (tmp_path / "scene.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_scene(tmp_path / "scene.json")


def test_every_library_scene_is_visible():
    for name in library.SCENES:
        check_visible(library.scene(name).loaded())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"pose": Pose(translation=(50, 0, 0))},
            "camera c0 sees nothing of the object: all of it is",
        ),
        (
            {"pose": Pose(translation=(0, 0, 50)), "cameras": Single(elevation=0)},
            "behind the camera",
        ),
        (
            {"cameras": Ring(distance=0.9)},
            r"camera c0 is inside .* \(at 0.9 from its centre, rad",
        ),
        ({"cameras": Ring(target=(0, 9, 0), distance=1)}, "outside the frame|behind the camera"),
        (
            {
                "cameras": Ring(count=1, held_out=1, elevation=0),
                "pose": Pose(translation=(0, 0, 8)),
            },
            "camera c0 sees nothing",
        ),
    ],
)
def test_a_scene_that_a_camera_does_not_see_is_refused(changes, message):
    with pytest.raises(InputError, match=f"scene 'sphere': .*{message}"):
        check_visible(sphere(**changes))


def test_a_face_that_fills_the_frame_is_seen_though_its_corners_are_not():
    wall = Mesh([(-9, -9, 0), (9, -9, 0), (0, 20, 0)], [(0, 1, 2)])
    scene = Scene(
        name="wall",
        shape=MeshShape(surface=wall, fit=False),
        cameras=Single(elevation=0, distance=30, field_of_view=5),
    )
    check_visible(scene)


def test_scenes_in_one_folder_share_equal_files(tmp_path):
    rough = Picture(np.full((2, 2, 1), 0.25, np.float32))
    first = Scene(name="a", shape=MeshShape(surface="suzanne")).loaded()
    second = first.model_copy(update={"material": Material(roughness=rough)})
    paths = [write_shared_scene(scene, tmp_path) for scene in (first, second)]
    assert [read_scene(path) for path in paths] == [first, second]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".exr", ".json", ".json", ".ply"]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    write_shared_scene(second, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("suffix", [".ply", ".exr", ".json"])
@pytest.mark.parametrize(
    "harm",
    [
        lambda _: None,
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1] + bytes([content[-1] ^ 255]),
    ],
    ids=["gone", "cut", "altered"],
)
def test_a_damaged_file_of_a_shared_scene_is_written_again(tmp_path, suffix, harm):
    rough = Picture(np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4, 1))
    first = Scene(name="a", shape=MeshShape(surface="suzanne")).loaded()
    second = first.model_copy(update={"material": Material(roughness=rough)})
    paths = [write_shared_scene(scene, tmp_path) for scene in (first, second)]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for path in [path for path in before if path.suffix == suffix]:
        path.unlink()
        if (left := harm(before[path])) is not None:
            path.write_bytes(left)
    with pytest.raises(InputError, match=r"."):
        read_scene(paths[1])
    for scene, path in zip((first, second), paths, strict=True):
        assert write_shared_scene(scene, tmp_path) == path
        assert read_scene(path) == scene
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
