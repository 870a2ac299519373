"""The study file: what is read, what is refused and with which words, and the runs it asks for."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from ruamel.yaml import YAML

from mrd.study.study import Study, grid, read_study, resolve_all
from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.geometry.topology import manifold_problem
from scenes.meshes.files import write_mesh
from scenes.pictures.files import write_picture
from scenes.shape import Blob, Sphere, geometry
from tests.paths import DATA, ROOT

STUDY = """\
name: demo
seed: 7
targets:
  ball:
    shape: {kind: sphere, subdivisions: 2}
    cameras: {kind: ring, count: 2, held_out: 1, resolution: 16}
models:
  pixels:
    network: pixels
searches:
  shape:
    attributes: [shape]
    start:
      shape: {kind: blob, seed: 1, subdivisions: 2}
    steps: 30
"""


@pytest.fixture
def write(tmp_path):
    """Write the study with some of its text replaced; give the file."""

    def write(*replacements, folder=tmp_path):
        text = STUDY
        for old, new in replacements:
            assert text.count(old) == 1, f"{old!r} must occur once"
            text = text.replace(old, new)
        folder.mkdir(exist_ok=True)
        (folder / "study.yaml").write_text(text)
        return folder / "study.yaml"

    return write


def names(path):
    return [run.name for run in resolve_all(read_study(path))]


# ---- What is read ------------------------------------------------------------------------------


def test_a_study_is_what_its_file_says(write, tmp_path):
    study = read_study(write())
    assert (study.name, study.seed) == ("demo", 7)
    assert study.targets["ball"].shape == Sphere(subdivisions=2)
    assert study.models["pixels"].network == "pixels"
    assert study.searches["shape"].start.shape == Blob(seed=1, subdivisions=2)
    assert study.searches["shape"].steps == 30
    assert study.folder == tmp_path
    assert study.runs == tmp_path / "runs"


def test_a_folder_stands_for_the_study_in_it(write, tmp_path):
    assert read_study(write()) == read_study(tmp_path)


def test_a_study_survives_being_written_as_json(write):
    study = read_study(write())
    again = Study.model_validate_json(study.model_dump_json()).in_folder(study.folder)
    assert again == study
    assert [run.name for run in resolve_all(again)] == [run.name for run in resolve_all(study)]


def test_the_demo_is_a_study_of_three_searches():
    study = read_study(ROOT / "studies" / "demo")
    assert [run.label for run in grid(study)] == [
        "bunny_studio-efficientnet-shape-s1",
        "bunny_studio-efficientnet-material-s1",
        "bunny_studio-efficientnet-lighting-s1",
    ]
    assert {search.criterion.null for search in study.searches.values()} == {19}
    assert len({run.target.sha256 for run in resolve_all(study)}) == 1


# ---- What is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "steps: 30",
            "steps: -3",
            "15: searches.shape.steps: -3 is not allowed; use a whole number from 1 to 100000",
        ),
        (
            "steps: 30",
            "steps: many",
            "15: searches.shape.steps: 'many' is not allowed; use a whole number from 1 to 100000",
        ),
        (
            "steps: 30",
            "steps: true",
            "15: searches.shape.steps: true is not allowed; use a whole number from 1 to 100000",
        ),
        (
            "seed: 7",
            "seed: 1.5",
            "2: seed: 1.5 is not allowed; use a whole number from 0 to 2147483647",
        ),
        (
            "seed: 7",
            "seed: 7\nmodel: {}",
            "3: model: unknown key 'model'; did you mean 'models'? "
            "allowed: name, seed, targets, models, searches, series, stimuli, experiment, "
            "analysis, fisher",
        ),
        (
            "network: pixels",
            "netwrk: pixels",
            "9: models.pixels.netwrk: unknown key 'netwrk'; did you mean 'network'? "
            "allowed: network, layers, guides, weights, front_end (and 1 more)",
        ),
        (
            "network: pixels",
            "network: pixels\n    front_end:\n      blur: 30",
            "11: models.pixels.front_end.blur: 30 is not allowed; use a number from 0 to 20",
        ),
        (
            "network: pixels",
            "network: pixels\n    layers: conv1",
            "10: models.pixels.layers: 'conv1' is not allowed; "
            "use a list of at least one item, each text or a mapping (lines of 'key: value')",
        ),
        (
            "network: pixels",
            "network: pixels\n    layers: {pixels: 0}",
            "10: models.pixels.layers.pixels: 0 is not allowed; "
            "use a number above 0 and at most 1000000",
        ),
        (
            "network: pixels",
            "network: pixels\n    front_end: {contrast: 0}",
            "10: models.pixels.front_end.contrast: 0 is not allowed; "
            "use a number above 0 and at most 1",
        ),
        (
            "[shape]",
            "[shap]",
            "12: searches.shape.attributes[0]: 'shap' is not allowed; "
            "did you mean 'shape'? use shape, material, lighting or pose",
        ),
        (
            "[shape]",
            "[]",
            "12: searches.shape.attributes: an empty list is not allowed; "
            "use a list of at least one item, each shape, material, lighting or pose",
        ),
        (
            "{kind: blob, seed: 1",
            "{kind: blop, seed: 1",
            "14: searches.shape.start.shape: kind 'blop' is not allowed; "
            "did you mean 'blob'? use a mapping with kind: sphere, blob or mesh",
        ),
        (
            "{kind: blob, seed: 1",
            "{seed: 1",
            "14: searches.shape.start.shape: 'kind' is missing; "
            "use a mapping with kind: sphere, blob or mesh",
        ),
        (
            "{kind: blob, seed: 1",
            "{kind: blob",
            "14: searches.shape.start.shape.seed: is missing; use a whole number",
        ),
        (
            "{kind: blob, seed: 1",
            "{kind: blob, seed: 1, amplitude: 9",
            "14: searches.shape.start.shape.amplitude: 9 is out of range; allowed: 0 to 2",
        ),
        (
            "steps: 30",
            "learning_rate: {shape: 0}",
            "15: searches.shape.learning_rate.shape: 0 is not allowed; "
            "use a number above 0 and at most 10",
        ),
        (
            "steps: 30",
            "start2: 1",
            "15: searches.shape.start2: unknown key 'start2'; did you mean 'start'? allowed: "
            "attributes, mode, label, start, targets, models, steps, views_per_step, loss, "
            "optimiser, learning_rate, schedule, early_stopping, restarts, remeshing, "
            "smoothness, regularisers, material_parameters, texture_resolution, "
            "textured_parameters, environment_height, environment_smoothness, sky_parameters, "
            "samples, criterion, save_every, seeds, series, pixel_search",
        ),
        (
            "steps: 30",
            "steps: -1\n    save_every: 0\n    seeds: [x]",
            "15: searches.shape.steps: -1 is not allowed; use a whole number from 1 to 100000 "
            "(and 2 more)",
        ),
        (
            "attributes: [shape]",
            "attributes: [material]",
            "14: searches.shape.start.shape: this search changes material alone; "
            "remove this start, or add shape to attributes",
        ),
        (
            "steps: 30",
            "targets: [ball, bal]",
            "15: searches.shape.targets[1]: there is no 'bal' among the targets; "
            "did you mean 'ball'? known: ball",
        ),
        (
            "steps: 30",
            "models:\n      - resnet",
            "16: searches.shape.models[0]: there is no 'resnet' among the models; known: pixels",
        ),
        (
            "  ball:",
            "  Ball:",
            "4: targets.Ball: 'Ball' cannot name a file or folder; use at most 40 lower-case "
            "letters, digits, '_' and '-', with a letter or digit first",
        ),
        (
            "    shape: {kind: sphere, subdivisions: 2}",
            "    material: {roughness: 7}\n    scene: bunny",
            "5: targets.ball.material.roughness: 7 is out of range; allowed: 0 to 1",
        ),
        (
            "    shape: {kind: sphere, subdivisions: 2}",
            "    material: mat\n    scene: bunny",
            "5: targets.ball.material: no material is called 'mat'; did you mean 'matte'? "
            "known: matte, glossy_plastic, brushed_metal, translucent",
        ),
        ("name: demo\n", "", "1: name: is missing; use text"),
        ("name: demo", "name: 2024", "1: name: 2024 is not allowed; use text"),
        ("name: demo", "name: demo\nname: more", "2: name: named twice (first in line 1); "
         "keep one of them"),
        (
            "    network: pixels",
            "",
            "8: models.pixels: nothing (null) is not allowed; "
            "use a mapping (lines of 'key: value')",
        ),
        ("seed: 7", "- 7", "2: broken YAML: expected <block end>, but found '-'; "
         "look at colons, quotes, brackets and indentation there and in the line before"),
    ],
)  # fmt: skip
def test_the_message_names_line_key_value_and_what_is_allowed(write, old, new, message):
    path = write((old, new))
    with pytest.raises(InputError, match=f"^{re.escape(f'{path}:{message}')}$"):
        read_study(path)


def test_a_study_made_in_python_is_checked_as_one_from_a_file(write):
    study = read_study(write())
    content = study.model_dump() | {"targets": {"cube": study.targets["ball"].model_dump()}}
    content["searches"]["shape"]["targets"] = ["ball"]
    with pytest.raises(ValidationError, match="there is no 'ball' among the targets"):
        Study.model_validate(content)


def test_a_folder_without_a_study_is_named(tmp_path):
    with pytest.raises(InputError, match=r"study\.yaml: there is no such file"):
        read_study(tmp_path)


def test_reading_looks_at_no_file_that_the_study_names(write):
    mesh = ("{kind: sphere, subdivisions: 2}", "{kind: mesh, surface: nowhere.ply}")
    study = read_study(write(mesh))
    with pytest.raises(InputError, match=r"^targets\.ball: .*nowhere"):
        resolve_all(study)


# ---- The grid ----------------------------------------------------------------------------------


def test_the_grid_is_targets_times_models_times_searches_times_seeds(write):
    study = read_study(
        write(
            ("models:", "  cube: {shape: {kind: sphere}}\nmodels:"),
            ("    network: pixels", "    network: pixels\n  lite: {network: efficientnet_lite0}"),
            (
                "    steps: 30",
                "    seeds: [1, 2]\n  light: {attributes: [lighting], models: [lite]}",
            ),
        )
    )
    expected = [
        f"{target}-{model}-shape-s{seed}"
        for target, model, seed in itertools.product(("ball", "cube"), ("pixels", "lite"), (1, 2))
    ]
    expected += ["ball-lite-light-s1", "cube-lite-light-s1"]
    assert [run.label for run in grid(study)] == expected


def test_two_runs_of_one_name_are_refused(write):
    study = read_study(
        write(
            ("  ball:", "  a: {shape: {kind: sphere}}\n  a-b:"),
            ("  pixels:\n", "  b-c: {network: pixels}\n  c:\n"),
        )
    )
    with pytest.raises(InputError, match="two runs would both be called a-b-c-shape-s1"):
        grid(study)


# ---- Names of runs -----------------------------------------------------------------------------


def test_a_run_is_named_after_its_parts_and_a_hash(write):
    (name,) = names(write())
    label, digits = name.rsplit("-", 1)
    assert label == "ball-pixels-shape-s1"
    assert len(digits) == 8
    assert set(digits) <= set("0123456789abcdef")


def test_the_name_does_not_hang_on_place_or_order(write, tmp_path):
    here = names(write())
    assert names(write(folder=tmp_path / "elsewhere")) == here
    reordered = ("name: demo\nseed: 7\n", "seed: 7\nname: demo\n")
    assert names(write(reordered)) == here
    spelt_out = ("    steps: 30\n", "    views_per_step: 1\n    steps: 30\n")
    assert names(write(spelt_out)) == here


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: 7", "seed: 8"),
        ("{kind: sphere, subdivisions: 2}", "{kind: sphere, subdivisions: 3}"),
        ("count: 2", "count: 3"),
        ("network: pixels", "network: pixels\n    front_end: {blur: 2.0}"),
        ("{kind: blob, seed: 1", "{kind: blob, seed: 2"),
        ("steps: 30", "steps: 31"),
        ("steps: 30", "steps: 30\n    criterion: {null: 98}"),
    ],
)
def test_all_that_the_result_hangs_on_is_in_the_hash(write, old, new):
    (before,) = names(write())
    (after,) = names(write((old, new)))
    assert before.rsplit("-", 1)[0] == after.rsplit("-", 1)[0]
    assert before != after


def test_another_seed_is_another_run(write):
    first, second = names(write(("steps: 30", "steps: 30\n    seeds: [1, 2]")))
    assert first.rsplit("-", 1)[1] != second.rsplit("-", 1)[1]


def test_the_content_of_a_file_is_in_the_hash_and_not_its_name(write, tmp_path):
    mesh = ("{kind: sphere, subdivisions: 2}", "{kind: mesh, surface: target.ply}")
    renamed = (mesh[0], "{kind: mesh, surface: other.ply}")
    write_mesh(geometry(Blob(seed=2, subdivisions=2)), tmp_path / "target.ply")
    before = names(write(mesh))
    (tmp_path / "target.ply").rename(tmp_path / "other.ply")
    assert names(write(renamed)) == before
    write_mesh(geometry(Blob(seed=3, subdivisions=2)), tmp_path / "other.ply")
    assert names(write(renamed)) != before


def test_a_weights_file_is_found_from_the_study_and_hashed(write, tmp_path):
    weights = ("network: pixels", "network: pixels\n    weights: mine.pth")
    path = write(weights)
    with pytest.raises(InputError, match=r"^models\.pixels\.weights: cannot read .*mine\.pth"):
        names(path)
    (tmp_path / "mine.pth").write_bytes(b"1")
    (run,) = resolve_all(read_study(path))
    assert run.model.weights == str(tmp_path / "mine.pth")
    # sha256sum of the byte "1"
    assert run.record["model"]["weights"] == (
        "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    )
    (tmp_path / "mine.pth").write_bytes(b"2")
    assert names(path) != [run.name]


def test_a_network_of_ones_own_is_found_from_the_study_and_its_code_hashed(write, tmp_path):
    code = tmp_path / "mine.py"
    code.write_text("def network(): pass\n")
    path = write(("network: pixels", "network: 'mine:network'"))
    run = resolve_all(read_study(path))[0]
    assert run.model.network == f"{code}:network"
    assert run.record["model"]["network"] == "mine:network"
    assert run.record["model"]["code"].startswith("sha256:")
    code.write_text("def network(): return 1\n")
    assert names(path) != [run.name]
    installed = write(("network: pixels", "network: 'lab.models:network'"))
    model = resolve_all(read_study(installed))[0].record["model"]
    assert model["network"] == "lab.models:network"
    assert "code" not in model


def test_a_weights_file_may_lie_in_the_home_folder(write, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    (home / "mine.pth").write_bytes(b"1")
    monkeypatch.setenv("HOME", str(home))
    path = write(("network: pixels", "network: pixels\n    weights: ~/mine.pth"))
    (run,) = resolve_all(read_study(path))
    assert run.model.weights == str(home / "mine.pth")


def test_a_home_of_nobody_is_refused(write):
    path = write(("network: pixels", "network: pixels\n    weights: ~no-such-user-here/w.pth"))
    with pytest.raises(InputError, match=r"^models\.pixels\.weights: ~no-such-user-here/w\.pth: "):
        names(path)


# ---- What resolving refuses --------------------------------------------------------------------


def test_a_run_holds_target_and_start(write):
    study = read_study(write())
    run = resolve_all(study)[0]
    assert run.target.shape == Sphere(subdivisions=2)
    assert run.start.shape == Blob(seed=1, subdivisions=2)
    assert run.start.material == run.target.material
    assert run.record["seeds"] == {"study": 7, "run": 1}
    assert run.record["target"] == run.target.sha256


def test_an_open_surface_is_no_start(write, tmp_path):
    sphere = geometry(Sphere(subdivisions=2))
    write_mesh(Mesh(sphere.vertices, sphere.faces[1:]), tmp_path / "open.ply")
    path = write(("{kind: blob, seed: 1, subdivisions: 2}", "{kind: mesh, surface: open.ply}"))
    message = r"^searches\.shape\.start: shape: .*3 .*a search starts from a closed surface"
    with pytest.raises(InputError, match=message):
        names(path)


def test_an_open_surface_can_be_a_target(write, tmp_path):
    sphere = geometry(Sphere(subdivisions=2))
    write_mesh(Mesh(sphere.vertices, sphere.faces[1:]), tmp_path / "open.ply")
    assert names(write(("{kind: sphere, subdivisions: 2}", "{kind: mesh, surface: open.ply}")))


def test_cameras_that_see_nothing_are_refused(write):
    path = write(("resolution: 16", "resolution: 16, target: [50, 0, 0]"))
    with pytest.raises(InputError, match=r"^targets\.ball: .*camera c0 sees nothing"):
        names(path)


@pytest.mark.parametrize("name", ["uv_sphere.obj", "inverted.obj"])
def test_a_start_is_judged_by_place_and_turned_outward(write, tmp_path, name):
    """Vertices doubled at a texture's seam, and faces that are stored turned inward."""
    (tmp_path / name).write_bytes((DATA / "meshes" / name).read_bytes())
    path = write(
        ("{kind: sphere, subdivisions: 2}", f"{{kind: mesh, surface: {name}}}"),
        (
            "    start:\n      shape: {kind: blob, seed: 1, subdivisions: 2}\n",
            "    mode: diverge\n",
        ),
    )
    (run,) = resolve_all(read_study(path))
    assert manifold_problem(run.start.shape.surface) is None
    assert run.start.shape.surface == run.target.shape.surface


def test_a_start_pose_out_of_view_is_refused(write):
    path = write(
        ("attributes: [shape]", "attributes: [pose]"),
        ("shape: {kind: blob, seed: 1, subdivisions: 2}", "pose: {translation: [0, 9, 0]}"),
    )
    with pytest.raises(InputError, match=r"^searches\.shape\.start: .*camera c0 sees nothing"):
        names(path)


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


# ---- Whatever is written --------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
PLACES = [
    (),
    ("seed",),
    ("targets",),
    ("targets", "ball"),
    ("targets", "ball", "shape"),
    ("targets", "ball", "cameras", "count"),
    ("targets", "ball", "material"),
    ("targets", "ball", "lighting"),
    ("targets", "ball", "film"),
    ("models", "pixels", "layers"),
    ("models", "pixels", "front_end"),
    ("searches", "shape", "attributes"),
    ("searches", "shape", "start"),
    ("searches", "shape", "start", "shape"),
    ("searches", "shape", "material_parameters"),
    ("searches", "shape", "seeds"),
    ("searches", "shape", "unknown"),
]


def put(content, place, value):
    """Replace what stands at a place, making mappings on the way."""
    if not place:
        return value
    content = dict(content) if isinstance(content, dict) else {}
    return content | {place[0]: put(content.get(place[0]), place[1:], value)}


@given(place=st.sampled_from(PLACES), value=VALUES)
def test_any_value_anywhere_is_taken_or_refused_in_one_line(tmp_path_factory, place, value):
    path = tmp_path_factory.mktemp("fuzz") / "study.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(put(YAML(typ="safe").load(STUDY), place, value), file)
    try:
        grid(read_study(path))
    except InputError as error:
        message = str(error)
    else:
        return
    assert message.startswith(f"{path}:")
    assert "\n" not in message


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused_in_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "study.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}:.*\S"):
        read_study(path)


# ---- Series -------------------------------------------------------------------------------------

WITH_SERIES = ("searches:\n", "series: {lights: [own, studio]}\nsearches:\n")


def test_a_search_changes_keys_of_the_study_s_series(write):
    path = write(
        WITH_SERIES, ("steps: 30", "steps: 30\n    series: {levels: 3, cameras: training}")
    )
    (run,) = resolve_all(read_study(path))
    assert run.series.config.levels == 3
    assert run.series.config.noise_seeds == 3
    assert list(run.series.lights) == ["own", "studio"]
    assert run.series.cameras == ("c0", "c1")
    without = write(("steps: 30", "steps: 29"))
    assert resolve_all(read_study(without))[0].series is None


def test_series_and_pixel_searches_leave_the_search_as_it_is(write):
    (plain,) = names(write())
    (series,) = names(write(WITH_SERIES))
    assert series == plain
    renamed = ("  pixels:\n", "  screen:\n")
    (alone,) = names(write(renamed))
    both = names(write(WITH_SERIES, renamed, ("steps: 30", "steps: 30\n    pixel_search: true")))
    assert both[0] == alone
    assert len(both) == 2


def test_how_often_a_search_is_saved_leaves_its_run_what_it_is(write):
    (often,) = names(write(("steps: 30", "steps: 30\n    save_every: 1")))
    (seldom,) = names(write(("steps: 30", "steps: 30\n    save_every: 1000")))
    assert often == seldom == names(write())[0]


def test_random_numbers_of_a_run_hang_on_its_name_its_seeds_and_what_they_are_for(write):
    def drawn(run, purpose):
        return tuple(run.generator(purpose).integers(2**31, size=4))

    (first,) = resolve_all(read_study(write()))
    assert drawn(first, "search") == drawn(first, "search")
    (other,) = resolve_all(read_study(write(("steps: 30", "steps: 31"))))
    numbers = {drawn(first, "search"), drawn(first, "series/control"), drawn(other, "search")}
    assert len(numbers) == 3


def test_from_what_match_on_a_result_is_a_metamer_leaves_its_run_what_it_is(write):
    (strict,) = names(write(("steps: 30", "steps: 30\n    criterion: {floor: 0.99}")))
    (others,) = names(write(("steps: 30", "steps: 30\n    criterion: {ceiling: 9}")))
    assert strict == names(write())[0]
    assert others != strict  # the search aims at another image


def test_no_model_has_the_name_of_pixel_searches(write):
    path = write(("steps: 30", "steps: 30\n    pixel_search: true"))
    with pytest.raises(
        InputError,
        match=r"study.yaml:\d+: models.pixels: images of the pixel search of 'shape' are recorded "
        r"under 'pixels', so no model can have that name; give the model another",
    ):
        read_study(path)


def test_a_pixel_search_is_one_for_each_target_and_seed_whatever_the_models(write):
    path = write(
        ("    network: pixels\n", "    network: pixels\n  lite: {network: efficientnet_lite0}\n"),
        ("  pixels:\n", "  screen:\n"),
        ("steps: 30", "steps: 30\n    pixel_search: true\n    seeds: [1, 2]"),
    )
    runs = resolve_all(read_study(path))
    pixel = [run for run in runs if run.spec.is_pixel_search]
    assert [run.spec.label for run in pixel] == ["ball-pixel-shape-s1", "ball-pixel-shape-s2"]
    assert {(run.search.loss, run.model.network, run.model.front_end.blur) for run in pixel} == {
        ("l1", "pixels", 0.0)
    }
    assert len(runs) == 6
    assert {run.spec.family for run in runs} == {"ball-shape"}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{lights: [moon]}", r"series.lights.*no light is called 'moon'; .*known: own, studio"),
        ("{lights: [own, own]}", "own is named more than once"),
        ("{lights: [{A: {kind: constant}}]}", "'A' cannot name a file or folder"),
        ("{noise_seeds: 2}", r"noise_seeds: 2 is not allowed; use a whole number from 3 to 1000"),
        ("{kind: interpolate}", r"kind.*'interpolat"),
        ("{level: 3}", r"unknown key 'level'; did you mean 'levels'"),
    ],
)
def test_a_series_that_is_not_allowed_is_refused_in_one_line(write, section, message):
    path = write(("searches:\n", f"series: {section}\nsearches:\n"))
    with pytest.raises(InputError, match=message):
        read_study(path)


def test_a_lighting_search_has_no_other_light(write):
    path = write(WITH_SERIES, ("attributes: [shape]\n", "attributes: [shape, lighting]\n"))
    with pytest.raises(
        InputError, match=r"series.lights: the search 'shape' changes the lighting, so its series"
    ):
        read_study(path)


@pytest.mark.parametrize("at", ["[20, 10]", "[30]"])
def test_a_shape_is_remeshed_in_the_course_of_its_search(write, at):
    path = write(WITH_SERIES, ("steps: 30", f"steps: 30\n    remeshing: {{at: {at}}}"))
    match = r"searches.shape.remeshing.at: .* has to grow and to stay below steps \(30\)"
    with pytest.raises(InputError, match=match):
        read_study(path)


def test_a_remeshed_shape_is_not_interpolated(write):
    path = write(WITH_SERIES, ("steps: 30", "steps: 30\n    remeshing: {at: [10]}"))
    with pytest.raises(
        InputError, match=r"searches.shape.remeshing: .*series: \{kind: trajectory\}"
    ):
        read_study(path)


def test_cameras_and_topology_are_looked_at_when_the_study_is_resolved(write):
    path = write(("searches:\n", "series: {cameras: [c7]}\nsearches:\n"))
    with pytest.raises(InputError, match=r"series of searches.shape on targets.ball: no camera"):
        resolve_all(read_study(path))
    path = write(WITH_SERIES, ("seed: 1, subdivisions: 2", "seed: 1, subdivisions: 3"))
    with pytest.raises(InputError, match="no interpolation between meshes of different topology"):
        resolve_all(read_study(path))


def test_families_of_one_name_are_refused(write):
    path = write(
        ("  ball:\n", "  a-b:\n    shape: {kind: sphere}\n  a:\n"),
        ("  shape:\n    attr", "  c: {attributes: [material]}\n  b-c:\n    attr"),
    )
    with pytest.raises(InputError, match=r"two families would both be called a-b-c"):
        grid(read_study(path))
