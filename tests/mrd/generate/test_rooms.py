"""Runs that change a further object or a lamp, from the study file to the scored result."""

import json

import pytest

from mrd.rendering import backend
from mrd.study.resolved_study import resolve_study
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study
from scenes.scene_files import read_scene
from tests.silent import Silent
from tests.small_study import VASE, write_study

ROOM = VASE | {
    "surroundings": {"ground": {}},
    "objects": {
        "ball": {"shape": {"kind": "sphere", "subdivisions": 1, "radius": 0.4},
                 "pose": {"translation": [1.5, -0.5, 0.2]}}
    },
    "lamps": {"key": {"kind": "sphere", "place": [2, 3, 2], "radiance": 40, "radius": 0.4}},
    "cameras": {"kind": "ring", "count": 2, "held_out": 1, "resolution": 16, "elevation": 30},
}  # fmt: skip
FAST = {
    "steps": 4,
    "save_every": 2,
    "samples": {"primal": 4, "score": 16},
    "criterion": {"null": 2, "ceiling": 2},
}
SEARCHES = {
    "ball": {"attributes": ["pose"], "object": "ball",
             "start": {"pose": {"translation": [1.6, -0.4, 0.3]}}},
    "lamp": {"attributes": ["lighting"], "lamp": "key",
             "lamp_parameters": ["strength", "place", "size"]},
    "floor": {"attributes": ["material"], "object": "ground", "mode": "diverge", "restarts": 1,
              "material_parameters": ["base_color"]},
    "far": {"attributes": ["lighting"], "lamp": "key", "mode": "diverge", "restarts": 1,
            "lamp_parameters": ["place"]},
    "both": {"attributes": ["shape", "pose"], "object": "ball", "remeshing": None,
             "start": {"pose": {"translation": [1.5, -0.5, 0.2]}}},
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return search → directory of its finished run."""
    backend.activate()
    from mrd.generate import one_run

    folder = tmp_path_factory.mktemp("rooms")
    searches = {name: FAST | keys for name, keys in SEARCHES.items()}
    write_study(folder, targets={"room": ROOM}, searches=searches)
    study = read_study(folder)
    found = {}
    for run in resolve_study(study).runs:
        one_run.make(run, study.runs, "cpu", Silent())
        found[run.spec.search] = RunDirectory(study.runs / run.name)
    return found


def scenes_of(directory):
    return [
        read_scene(directory.path / each / "scene.json") for each in ("target", "start", "result")
    ]


@pytest.mark.parametrize("search", SEARCHES)
def test_every_search_is_scored(runs, search):
    directory = runs[search]
    assert directory.status() == "done"
    assert directory.judgement()["verdict"] in ("metamer", "result")


def test_only_the_named_object_changes(runs):
    target, start, result = scenes_of(runs["ball"])
    assert target.object == result.object == "ball"
    assert result.others == target.others == start.others
    assert result.pose not in (target.pose, start.pose)
    assert result.shape == target.shape


def test_the_score_names_the_object_and_its_contacts(runs):
    found = runs["ball"].judgement()
    assert found["object"] == "ball"
    assert [each["object"] for each in found["contacts"]] == ["object", "ground"]
    assert "light" not in found


def test_only_the_named_lamp_changes(runs):
    target, start, result = scenes_of(runs["lamp"])
    assert result.light == "key"
    assert result.lamps == target.lamps
    for key in ("place", "radius", "radiance"):
        values = [getattr(each.lighting, key) for each in (target, start, result)]
        assert len(set(values)) == 3, key
    assert runs["lamp"].judgement()["light"] == "key"


def test_a_search_away_from_the_target_moves_a_lamp_or_paints_the_ground(runs):
    for search, attribute in (("far", "lighting"), ("floor", "material")):
        reach = runs[search].judgement()["reach"]
        assert reach["control"] is not None
        target, _, result = scenes_of(runs[search])
        assert getattr(result, attribute) != getattr(target, attribute) or reach["distance"] == 0


def test_shape_and_pose_of_an_object_are_searched_together(runs):
    target, start, result = scenes_of(runs["both"])
    assert result.pose != start.pose
    assert result.shape != start.shape
    assert result.others == target.others


def test_the_record_names_object_lamp_and_bounces(runs):
    record = json.loads((runs["ball"].path / "run.json").read_text())
    assert record["resolved"]["search"]["object"] == "ball"
    assert "lamp" not in record["resolved"]["search"]
    record = json.loads((runs["lamp"].path / "run.json").read_text())
    assert record["resolved"]["search"]["lamp"] == "key"
