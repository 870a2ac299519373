"""The runs of a study: their grid, their names, and the files that they read."""

import itertools

import numpy as np
import pytest

from mrd.study.study import grid, read_study, resolve_all
from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.geometry.topology import manifold_problem
from scenes.meshes.files import write_mesh
from scenes.pictures.files import write_picture
from scenes.shape import Blob, Sphere, geometry
from tests.paths import DATA

SPHERE = "{kind: sphere, subdivisions: 2}"
BLOB = "{kind: blob, seed: 1, subdivisions: 2}"
WITH_SERIES = ("searches:\n", "series: {lights: [own, studio]}\nsearches:\n")


def resolved(path):
    return resolve_all(read_study(path))


def names(path):
    return [run.name for run in resolved(path)]


def steps(text):
    """Replace the last line of the search by these lines."""
    return ("    steps: 30\n", "".join(f"    {line}\n" for line in text.split("\n")))


# ---- The grid -------------------------------------------------------------------------------


def test_the_grid_is_searches_times_targets_times_models_times_seeds(write):
    path = write(
        ("models:", "  cube: {shape: {kind: sphere}}\nmodels:"),
        ("    network: pixels", "    network: pixels\n  lite: {network: efficientnet_lite0}"),
        ("    steps: 30", "    seeds: [1, 2]\n  light: {attributes: [lighting], models: [lite]}"),
    )
    expected = [
        f"{target}-{model}-shape-s{seed}"
        for target, model, seed in itertools.product(("ball", "cube"), ("pixels", "lite"), (1, 2))
    ]
    expected += ["ball-lite-light-s1", "cube-lite-light-s1"]
    assert [run.label for run in grid(read_study(path))] == expected


@pytest.mark.parametrize(
    ("replacements", "message"),
    [
        (
            [
                ("  ball:", "  a: {shape: {kind: sphere}}\n  a-b:"),
                ("  pixels:\n", "  b-c: {network: pixels}\n  c:\n"),
            ],
            "two runs would both be called a-b-c-shape-s1",
        ),
        (
            [
                ("  ball:\n", "  a-b:\n    shape: {kind: sphere}\n  a:\n"),
                ("  shape:\n    attr", "  c: {attributes: [material]}\n  b-c:\n    attr"),
            ],
            "two families would both be called a-b-c",
        ),
    ],
)
def test_two_runs_or_families_of_one_name_are_refused(write, replacements, message):
    study = read_study(write(*replacements))
    with pytest.raises(InputError, match=message):
        grid(study)


def test_a_pixel_search_is_one_for_each_target_and_seed_whatever_the_models(write):
    path = write(
        ("    network: pixels\n", "    network: pixels\n  lite: {network: efficientnet_lite0}\n"),
        ("  pixels:\n", "  screen:\n"),
        steps("pixel_search: true\nseeds: [1, 2]"),
    )
    runs = resolved(path)
    pixel = [run for run in runs if run.spec.is_pixel_search]
    assert [run.spec.label for run in pixel] == ["ball-pixel-shape-s1", "ball-pixel-shape-s2"]
    assert {(run.search.loss, run.model.network, run.model.front_end.blur) for run in pixel} == {
        ("l1", "pixels", 0.0)
    }
    assert len(runs) == 6
    assert {run.spec.family for run in runs} == {"ball-shape"}


# ---- Names of runs --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "replacement",
    [
        pytest.param(("name: demo\nseed: 7\n", "seed: 7\nname: demo\n"), id="order"),
        pytest.param(steps("views_per_step: 1\nsteps: 30"), id="default"),
        pytest.param(steps("steps: 30\nsave_every: 1"), id="save_every"),
        pytest.param(steps("steps: 30\ncriterion: {floor: 0.99}"), id="floor"),
        pytest.param(steps("steps: 30\ncriterion: {class_probability: 0.5}"), id="class"),
        pytest.param(steps("steps: 30\ngoal: recover"), id="goal"),
        pytest.param(WITH_SERIES, id="series"),
    ],
)
def test_a_name_does_not_depend_on_what_leaves_the_result_unchanged(write, tmp_path, replacement):
    assert names(write(replacement, folder=tmp_path / "elsewhere")) == names(write())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: 7", "seed: 8"),
        (SPHERE, "{kind: sphere, subdivisions: 3}"),
        ("count: 2", "count: 3"),
        ("network: pixels", "network: pixels\n    front_end: {blur: 2.0}"),
        ("{kind: blob, seed: 1", "{kind: blob, seed: 2"),
        ("steps: 30", "steps: 31"),
        steps("steps: 30\ncriterion: {null: 98}"),
        steps("steps: 30\ncriterion: {ceiling: 9}"),
    ],
)
def test_a_name_depends_on_everything_that_changes_the_result(write, old, new):
    (before,) = names(write())
    (after,) = names(write((old, new)))
    assert before.rsplit("-", 1)[0] == after.rsplit("-", 1)[0] == "ball-pixels-shape-s1"
    assert before != after


def test_names_depend_on_the_seed_and_not_on_a_pixel_search_beside(write):
    renamed = ("  pixels:\n", "  screen:\n")
    (alone,) = names(write(renamed))
    first, second, pixel = (
        names(write(renamed, steps("steps: 30\nseeds: [1, 2]")))[:2]
        + names(write(renamed, steps("steps: 30\npixel_search: true")))[1:]
    )
    assert first == alone
    assert len({each.rsplit("-", 1)[1] for each in (first, second, pixel)}) == 3


def test_a_name_depends_on_the_content_of_a_file_and_not_on_its_name(write, tmp_path):
    mesh = (SPHERE, "{kind: mesh, surface: target.ply}")
    renamed = (SPHERE, "{kind: mesh, surface: other.ply}")
    write_mesh(geometry(Blob(seed=2, subdivisions=2)), tmp_path / "target.ply")
    before = names(write(mesh))
    (tmp_path / "target.ply").rename(tmp_path / "other.ply")
    assert names(write(renamed)) == before
    write_mesh(geometry(Blob(seed=3, subdivisions=2)), tmp_path / "other.ply")
    assert names(write(renamed)) != before


def test_random_numbers_of_a_run_depend_on_its_name_and_their_purpose(write):
    def drawn(run, purpose):
        return tuple(run.generator(purpose).integers(2**31, size=4))

    (first,) = resolved(write())
    assert drawn(first, "search") == drawn(first, "search")
    (other,) = resolved(write(steps("steps: 31")))
    numbers = {drawn(first, "search"), drawn(first, "series/control"), drawn(other, "search")}
    assert len(numbers) == 3


# ---- Files of a model -----------------------------------------------------------------------


def test_a_weights_file_is_found_from_the_study_and_hashed(write, tmp_path):
    path = write(("network: pixels", "network: pixels\n    weights: mine.pth"))
    with pytest.raises(InputError, match=r"^models\.pixels\.weights: cannot read .*mine\.pth"):
        names(path)
    (tmp_path / "mine.pth").write_bytes(b"1")
    (run,) = resolved(path)
    assert run.model.weights == str(tmp_path / "mine.pth")
    # sha256sum of the byte "1"
    assert run.record["model"]["weights"] == (
        "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    )
    (tmp_path / "mine.pth").write_bytes(b"2")
    assert names(path) != [run.name]


def test_a_weights_file_may_be_in_the_home_folder(write, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    (home / "mine.pth").write_bytes(b"1")
    monkeypatch.setenv("HOME", str(home))
    (run,) = resolved(write(("network: pixels", "network: pixels\n    weights: ~/mine.pth")))
    assert run.model.weights == str(home / "mine.pth")


def test_a_home_of_nobody_is_refused(write):
    path = write(("network: pixels", "network: pixels\n    weights: ~no-such-user-here/w.pth"))
    with pytest.raises(InputError, match=r"^models\.pixels\.weights: ~no-such-user-here/w\.pth: "):
        names(path)


def test_your_own_network_is_found_from_the_study_and_its_code_hashed(write, tmp_path):
    code = tmp_path / "mine.py"
    code.write_text("def network(): pass\n")
    path = write(("network: pixels", "network: 'mine:network'"))
    (run,) = resolved(path)
    assert run.model.network == f"{code}:network"
    assert run.record["model"]["network"] == "mine:network"
    assert run.record["model"]["code"].startswith("sha256:")
    code.write_text("def network(): return 1\n")
    assert names(path) != [run.name]
    installed = write(("network: pixels", "network: 'lab.models:network'"))
    model = resolved(installed)[0].record["model"]
    assert model["network"] == "lab.models:network"
    assert "code" not in model


# ---- Targets and starts ---------------------------------------------------------------------


def test_a_run_has_a_target_and_a_start(write):
    (run,) = resolved(write())
    assert run.target.shape == Sphere(subdivisions=2)
    assert run.start.shape == Blob(seed=1, subdivisions=2)
    assert run.start.material == run.target.material
    assert run.record["seeds"] == {"study": 7, "run": 1}
    assert run.record["target"] == run.target.sha256


def test_an_open_surface_can_be_a_target_but_not_a_start(write, tmp_path):
    sphere = geometry(Sphere(subdivisions=2))
    write_mesh(Mesh(sphere.vertices, sphere.faces[1:]), tmp_path / "open.ply")
    assert names(write((SPHERE, "{kind: mesh, surface: open.ply}")))
    path = write((BLOB, "{kind: mesh, surface: open.ply}"))
    message = r"^searches\.shape\.start: shape: .*3 .*a search starts from a closed surface"
    with pytest.raises(InputError, match=message):
        names(path)


@pytest.mark.parametrize(
    ("replacements", "message"),
    [
        (
            [("resolution: 16", "resolution: 16, target: [50, 0, 0]")],
            r"^targets\.ball: .*camera c0 sees nothing",
        ),
        (
            [
                ("attributes: [shape]", "attributes: [pose]"),
                (f"shape: {BLOB}", "pose: {translation: [0, 9, 0]}"),
            ],
            r"^searches\.shape\.start: .*camera c0 sees nothing",
        ),
        ([(SPHERE, "{kind: mesh, surface: nowhere.ply}")], r"^targets\.ball: .*nowhere"),
        (
            [("searches:\n", "series: {cameras: [c7]}\nsearches:\n")],
            r"series of searches.shape on targets.ball: no camera",
        ),
        (
            [
                ("searches:\n", "series: {kind: interpolation}\nsearches:\n"),
                ("attributes: [shape]", "attributes: [shape]\n    remeshing: null"),
                ("seed: 1, subdivisions: 2", "seed: 1, subdivisions: 3"),
            ],
            "no interpolation between meshes of different topology",
        ),
    ],
)
def test_files_cameras_and_topology_are_checked_when_a_study_is_resolved(
    write, replacements, message
):
    study = read_study(write(*replacements))  # reading opens no other file
    with pytest.raises(InputError, match=message):
        resolve_all(study)


@pytest.mark.parametrize("name", ["uv_sphere.obj", "inverted.obj"])
def test_a_start_may_have_doubled_vertices_and_is_turned_outward(write, tmp_path, name):
    """Vertices are doubled at a texture's seam, and faces are stored turned inward."""
    (tmp_path / name).write_bytes((DATA / "meshes" / name).read_bytes())
    path = write(
        (SPHERE, f"{{kind: mesh, surface: {name}}}"),
        (f"    start:\n      shape: {BLOB}\n", "    mode: diverge\n"),
    )
    (run,) = resolved(path)
    assert manifold_problem(run.start.shape.surface) is None
    assert run.start.shape.surface == run.target.shape.surface


def test_negative_radiance_is_refused_with_its_count(write, tmp_path):
    pixels = np.ones((4, 8, 3), np.float32)
    pixels[1, :2, 0] = -0.5
    write_picture(Picture(pixels), tmp_path / "dark.exr")
    light = "    lighting: {kind: map, radiance: dark.exr}\n"
    path = write(("    cameras", f"{light}    cameras"))
    with pytest.raises(InputError, match=r"^targets\.ball: .*of 96 values 2 negative"):
        names(path)
    repaired = light.replace("}", ", repair: clip}")
    assert names(write(("    cameras", f"{repaired}    cameras")))


def test_a_search_changes_keys_of_the_study_s_series(write):
    path = write(WITH_SERIES, steps("steps: 30\nseries: {levels: 3, cameras: training}"))
    (run,) = resolved(path)
    assert run.series.config.levels == 3
    assert run.series.config.noise_seeds == 3
    assert list(run.series.lights) == ["own", "studio"]
    assert run.series.cameras == ("c0", "c1")
    assert resolved(write())[0].series is None
