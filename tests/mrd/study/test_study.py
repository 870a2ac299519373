"""The study file: what is read, and what is refused with which message."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from ruamel.yaml import YAML

from mrd.study.study import Study, grid, read_study, resolve_all
from scenes.base.errors import InputError
from scenes.shape import Blob, Sphere
from tests.mrd.study.ball_study import BALL
from tests.paths import ROOT

# ---- What is read ------------------------------------------------------------------------------


def test_a_study_is_read_from_its_file(write, tmp_path):
    study = read_study(write())
    assert (study.name, study.seed) == ("demo", 7)
    assert study.targets["ball"].shape == Sphere(subdivisions=2)
    assert study.models["pixels"].network == "pixels"
    assert study.searches["shape"].start.shape == Blob(seed=1, subdivisions=2)
    assert study.searches["shape"].steps == 30
    assert study.folder == tmp_path
    assert study.runs == tmp_path / "runs"


def test_a_folder_can_be_given_in_place_of_its_study(write, tmp_path):
    assert read_study(write()) == read_study(tmp_path)


def test_a_study_survives_being_written_as_json(write):
    study = read_study(write())
    again = Study.model_validate_json(study.model_dump_json()).in_folder(study.folder)
    assert again == study
    assert [run.name for run in resolve_all(again)] == [run.name for run in resolve_all(study)]


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*/study.yaml")), ids=str)
def test_every_study_of_the_project_is_valid(path):
    assert grid(read_study(path))


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
        ("steps: 30", "steps: -3",
         "15: searches.shape.steps: -3 is not allowed; use a whole number from 1 to 100000"),
        ("steps: 30", "steps: many",
         "15: searches.shape.steps: 'many' is not allowed; use a whole number from 1 to 100000"),
        ("steps: 30", "steps: true",
         "15: searches.shape.steps: true is not allowed; use a whole number from 1 to 100000"),
        ("seed: 7", "seed: 1.5",
         "2: seed: 1.5 is not allowed; use a whole number from 0 to 2147483647"),
        ("seed: 7", "seed: 7\nmodel: {}",
         "3: model: unknown key 'model'; did you mean 'models'? allowed: name, seed, targets, "
         "models, searches, series, stimuli, experiment, analysis, fisher"),
        ("network: pixels", "netwrk: pixels",
         "9: models.pixels.netwrk: unknown key 'netwrk'; did you mean 'network'? allowed: "
         "network, layers, guides, weights, front_end (and 1 more)"),
        ("network: pixels", "network: pixels\n    front_end:\n      blur: 30",
         "11: models.pixels.front_end.blur: 30 is not allowed; use a number from 0 to 20"),
        ("network: pixels", "network: pixels\n    layers: conv1",
         "10: models.pixels.layers: 'conv1' is not allowed; use a list of at least one item, "
         "each text or a mapping (lines of 'key: value')"),
        ("network: pixels", "network: pixels\n    layers: {pixels: 0}",
         "10: models.pixels.layers.pixels: 0 is not allowed; use a number above 0 and at most "
         "1000000"),
        ("network: pixels", "network: pixels\n    front_end: {contrast: 0}",
         "10: models.pixels.front_end.contrast: 0 is not allowed; use a number above 0 and at "
         "most 1"),
        ("[shape]", "[shap]",
         "12: searches.shape.attributes[0]: 'shap' is not allowed; did you mean 'shape'? use "
         "shape, material, lighting or pose"),
        ("[shape]", "[]",
         "12: searches.shape.attributes: an empty list is not allowed; use a list of at least "
         "one item, each shape, material, lighting or pose"),
        ("{kind: blob, seed: 1", "{kind: blop, seed: 1",
         "14: searches.shape.start.shape: kind 'blop' is not allowed; did you mean 'blob'? use a"
         " mapping with kind: sphere, blob or mesh"),
        ("{kind: blob, seed: 1", "{seed: 1",
         "14: searches.shape.start.shape: 'kind' is missing; use a mapping with kind: sphere, "
         "blob or mesh"),
        ("{kind: blob, seed: 1", "{kind: blob",
         "14: searches.shape.start.shape.seed: is missing; use a whole number"),
        ("{kind: blob, seed: 1", "{kind: blob, seed: 1, amplitude: 9",
         "14: searches.shape.start.shape.amplitude: 9 is out of range; allowed: 0 to 2"),
        ("steps: 30", "learning_rate: {shape: 0}",
         "15: searches.shape.learning_rate.shape: 0 is not allowed; use a number above 0 and at "
         "most 10"),
        ("steps: 30", "start2: 1",
         "15: searches.shape.start2: unknown key 'start2'; did you mean 'start'? allowed: "
         "attributes, mode, goal, object, lamp, lamp_parameters, label, start, targets, models, "
         "steps, views_per_step, loss, optimiser, learning_rate, margin, schedule, "
         "early_stopping, restarts, remeshing, smoothness, soft_start, regularisers, "
         "material_parameters, texture_resolution, textured_parameters, environment_height, "
         "environment_smoothness, sky_parameters, samples, criterion, save_every, seeds, "
         "series, pixel_search"),
        ("steps: 30", "steps: -1\n    save_every: 0\n    seeds: [x]",
         "15: searches.shape.steps: -1 is not allowed; use a whole number from 1 to 100000 (and "
         "2 more)"),
        ("attributes: [shape]", "attributes: [material]",
         "14: searches.shape.start.shape: this search changes material alone; remove this start,"
         " or add shape to attributes"),
        ("steps: 30", "targets: [ball, bal]",
         "15: searches.shape.targets[1]: there is no 'bal' among the targets; did you mean "
         "'ball'? known: ball"),
        ("steps: 30", "models:\n      - resnet",
         "16: searches.shape.models[0]: there is no 'resnet' among the models; known: pixels"),
        ("  ball:", "  Ball:",
         "4: targets.Ball: 'Ball' cannot name a file or folder; use at most 40 lower-case "
         "letters, digits, '_' and '-', with a letter or digit first"),
        ("    shape: {kind: sphere, subdivisions: 2}",
         "    material: {roughness: 7}\n    scene: bunny",
         "5: targets.ball.material.roughness: 7 is out of range; allowed: 0 to 1"),
        ("    shape: {kind: sphere, subdivisions: 2}", "    material: mat\n    scene: bunny",
         "5: targets.ball.material: no material is called 'mat'; did you mean 'matte'? known: "
         "matte, glossy_plastic, brushed_metal, translucent"),
        ("name: demo\n", "",
         "1: name: is missing; use text"),
        ("name: demo", "name: 2024",
         "1: name: 2024 is not allowed; use text"),
        ("name: demo", "name: demo\nname: more",
         "2: name: named twice (first in line 1); keep one of them"),
        ("    network: pixels", "",
         "8: models.pixels: nothing (null) is not allowed; use a mapping (lines of 'key: value')"),
        ("seed: 7", "- 7",
         "2: broken YAML: expected <block end>, but found '-'; check colons, quotes, brackets "
         "and indentation in this line and the one before"),
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
    """Replace the value at a place, and create the mappings around it."""
    if not place:
        return value
    content = dict(content) if isinstance(content, dict) else {}
    return content | {place[0]: put(content.get(place[0]), place[1:], value)}


@given(place=st.sampled_from(PLACES), value=VALUES)
def test_any_value_at_any_place_is_accepted_or_refused_in_one_line(tmp_path_factory, place, value):
    path = tmp_path_factory.mktemp("fuzz") / "study.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(put(YAML(typ="safe").load(BALL), place, value), file)
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

STEPS = "    steps: 30\n"
SERIES = "series: {lights: [own, studio]}\n"


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
def test_a_series_that_is_not_allowed_is_refused(write, section, message):
    path = write(("searches:\n", f"series: {section}\nsearches:\n"))
    with pytest.raises(InputError, match=message):
        read_study(path)


@pytest.mark.parametrize(
    ("remeshing", "kind"), [("null", "interpolation"), ("{at: [10]}", "trajectory")]
)
def test_a_search_that_remeshes_has_a_trajectory_by_default(write, remeshing, kind):
    study = read_study(
        write(
            ("searches:\n", f"{SERIES}searches:\n"), (STEPS, f"{STEPS}    remeshing: {remeshing}\n")
        )
    )
    assert study.series_of("shape").kind == kind


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[shape]", "[shape, lighting]",
         "series.lights: the search 'shape' changes the lighting, so its series"),
        (STEPS, f"{STEPS}    remeshing: {{at: [20, 10]}}\n",
         r"searches.shape.remeshing.at: .* has to grow and to stay below steps \(30\)"),
        (STEPS, f"{STEPS}    remeshing: {{at: [30]}}\n",
         r"searches.shape.remeshing.at: .* has to grow and to stay below steps \(30\)"),
        (STEPS, f"{STEPS}    remeshing: {{at: [10]}}\n    series: {{kind: interpolation}}\n",
         r"searches.shape.remeshing: .*series: \{kind: trajectory\}"),
        (STEPS, f"{STEPS}    pixel_search: true\n",
         r"study.yaml:\d+: models.pixels: the name 'pixels' is reserved for images of the pixel "
         "search of 'shape'; rename the model"),
    ],
)  # fmt: skip
def test_a_search_that_does_not_fit_the_series_or_the_models_is_refused(write, old, new, message):
    path = write(("searches:\n", f"{SERIES}searches:\n"), (old, new))
    with pytest.raises(InputError, match=message):
        read_study(path)


# ---- Experiment ---------------------------------------------------------------------------------

FEW = "series: {levels: 1}\n"


@pytest.mark.parametrize(
    ("series", "own", "place"),
    [
        (FEW, "", "series.levels"),
        ("series: {levels: 4}\n", "    series: {levels: 1}\n", "searches.shape.series.levels"),
        ("", "    series: {levels: 1}\n", "searches.shape.series.levels"),
    ],
)
def test_an_experiment_needs_enough_levels(write, series, own, place):
    changes = ("searches:\n", f"{series}experiment: {{}}\nsearches:\n"), (STEPS, STEPS + own)
    with pytest.raises(InputError, match=rf"study.yaml:\d+: {place.replace('.', '[.]')}: 1 is too"):
        read_study(write(*changes))


@pytest.mark.parametrize(
    ("series", "experiment"),
    [
        ("{levels: 2}", "experiment: {}\n"),
        ("{levels: 1}", ""),
        ("{levels: 1}", "experiment: {attributes: [pose]}\n"),
        ("{levels: 1}", "experiment: {targets: [other]}\n"),
        ("{levels: 1}", "experiment: {models: [other]}\n"),
    ],
)
def test_levels_matter_only_for_searches_that_the_experiment_shows(write, series, experiment):
    read_study(write(("searches:\n", f"series: {series}\n{experiment}searches:\n")))
