"""Searches of an object or a lamp by name: what a study file accepts, and starts and nulls."""

import numpy as np
import pytest

from mrd.criterion.null_scenes import null_scenes
from mrd.rendering.representation import represented, start_scene
from mrd.search.controls import control_scenes
from mrd.study.image_plan import inputs_of_family
from mrd.study.resolved_study import resolve_study
from mrd.study.study import read_study, resolve_all
from mrd.workflow.build_set import check_parts_differ
from scenes.base.errors import InputError
from scenes.differences import scene_difference
from scenes.lamps import strength
from scenes.scene_files import write_scene
from tests.small_study import VASE, write_study

ROOM = VASE | {
    "surroundings": ["ground"],
    "objects": {
        "ball": {"shape": {"kind": "sphere", "subdivisions": 1, "radius": 0.2},
                 "pose": {"translation": [1.4, 0, 0]}}
    },
    "lamps": {"key": {"kind": "sphere", "place": [2, 3, 2], "radiance": [10, 20, 30]},
              "sun": {"kind": "sun"}},
}  # fmt: skip
BESIDE = {"pose": {"translation": [1.6, 0.2, 0]}}
LAMP = {"attributes": ["lighting"], "lamp": "key", "lamp_parameters": ["strength", "place", "size"]}


def runs_of(folder, target=ROOM, **searches):
    write_study(folder, targets={"room": target}, searches=searches)
    return resolve_all(read_study(folder))


def test_a_search_changes_the_object_that_it_names(tmp_path):
    first, ball, floor = runs_of(
        tmp_path,
        own={"attributes": ["material"]},
        ball={"attributes": ["pose"], "object": "ball", "start": BESIDE},
        floor={"attributes": ["material"], "object": "ground"},
    )
    assert (first.target.object, ball.target.object, floor.target.object) == (
        "object", "ball", "ground",
    )  # fmt: skip
    assert ball.target.shape.radius == 0.2
    assert list(ball.target.others) == ["object", "ground"]
    assert len({run.name for run in (first, ball, floor)}) == 3


def test_targets_of_a_study_have_their_own_first_object(tmp_path):
    runs_of(tmp_path, floor={"attributes": ["material"], "object": "ground"})
    assert resolve_study(read_study(tmp_path)).targets["room"].object == "object"


LIGHT, SUN = {"attributes": ["lighting"]}, {"lighting": {"kind": "sun"}}


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"attributes": ["pose"], "object": "bal"}, "no object is called 'bal'; did you mean 'ba"),
        (LIGHT | {"lamp": "kay"}, "no lamp is called 'kay'; did you mean 'key'"),
        ({"attributes": ["pose"], "lamp": "key"}, "lamp: only with lighting among the attributes"),
        (LIGHT | {"lamp_parameters": ["size"]}, "lamp_parameters: only with lamp: NAME"),
        (LAMP | {"start": SUN}, "start.lighting is of kind sun, and"),
        (LIGHT | {"start": SUN}, "lighting: a lamp is only possible together with lamp: NAME"),
        (LAMP | {"lamp": "sun"}, "lamp 'sun' of kind sun has no size"),
    ],
)
def test_wrong_names_are_refused_before_any_work(tmp_path, search, message):
    with pytest.raises(InputError, match=message):
        runs_of(tmp_path, wrong=search)


def test_defaults_of_searches_without_names_keep_their_hash(tmp_path):
    (run,) = runs_of(tmp_path, target=VASE, own={"attributes": ["material"]})
    assert not {"object", "lamp", "lamp_parameters"} & set(run.record["search"])


def test_a_lamp_starts_grey_turned_and_large(tmp_path):
    (run,) = runs_of(tmp_path, lamp=LAMP)
    target = represented(run.target, run.search)
    start = start_scene(target, run.starts, run.search)
    assert strength(start.lighting).tolist() == [40, 40, 40]
    assert start.lighting.radius == 2 * target.lighting.radius
    assert start.lighting.place[1] == 3
    assert np.hypot(*np.array(start.lighting.place)[[0, 2]]) == pytest.approx(np.hypot(2, 2))
    assert start.lamps == target.lamps
    assert start.film.background == target.film.background


def test_a_lamp_starts_where_the_study_says(tmp_path):
    given = {"lighting": {"kind": "sphere", "place": [0, 5, 0], "radiance": 1, "radius": 0.3}}
    (run,) = runs_of(tmp_path, lamp=LAMP | {"start": given, "lamp_parameters": ["place"]})
    start = start_scene(represented(run.target, run.search), run.starts, run.search)
    assert start.lighting.place == (0, 5, 0)
    assert start.lighting.radiance == (10, 20, 30)


def test_null_lamps_differ_in_the_searched_parameters_alone(tmp_path):
    (run,) = runs_of(tmp_path, lamp=LAMP | {"lamp_parameters": ["place"], "criterion": {"null": 9}})
    target = represented(run.target, run.search)
    lamps = [scene.lighting for scene in null_scenes(target, run.search, seed=1)]
    assert len({lamp.place for lamp in lamps}) == 9
    for lamp in lamps:
        assert lamp.model_copy(update={"place": target.lighting.place}) == target.lighting
        assert lamp.place[1] > 0
        assert np.linalg.norm(lamp.place) == pytest.approx(np.sqrt(17), rel=1e-6)


def test_controls_of_a_lamp_are_as_far_as_wanted(tmp_path):
    (run,) = runs_of(tmp_path, lamp=LAMP)
    target = represented(run.target, run.search)
    wanted = [{"lighting": 0.2}, {"lighting": 0.6}]
    rng = np.random.default_rng(3)
    for scene, want in zip(
        control_scenes(target, run.search, wanted, [0.0, 0.0], rng, sampling=1), wanted, strict=True
    ):
        found = scene_difference(target, scene, ["lighting"], rng)["lighting"]["rms_log_radiance"]
        assert found == pytest.approx(want["lighting"], rel=0.01)


def test_environment_is_the_name_of_the_light_around_the_scene(tmp_path):
    named, default = runs_of(
        tmp_path, named=LIGHT | {"lamp": "environment"}, default={"attributes": ["lighting"]}
    )
    assert named.target == default.target
    start = start_scene(represented(named.target, named.search), named.starts, named.search)
    assert start.lighting.kind == "constant"
    with pytest.raises(InputError, match="lamp_parameters: only with lamp: NAME"):
        runs_of(tmp_path, wrong=LIGHT | {"lamp": "environment", "lamp_parameters": ["place"]})


@pytest.mark.parametrize("lamp", [{"kind": "point", "place": [0, 3, 0]}, {"kind": "sun"}])
@pytest.mark.parametrize("parameters", [["strength"], ["place"]])
def test_the_default_start_differs_from_the_target(tmp_path, lamp, parameters):
    room = ROOM | {"lamps": {"key": lamp}}
    (run,) = runs_of(tmp_path, room, lamp=LAMP | {"lamp_parameters": parameters})
    target = represented(run.target, run.search)
    start = start_scene(target, run.starts, run.search)
    found = scene_difference(target, start, ["lighting"], np.random.default_rng(1))
    assert found["lighting"]["rms_log_radiance"] > 0.5


def test_images_of_a_family_depend_on_what_is_searched_of_a_lamp(tmp_path):
    series = {"levels": 2, "samples": 16}
    write_study(
        tmp_path,
        targets={"room": ROOM},
        series=series,
        searches={
            "one": LAMP | {"lamp_parameters": ["strength"]},
            "two": LAMP | {"lamp_parameters": ["place"]},
            "floor": {"attributes": ["material"], "object": "ground"},
        },
    )
    inputs = [inputs_of_family(run)["search"] for run in resolve_all(read_study(tmp_path))]
    assert inputs[0] != inputs[1]
    assert inputs[2]["object"] == "ground"


def test_null_lamps_stay_in_their_room(tmp_path):
    box = VASE | {"surroundings": ["cornell"], "lighting": {"kind": "constant", "radiance": 0}}
    search = LIGHT | {
        "lamp": "cornell_lamp",
        "lamp_parameters": ["place"],
        "criterion": {"null": 20},
    }
    (run,) = runs_of(tmp_path, box | {"cameras": VASE["cameras"] | {"count": 1, "held_out": 0,
                     "distance": 8.0}}, lamp=search)  # fmt: skip
    half = 2.2  # half of a side of the box
    for scene in null_scenes(represented(run.target, run.search), run.search, seed=1):
        x, _, _ = scene.lighting.place
        assert abs(x) < half


def test_a_scene_that_a_lamp_search_wrote_is_a_target_of_its_environment(tmp_path):
    (run,) = runs_of(tmp_path, lamp=LAMP)
    write_scene(run.target, tmp_path / "lit")
    again = {"scene": "lit/scene.json", "lighting": {"kind": "constant", "radiance": 2.0}}
    (run,) = runs_of(tmp_path, again, light={"attributes": ["lighting"]})
    assert run.target.light == "environment"
    assert run.target.lighting.radiance == (2, 2, 2)
    assert set(run.target.lamps) == {"key", "sun"}


def test_a_black_environment_is_not_searched_beside_lamps(tmp_path):
    dark = ROOM | {"lighting": {"kind": "constant", "radiance": 0}}
    message = r"the light of the environment is black; name one of the lamps: lamp: key"
    with pytest.raises(InputError, match=message):
        runs_of(tmp_path, dark, light={"attributes": ["lighting"]})
    runs_of(tmp_path, dark, light={"attributes": ["lighting"], "lamp": "key"})


def test_a_wrong_name_is_reported_with_file_and_key(tmp_path):
    with pytest.raises(InputError, match=r"study\.yaml: searches\.a\.object: no object is called"):
        runs_of(tmp_path, a={"attributes": ["pose"], "object": "bal"})


def test_searches_of_two_objects_are_not_put_into_one_set(tmp_path):
    searches = {
        "paint": {"attributes": ["material"]},
        "floor": {"attributes": ["material"], "object": "ground"},
    }
    write_study(tmp_path, targets={"room": ROOM}, searches=searches, series={"levels": 2})
    message = r"searches paint and floor both change material of target 'room', one of the first"
    with pytest.raises(InputError, match=message):
        check_parts_differ(read_study(tmp_path))
    one = {"one": searches["floor"], "two": searches["floor"] | {"steps": 9}}
    write_study(tmp_path, targets={"room": ROOM}, searches=one, series={"levels": 2})
    check_parts_differ(read_study(tmp_path))
