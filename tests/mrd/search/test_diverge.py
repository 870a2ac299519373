"""`mode: diverge`: the search leaves its target as far as the match allows, and no farther."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from mrd.criterion.bench import Bench, display_images
from mrd.criterion.criterion import measures
from mrd.criterion.similarity import pearson
from mrd.generate import one_run
from mrd.models import registry
from mrd.models.classifier import LOGITS, Classifier
from mrd.rendering.representation import form_of_family, represented, start_scene
from mrd.rendering.stage import Stage
from mrd.search.directions import draw_direction
from mrd.search.distance_from_target import distance_from_target
from mrd.search.diverge import (
    LEAST_UNIT,
    LOSS_OF_LEAD,
    PACE,
    STEP_MARGIN,
    Diverge,
    correlation,
)
from mrd.search.diverge_result import widest_metamer
from mrd.search.insensitive import MOST
from mrd.search.loop import Search
from mrd.search.step import StepActivations
from mrd.search.variables.build import build_variables
from mrd.study.checkpoint import SearchState, read_state, write_state
from mrd.study.model_section import ModelConfig
from mrd.study.resolved_run import search_record
from mrd.study.run_directory import RunDirectory
from mrd.study.search_groups import EarlyStopping, Samples
from mrd.study.search_section import MARGIN, SearchConfig
from mrd.study.study import read_study, resolve_all
from scenes.arrays import Picture
from scenes.base.errors import InputError
from scenes.camera import Ring, cameras
from scenes.differences import MAP_HEIGHT, scene_difference
from scenes.film import Film
from scenes.lighting import EnvironmentMap
from scenes.material import Material
from scenes.pose import Pose
from scenes.shape import Blob, Sphere, geometry
from tests.silent import Silent
from tests.small_study import FAST, VASE, write_study

TARGET = {
    "shape": Blob(seed=3, subdivisions=2),
    "material": Material(base_color=(0.7, 0.25, 0.4), roughness=0.5),
    "film": Film(exposure=0.6, background=0.3),
    "cameras": Ring(count=3, resolution=24),
    "pose": Pose(rotation=(0, 20, 0), translation=(0.1, 0, 0)),
}
NULL = np.array([0.6, 0.65, 0.7])


class Away:
    """A search on pixels away from a small target, and the similarity of scenes to the target."""

    def __init__(self, small, attribute, steps=60, samples=16, network="pixels", **changes):
        self.config = SearchConfig(
            mode="diverge",
            attributes=(attribute,),
            steps=steps,
            samples=Samples(primal=samples, adjoint=4, boundary=2048),
            **{"restarts": 1, **changes},
        )
        self.target = represented(small(**TARGET), self.config)
        model = registry.create(ModelConfig(network=network))
        self.bench = Bench(model, form_of_family(self.config, self.target))
        self.views = cameras(self.target.cameras)
        self.wanted = self._activations(self.target, 0)
        self.prepared = []  # calls of progress

    def search(self, seed=1, state=None):
        start = start_scene(self.target, {}, self.config)
        assert start == self.target
        rng = np.random.default_rng(seed)
        progress = lambda *call: self.prepared.append(call)  # noqa: E731
        mode = Diverge(NULL, self.r(self.target), [None] * 3, progress, state)
        return Search(start, self.wanted, self.views, self.bench, self.config, rng, mode)

    def r(self, scene):
        """Return Pearson's r with the target at every camera, with other noise."""
        return measures(self.wanted, self._activations(scene, 1))["pearson"]

    def match(self, scene):
        """Return the least match of the cameras."""
        return float(((self.r(scene) - NULL) / (self.r(self.target) - NULL)).min())

    def far(self, scene):
        found = scene_difference(
            self.target, scene, self.config.attributes, np.random.default_rng(1)
        )
        return found[self.config.attributes[0]]

    @torch.no_grad()
    def _activations(self, scene, noise):
        images = display_images(self.bench.stage(scene), self.views, 144, noise)
        return self.bench.model.activations(images)


# ---- Results -------------------------------------------------------------------------------------


def test_a_pose_turns_as_far_as_the_match_allows_and_no_farther(small):
    away = Away(small, "pose", samples=4)
    search = away.search()
    for _ in search.steps():
        pass
    candidate = search.mode.places[0]
    found = search.mode.scene_at(search, candidate)
    angle = away.far(found)["angle"]
    assert angle == pytest.approx(candidate.distance, rel=1e-3)
    assert away.far(search.mode.scene_at(search, candidate, 0.5))["angle"] == pytest.approx(
        angle / 2, rel=1e-3
    )
    search.mode.scene_at(search, candidate)
    assert angle > 2
    # Of four samples a pixel: what a step's noise costs is no distance lost.
    assert away.match(found) == pytest.approx(0.9 + MARGIN + STEP_MARGIN, abs=0.015)
    vector = search.moving.variables[0].tensors["rotation"]
    with torch.no_grad():
        vector.mul_(2)
    assert away.far(search.scene())["angle"] == pytest.approx(2 * angle, rel=1e-3)
    assert away.match(search.scene()) < 0.85


def test_a_shape_keeps_its_faces_and_moves(small):
    away = Away(small, "shape", steps=12)
    search = away.search()
    for _ in search.steps():
        pass
    found = search.mode.scene_at(search, search.mode.places[0])
    np.testing.assert_array_equal(geometry(found.shape).faces, geometry(away.target.shape).faces)
    assert away.far(found)["chamfer"] > 0.001


def test_a_shape_starts_with_what_the_model_notices_least(small):
    """The start before the first step: farther for its loss of match than random changes are."""
    away = Away(small, "shape", steps=12, restarts=2)

    def loss_per_square(scene):
        return (1 - away.match(scene)) / measure(scene) ** 2

    search = away.search()
    direction = [
        draw_direction("shape", away.target, away.config, np.random.default_rng(seed))
        for seed in range(4)
    ]

    def measure(scene):
        variables = build_variables(away.target, away.config, "cpu", away.bench.form)
        distance = distance_from_target(away.target, variables[0])
        variables[0].set_vertices(geometry(scene.shape).vertices)
        return float(distance().detach())

    first = search.scene()
    assert 0.005 < measure(first) <= MOST * (1 + 1e-4)
    assert away.match(first) > 0.9
    random = [away.target.model_copy(update={"shape": each(0.5)}) for each in direction]
    assert loss_per_square(first) < 0.7 * min(map(loss_per_square, random))
    search.finished = 12
    search.mode.return_to_target(search, PACE)
    opposite = geometry(search.scene().shape).vertices
    target = geometry(away.target.shape).vertices
    np.testing.assert_allclose(
        opposite - target, target - geometry(first.shape).vertices, atol=1e-5
    )


def test_the_class_is_part_of_the_condition_where_it_counts(small):
    away = Away(small, "pose", network="efficientnet_lite0")
    model, layer = Classifier(away.bench.model), away.bench.model.layers[0]
    bench = replace(away.bench, model=model)
    with torch.no_grad():
        wanted = model.activations(display_images(bench.stage(away.target), away.views, 144, 0))
    classes = wanted[LOGITS].argmax(dim=1).tolist()
    counted = [classes[0], None, classes[2]]
    mode = Diverge(NULL, np.ones(3), counted)
    config, rng = away.config, np.random.default_rng(1)
    Search(away.target, wanted, away.views, bench, config, rng, mode, scored=[layer])

    def violation(change):
        """Return the condition when the logits of the target's classes are changed."""
        logits = wanted[LOGITS].clone()
        logits[range(3), classes] += change
        rendered = wanted | {LOGITS: logits}
        return mode.condition(StepActivations(rendered, wanted, None, [0, 1, 2])).numpy()

    best, second = wanted[LOGITS].topk(2, dim=1).values.T
    lead = (best - second).numpy()
    by_match = violation(5.0)
    assert by_match.max() < 0
    far = violation(-20.0)
    assert far[1] == by_match[1]
    # The noise of a step changes the lead of the target too: by less than half a logit.
    expected = (20 - LOSS_OF_LEAD * lead) / np.maximum(lead, LEAST_UNIT)
    np.testing.assert_allclose(far[[0, 2]], expected[[0, 2]], atol=0.5 / LEAST_UNIT)


def test_a_resumed_search_ends_where_an_uninterrupted_one_does(small):
    away = Away(small, "pose", steps=6, restarts=2)
    whole, first, second = away.search(), away.search(), away.search(seed=9)
    ends = [step.s for step in whole.steps()]
    steps = first.steps()
    for _ in range(8):
        next(steps)
    second.resume(first.state())
    rest = [step.s for step in second.steps()]
    np.testing.assert_allclose(rest, ends[8:], atol=1e-4)
    ends, rest = whole.mode.places, second.mode.places
    assert set(ends) == set(rest) == {0, 1}
    for start, candidate in ends.items():
        assert rest[start].distance == pytest.approx(candidate.distance, rel=1e-3)


def changed(away, search):
    """Return the displacements of a shape."""
    return geometry(search.scene().shape).vertices - geometry(away.target.shape).vertices


def test_a_resumed_shape_search_computes_no_change_again(small):
    """Of a state of an earlier version, which has none, they are computed for the next start."""
    away = Away(small, "shape", steps=2, restarts=2, samples=4)
    whole = away.search()
    assert away.prepared[0] == ("smooth changes", 1, 60)
    assert away.prepared[-1] == ("smooth changes", 60, 60)
    first = changed(away, whole)
    whole.step()
    state = whole.state()
    whole.step()
    opposite = changed(away, whole)
    np.testing.assert_allclose(opposite, -first, atol=1e-5)

    def resumed(state):
        away.prepared = []
        search = away.search(seed=9, state=state)
        search.resume(state)
        assert away.prepared == []
        search.step()
        return search

    np.testing.assert_allclose(changed(away, resumed(state)), opposite, atol=1e-6)
    assert away.prepared == []
    arrays = {k: v for k, v in state.arrays.items() if not k.startswith("change.")}
    header = {k: v for k, v in state.header.items() if k != "change_losses"}
    search = resumed(SearchState(state.step, arrays, header))
    assert away.prepared[-1] == ("smooth changes", 60, 60)
    assert np.abs(changed(away, search)).max() > 1e-3
    assert "change.0" in search.state().arrays


def test_the_reach_is_that_of_the_widest_scene_that_passes(small):
    away = Away(small, "pose", steps=24, restarts=2)
    search = away.search()
    for _ in search.steps():
        pass
    far = {start: each.distance for start, each in search.mode.places.items()}
    nearer, farther = sorted(far, key=far.__getitem__)
    bound = 0.9 * far[nearer]  # both ends fail: the way back is halved

    again = 0.4 * far[nearer]

    def judge(scene):
        angle = away.far(scene)["angle"]
        return {
            "verdict": "metamer" if again < angle < bound else "result",
            "target_again": angle <= again,
            "physical_difference": {"pose": {"angle": angle}},
            "training": {"match": 0.9},
        }

    scene, reach = widest_metamer(search.mode, {}, search, judge, judge)
    for start, entry in enumerate(reach["starts"]):
        assert entry["verdict"] == "metamer"
        assert bound - far[start] / 2**6 <= entry["distance"] < bound
    assert reach["distance"] == max(each["distance"] for each in reach["starts"])
    assert away.far(scene)["angle"] == pytest.approx(reach["distance"])
    assert (reach["measure"], reach["bound"]) == ("angle", "lower")

    again = 0.9 * bound  # half way is the target again: too near, not too far
    _, reach = widest_metamer(search.mode, {}, search, judge, judge)
    assert all(again < entry["distance"] < bound for entry in reach["starts"])

    bound = (far[nearer] + far[farther]) / 2
    _, reach = widest_metamer(search.mode, {}, search, judge, judge)
    assert reach["starts"][nearer]["distance"] == pytest.approx(far[nearer], rel=1e-3)

    def confirm(scene):  # with its own noise the farther one fails
        met = judge(scene)
        is_near = met["physical_difference"]["pose"]["angle"] <= 1.001 * far[nearer]
        return met if is_near else met | {"verdict": "result"}

    bound, again = 1.1 * far[farther], 0.0
    scene, reach = widest_metamer(search.mode, {}, search, judge, confirm)
    assert reach["distance"] == pytest.approx(far[nearer], rel=1e-3)
    assert away.far(scene)["angle"] == pytest.approx(far[nearer], rel=1e-3)

    def fails(scene):
        return judge(scene) | {"verdict": "result"}

    scene, nothing = widest_metamer(search.mode, {}, search, fails, fails)
    assert nothing["distance"] is None
    assert away.far(scene)["angle"] >= 0.99 * far[nearer]  # a candidate, not the way back
    assert [each["verdict"] for each in nothing["starts"]] == ["result", "result"]


def test_a_start_that_never_met_the_condition_ends_with_what_passes_on_its_line(small):
    away = Away(small, "pose", steps=4, restarts=2)
    whole, resumed = away.search(), away.search(seed=9)
    for search in (whole, resumed):
        search.mode.slack = -1.0  # no round meets the condition
    steps = whole.steps()
    for _ in range(6):
        next(steps)
    assert whole.mode.places == {}
    assert set(whole.mode.ends) == {0}
    resumed.resume(whole.state())
    for search in (whole, resumed):
        for _ in search.steps():
            pass
    ends = [[end.distance for end in each.mode.ends.values()] for each in (whole, resumed)]
    np.testing.assert_allclose(*ends, rtol=1e-2)
    nearest, farthest = sorted(ends[0])
    assert nearest > 0

    def judge(scene):
        angle = away.far(scene)["angle"]
        return {
            "verdict": "metamer" if angle < 0.9 * farthest else "result",
            "target_again": False,
            "physical_difference": {"pose": {"angle": angle}},
            "training": {"match": 0.9},
        }

    mode = resumed.mode
    _, reach = widest_metamer(mode, mode.ends, resumed, judge, judge)
    assert 0.85 * farthest < reach["distance"] < 0.9 * farthest
    nothing = {"distance": None, "match": None, "verdict": "nothing alike was kept"}
    no_metamer = lambda scene: judge(scene) | {"verdict": "result"}  # noqa: E731
    _, reach = widest_metamer(mode, mode.ends, resumed, no_metamer, no_metamer)
    assert reach["starts"] == [nothing, nothing]
    _, reach = widest_metamer(mode, {}, resumed, judge, judge)  # a state of an earlier version
    assert reach["starts"] == [nothing, nothing]


def test_a_search_that_loses_its_match_returns_to_its_last_place(small):
    away = Away(small, "pose", steps=40)
    search = away.search()
    steps = search.steps()
    while 0 not in search.mode.places:
        next(steps)
    kept = search.mode.places[0]
    with torch.no_grad():
        search.moving.variables[0].tensors["rotation"].add_(1.5)
        search.moving.variables[0].tensors["translation"].add_(
            0.5
        )  # out of the middle: no match at all
    lost = search.mode.distance()
    for _ in range(4 * len(away.views)):
        next(steps)
        if search.mode.distance() < lost / 2:
            break
    farthest = max(kept.distance, search.mode.places[0].distance)
    assert search.mode.distance() < 1.5 * farthest
    assert search.state().header["constrained"]["pace"] < PACE


def test_without_room_for_a_match_nothing_is_begun(small):
    away = Away(small, "pose")
    away.r = lambda _: np.array([0.9, 0.9, 0.715])
    with pytest.raises(InputError, match=r"at camera c2, random scenes agree .* r = 0.700, its"):
        away.search()


PAINT = FAST | {
    "mode": "diverge",
    "steps": 12,
    "restarts": 2,
    "save_every": 5,
    "samples": {"primal": 16, "score": 36},
}


def write(folder, networks=None, **changes):
    """Write a study of one search with changed settings, and return its folder."""
    return write_study(
        folder,
        targets={"vase": VASE},
        models=networks or {"net": {"network": "pixels"}},
        searches={"paint": PAINT | changes},
    )


class Stopped(Exception):
    """Raised to stop a search."""


class Notes(Silent):
    """A report that keeps its notes and preparations, and can stop the search after a step."""

    def __init__(self, last_step=None):
        self.notes, self.prepared_parts, self._last_step = [], [], last_step

    def prepared(self, what, done, total):
        self.prepared_parts.append(what)

    def note(self, text):
        self.notes.append(text)

    def step(self, row):
        if row["step"] == self._last_step:
            raise Stopped(f"at step {self._last_step}")


@pytest.fixture(scope="module")
def resumed_run(tmp_path_factory):
    """A finished run whose first half was saved by the first version of `mode: diverge`.

    Its study, run, score and notes, and the noise indices with which each scene was rendered.
    """
    study = read_study(write(tmp_path_factory.mktemp("diverge")))
    (run,) = resolve_all(study)
    with pytest.raises(Stopped, match="at step 7"):
        one_run.make(run, study.runs, "cpu", Notes(last_step=7))
    directory = RunDirectory(study.runs / run.name)
    for step in directory.state_steps():
        path = directory.state_path(step)
        state = read_state(path)
        header = {k: v for k, v in state.header.items() if k != "constrained"}
        write_state(SearchState(state.step, state.arrays, header), path)
    report, noise = Notes(), {}
    photographs = Stage.photographs

    def recorded(stage, views, samples, index):
        noise.setdefault(stage.scene.sha256, []).append(index)
        return photographs(stage, views, samples, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stage, "photographs", recorded)
        score = one_run.make(run, study.runs, "cpu", report)
    return study, run, score, report.notes, noise


def test_a_run_records_its_reach(resumed_run):
    study, run, score, _, _ = resumed_run
    reach = score["reach"]
    assert len(reach["starts"]) == 2
    assert reach["margin"] == pytest.approx(MARGIN)
    assert score["training"]["floor"] == run.search.criterion.floor  # the verdict has no margin
    if reach["distance"] is not None:
        distance = score["physical_difference"]["material"]["rms_log_reflectance"]
        assert reach["distance"] == pytest.approx(distance, rel=1e-4)
    directory = RunDirectory(study.runs / run.name)
    assert directory.judgement()["reach"] == reach
    rows = directory.history()
    assert max(row["distance"] for row in rows[:12]) > 2 * rows[0]["distance"]


def test_a_search_saved_by_the_first_version_starts_again(resumed_run):
    study, run, _, notes, _ = resumed_run
    (note,) = [each for each in notes if "earlier version" in each]
    assert note.endswith(
        "00006.npz is from an earlier version of mode: diverge and cannot be resumed; "
        "the search starts again"
    )
    rows = RunDirectory(study.runs / run.name).history()
    assert [row["step"] for row in rows] == list(range(1, 25))


def test_a_resumed_run_of_a_shape_has_its_changes(tmp_path):
    study = read_study(write(tmp_path, attributes=["shape"], steps=4, save_every=1))
    (run,) = resolve_all(study)
    begun, continued, again = Notes(last_step=2), Notes(last_step=6), Notes(last_step=8)
    for report in (begun, continued, again):
        with pytest.raises(Stopped, match="at step"):
            one_run.make(run, study.runs, "cpu", report)
    assert "smooth changes" in begun.prepared_parts
    assert continued.prepared_parts == again.prepared_parts == []
    assert continued.notes == ["resuming from step 1"]


def test_choice_confirmation_and_final_score_have_separate_noise(resumed_run):
    _, _, score, _, noise = resumed_run
    assert score["reach"]["distance"] is not None
    assert noise[score["result"]] == [1, 2, 0]


def test_another_floor_is_another_run(resumed_run, tmp_path):
    write(tmp_path, criterion=FAST["criterion"] | {"floor": 0.8})
    assert resolve_all(read_study(tmp_path))[0].name != resumed_run[1].name
    write(tmp_path, criterion=FAST["criterion"] | {"class_probability": 0.3})
    assert resolve_all(read_study(tmp_path))[0].name != resumed_run[1].name
    write(tmp_path, criterion=FAST["criterion"] | {"class_probability": 0.2})
    assert resolve_all(read_study(tmp_path))[0].name == resumed_run[1].name


# ---- Distances -----------------------------------------------------------------------------------


def standing(small, attribute, rng, **changes):
    """Give a target, its variables a little moved, and the distance between the two."""
    config = SearchConfig(mode="diverge", attributes=(attribute,), environment_height=MAP_HEIGHT)
    target = represented(small(**(TARGET | changes)), config)
    (variables,) = build_variables(target, config)
    distance = distance_from_target(target, variables)
    with torch.no_grad():
        for tensor in variables.tensors.values():
            tensor.add_(torch.tensor(rng.normal(scale=0.1, size=tuple(tensor.shape))).to(tensor))
        variables.keep_in_bounds()
    return target, variables, distance


@pytest.mark.parametrize(
    ("attribute", "measure", "tolerance"),
    [
        ("pose", "angle", 1e-4),
        ("material", "rms_log_reflectance", 1e-4),
        ("lighting", "rms_log_radiance", 1e-2),
    ],
)
def test_a_distance_is_that_of_scenes(small, rng, attribute, measure, tolerance):
    light = EnvironmentMap(
        radiance=Picture(rng.uniform(0.5, 2, (MAP_HEIGHT, 2 * MAP_HEIGHT, 3)).astype(np.float32))
    )
    changes = {"lighting": light} if attribute == "lighting" else {}
    target, variables, distance = standing(small, attribute, rng, **changes)
    found = scene_difference(target, variables.apply_to(target), (attribute,), rng)
    assert float(distance().detach()) == pytest.approx(found[attribute][measure], rel=tolerance)


@pytest.mark.parametrize("attribute", ["pose", "material", "lighting", "shape"])
def test_the_derivative_of_a_distance_is_its_difference(small, rng, attribute):
    _, variables, distance = standing(small, attribute, rng)
    tensors = list(variables.tensors.values())
    gradients = torch.autograd.grad(distance(), tensors, allow_unused=True)
    way = [torch.tensor(rng.normal(size=tuple(each.shape))).to(each) for each in tensors]
    along = sum(float((g * w).sum()) for g, w in zip(gradients, way, strict=True) if g is not None)
    ends = []
    for step in (-2e-3, 4e-3):
        with torch.no_grad():
            for tensor, each in zip(tensors, way, strict=True):
                tensor.add_(step * each)
        ends.append(float(distance().detach()))
    assert (ends[1] - ends[0]) / 4e-3 == pytest.approx(along, rel=0.03, abs=1e-3)


def test_sliding_and_shifting_a_sphere_are_no_distance_and_growing_is(small):
    config = SearchConfig(mode="diverge", attributes=("shape",), smoothness=0.0)
    target = represented(small(**(TARGET | {"shape": Sphere(subdivisions=3)})), config)
    (variables,) = build_variables(target, config)
    distance = distance_from_target(target, variables)
    vertices = torch.tensor(geometry(target.shape).vertices)
    angle = torch.tensor(0.02)
    turn = torch.tensor([[angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0], [0, 0, 1]])
    with torch.no_grad():
        variables.tensors["latent"].copy_(vertices + torch.tensor([0.3, -0.2, 0.1]))
        assert float(distance().detach()) < 1e-5  # a place, and no shape
        # A third of it is along the normals, on average over the sphere.
        counted = float(distance_from_target(target, variables, translation_counts=True)().detach())
        assert counted == pytest.approx(np.sqrt(0.14 / 3), rel=0.01)
        variables.tensors["latent"].copy_(vertices @ turn.T)  # without smoothness, the vertices
        assert float(distance().detach()) < 3e-4  # of second order in the angle
        variables.tensors["latent"].copy_(1.05 * vertices)
        assert float(distance().detach()) == pytest.approx(0.05, rel=1e-3)


def test_the_correlation_of_the_search_is_that_of_the_criterion(rng):
    one, other = ({"a": torch.tensor(rng.normal(size=(3, 4, 5)))} for _ in range(2))
    expected = pearson(one["a"].flatten(1), other["a"].flatten(1))
    assert torch.allclose(correlation(one, other, ["a"]), expected)


# ---- Refused study files -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attributes": ("pose", "shape")}, "name one: its distance is searched for"),
        ({"start": {"pose": {}}}, "remove it: the start is the target"),
        ({"optimiser": "lbfgs"}, "use adam"),
        ({"loss": "l2"}, "not with mode: diverge; remove it: it would have no effect"),
        ({"loss": {"a": "relative_squared_error"}}, "not with mode: diverge; remove it"),
        ({"attributes": ("shape",), "remeshing": {"at": [1]}}, "target and result share faces"),
        ({"texture_resolution": 4}, "use 0: one value per parameter"),
        ({"pixel_search": True}, "search with model pixels"),
        ({"early_stopping": EarlyStopping(match=0.9)}, "remove its match"),
    ],
)
def test_keys_without_effect_away_from_the_target_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        SearchConfig(**({"mode": "diverge", "attributes": ("pose",)} | changes))


def test_a_margin_needs_this_mode_and_leaves_the_hash_of_earlier_studies():
    plain = {"mode": "diverge", "attributes": ["pose"]}
    assert "margin" not in search_record(SearchConfig(**plain))
    assert search_record(SearchConfig(**plain, margin=0.03))["margin"] == 0.03
    with pytest.raises(ValidationError, match="only with mode: diverge; remove it"):
        SearchConfig(attributes=["pose"], margin=0.03)


def test_the_default_number_of_starts_is_three():
    asked = {"mode": "diverge", "attributes": ["pose"]}
    assert SearchConfig(**asked).restarts == 3
    assert SearchConfig(**asked, restarts=5).restarts == 5
    assert SearchConfig(attributes=["pose"]).restarts == 1


@pytest.mark.parametrize("mode", ["diverge", "flip"])
def test_loss_and_guides_are_refused_in_the_study_file(tmp_path, mode):
    write(tmp_path, mode=mode, loss="l1")
    message = rf"study.yaml:\d+: searches.paint.loss.*: not with mode: {mode}; remove it"
    with pytest.raises(InputError, match=message):
        read_study(tmp_path)
    models = {"net": {"network": "resnet18", "guides": ["layer1"]}}
    write(tmp_path, models, mode=mode)
    message = (
        rf"study.yaml:\d+: models.net.guides.*: not with mode: {mode} of searches.paint, where "
        "they would have no effect; remove them, or name models without guides in "
        "searches.paint.models"
    )
    with pytest.raises(InputError, match=message):
        read_study(tmp_path)
    write(tmp_path, models | {"plain": {"network": "pixels"}}, mode=mode, models=["plain"])
    assert set(read_study(tmp_path).models) == {"net", "plain"}
