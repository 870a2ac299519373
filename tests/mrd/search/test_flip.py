"""`mode: flip`: the smallest change that changes a class, its record, and what is refused."""

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from rich.console import Console

from mrd.cli.flips import flips
from mrd.cli.tables import reasons, verdicts
from mrd.criterion.bench import Bench, display_images
from mrd.generate import one_run, study_runs
from mrd.models.classifier import LOGITS, Classifier
from mrd.models.registry import create
from mrd.rendering.representation import form_of_family, represented
from mrd.rendering.stage import Stage, display
from mrd.search.flip import Flip
from mrd.search.flip_result import ClassifiedScene, count_random_flips, lead
from mrd.search.loop import Search
from mrd.study.model_section import ModelConfig
from mrd.study.run_directory import RunDirectory
from mrd.study.search_groups import Samples
from mrd.study.search_section import SearchConfig
from mrd.study.study import read_study, resolve_all
from mrd.workflow.standings import overview
from scenes.base.errors import InputError
from scenes.camera import Ring, cameras
from scenes.differences import material_difference
from scenes.material import Material
from tests.silent import Silent
from tests.small_study import write_text

# Two classes with a known edge: the image's red less its blue, against a threshold. A third is
# never seen.
RED_ENOUGH = 0.05
NETWORK = f"""
import torch
from torch import nn

class Redness(nn.Module):
    labelled = True

    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4)

    def forward(self, images):
        means = self.pool(images).mean(dim=(2, 3))
        red = 200 * (means[:, 0] - means[:, 2] - {RED_ENOUGH})
        return torch.stack([red, -red, torch.full_like(red, -900.0)], dim=1)

def redness():
    return Redness()
"""
STUDY = """
name: small
targets:
  vase:
    shape: {kind: sphere, subdivisions: 2}
    material: {base_color: [0.7, 0.3, 0.3], roughness: 0.6}
    lighting: {kind: constant}
    cameras: {kind: ring, count: 2, held_out: 1, resolution: 16}
models: {net: {network: "redness:redness", layers: [pool], front_end: {blur: 0.0}}}
searches:
  paint:
    mode: flip
    attributes: [material]
    material_parameters: [base_color]
    steps: 60
    restarts: 1
    samples: {primal: 16, score: 64}
    criterion: {null: 3, ceiling: 2}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Give the study in a folder of its own, with some of its text replaced."""

    def made(*replacements):
        folder = tmp_path_factory.mktemp("study")
        (folder / "redness.py").write_text(NETWORK)
        return read_study(write_text(folder, STUDY, *replacements))

    return made


def carried_out(study):
    (run,) = resolve_all(study)
    return run, one_run.make(run, study.runs, "cpu", Silent())


@pytest.fixture(scope="module")
def flipped(study):
    """A flip that was found: its study, its run, and what `criterion.json` holds."""
    made = study()
    return made, *carried_out(made)


def printed(table):
    """Lines of a table, as wide as it needs."""
    console = Console(file=io.StringIO(), width=300)
    console.print(table)
    return console.file.getvalue().splitlines()


def redness(target, color):
    """Red less blue of a camera's image, at scoring quality, at the camera where it is largest."""
    scene = target.model_copy(
        update={"material": target.material.model_copy(update={"base_color": color})}
    )
    images = display(Stage(scene).photographs(cameras(scene.cameras), 64, 3), scene.film)
    means = images.mean(dim=(2, 3))
    return float((means[:, 0] - means[:, 2])[:2].max())


# ---- Results ------------------------------------------------------------------------------------


def test_the_nearest_other_class_is_found(flipped):
    _, run, score = flipped
    target, _ = one_run.prepared(run)
    flip = score["flip"]
    # The nearest of all colours at the edge, looked for without gradients: to each red the blue at
    # which the class changes. Green is not looked at by the network, and stays.
    nearest = np.inf
    for red in np.geomspace(0.35, 0.7, 12):
        low, high = 0.3, float(red)
        for _ in range(8):
            middle = (low + high) / 2
            is_red = redness(target, (red, 0.3, middle)) > RED_ENOUGH
            low, high = (middle, high) if is_red else (low, middle)
        other = Material(base_color=(red, 0.3, high), roughness=0.6)
        far = material_difference(target.material, other)["rms_log_reflectance"]
        nearest = min(nearest, far)
    assert flip["distance"] == pytest.approx(nearest, rel=0.08)
    assert flip["measure"] == "rms_log_reflectance"
    assert flip["starts"] == [pytest.approx(flip["distance"])]
    found = score["physical_difference"]["material"]["rms_log_reflectance"]
    assert found == pytest.approx(flip["distance"], rel=1e-4)
    assert score["recovery"]["recovered"] is False
    errors = score["recovery"]["errors"]
    assert errors.keys() == {"material"}
    assert errors["material"].keys() == {"rms_log_reflectance", "base_color"}
    assert errors["material"]["rms_log_reflectance"] == found


def test_the_record_of_every_camera(flipped):
    study, run, score = flipped
    rows = score["flip"]["cameras"]
    assert [row["held_out"] for row in rows] == [False, False, True]
    for row in rows[:2]:
        assert (row["target"], row["label"], row["flipped"]) == ([0], 1, True)
        assert 0.5 < row["probability"] <= 1
        assert row["target_stable"]
        assert 0.5 < row["target_probability"] <= 1
    assert score["verdict"] == "result"  # another class is no metamer
    assert score["training"]["cameras"][0]["failed"].endswith("class 1 is not the target's 0")
    kept = RunDirectory(study.runs / run.name).judgement()
    assert kept["flip"] == json.loads(json.dumps(score["flip"]))
    with (study.runs / run.name / "history.csv").open() as file:
        distances = [float(row["distance"]) for row in csv.DictReader(file)]
    assert len(distances) == 60
    assert max(distances) > distances[-1]  # beyond the edge, and back to it


def test_random_changes_of_its_size_flip_less_often_than_not(flipped):
    score = flipped[2]["flip"]["random_changes"]
    assert score["of"] == 5
    assert score["flipped"] <= 2  # the nearest flip is one direction of many


def test_the_tables_show_the_flip(flipped):
    study, _, score = flipped
    standings = overview(study)
    row = printed(verdicts(standings))[1]
    assert f"flipped to class 1 at {score['flip']['distance']:.3g} log units, held out" in row
    assert reasons(standings, []) == []  # another class was asked for


def test_a_target_without_a_stable_class_is_named(flipped):
    study, _, score = flipped
    (standing,) = overview(study)
    first, *others = score["flip"]["cameras"]
    unsure = score | {
        "flip": score["flip"] | {"cameras": [first | {"target_stable": False}, *others]}
    }
    row = printed(verdicts([replace(standing, judgement=unsure)]))[1]
    assert row.endswith("the target has no stable class at c0")
    earlier = [
        {key: value for key, value in each.items() if key != "target_stable"}
        for each in score["flip"]["cameras"]
    ]
    old = score | {"flip": score["flip"] | {"cameras": earlier}}
    row = printed(verdicts([replace(standing, judgement=old)]))[1]
    assert "stable" not in row


def test_the_rate_is_over_targets_and_seeds(flipped):
    study, _, score = flipped
    (standing,) = overview(study)
    size = {"distance": 3 * score["flip"]["distance"], "random_changes": {"flipped": 2, "of": 4}}
    larger = replace(standing, judgement={"flip": score["flip"] | size})
    failed = replace(standing, judgement={"flip": score["flip"] | {"distance": None}})
    shown = flips([standing, larger, failed])
    median = 2 * score["flip"]["distance"]
    held_out = 2 * sum(row["flipped"] for row in score["flip"]["cameras"] if row["held_out"])
    random = score["flip"]["random_changes"]["flipped"] + 2
    assert re.split(" {2,}", printed(shown)[1]) == [
        "paint",
        "net",
        "2 of 3",
        f"{median:.3g} rms log reflectance",
        f"{held_out} of 2",
        f"{random} of 9",
    ]
    assert flips([replace(standing, judgement=None)]) is None


def test_of_a_pose_it_is_a_turn_alone(study):
    _, score = carried_out(
        study(
            ("attributes: [material]", "attributes: [pose]"),
            ("    material_parameters: [base_color]\n", ""),
            ("roughness: 0.6}", "roughness: 0.6}\n    pose: {translation: [0.2, 0, 0]}"),
            ("60", "4"),
        )
    )
    moved = score["physical_difference"]["pose"]
    assert moved["angle"] > 0.1
    assert moved["translation"] < 1e-6


def test_a_class_that_no_image_gets_is_not_flipped(study):
    _, score = carried_out(study(("mode: flip", "mode: flip\n    label: 2"), ("60", "4")))
    flip = score["flip"]
    assert (flip["label"], flip["distance"], flip["starts"]) == (2, None, [None])
    assert not any(row["flipped"] for row in flip["cameras"])
    assert "random_changes" not in flip


def test_a_stopped_search_resumes(study):
    class Stopped(Exception):
        pass

    class Stops(Silent):
        def step(self, row):
            if row["step"] == 7:
                raise Stopped("at step 7")

    short = [("60", "10"), ("criterion:", "save_every: 5\n    criterion:")]
    whole, broken = study(*short), study(*short)
    _, expected = carried_out(whole)
    (run,) = resolve_all(broken)
    with pytest.raises(Stopped, match="at step 7"):
        one_run.make(run, broken.runs, "cpu", Stops())
    _, found = carried_out(broken)
    assert found["flip"]["starts"] == pytest.approx(expected["flip"]["starts"], rel=1e-3)


# ---- The lead ------------------------------------------------------------------------------------


def test_leads_by_hand():
    logits = torch.tensor([[1.0, 5.0, 2.0], [0.0, 1.0, 3.0]])
    own = [[1], [1, 2]]
    assert lead(logits, own, None).tolist() == [2 - 5, 0 - 3]
    assert lead(logits, own, 2).tolist() == [2 - 5, 3 - 1]


def test_a_classifier_gives_its_logits_with_its_layers(study):
    made = study()
    model = create(made.models["net"], folder=made.folder)
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    classifier = Classifier(model)
    seen = classifier.activations(images)
    assert set(seen) == {"pool", LOGITS} == set(classifier.layers)
    assert torch.equal(seen[LOGITS], model.logits(images))
    assert torch.equal(seen["pool"], model.activations(images)["pool"])
    assert torch.equal(classifier.labels(images), model.logits(images).argmax(dim=1))
    assert classifier.record() == model.record()


def test_random_changes_that_do_not_reach_do_not_count():
    def classify(scene):
        return ClassifiedScene(scene, 1.0, [{"held_out": False, "flipped": scene == "flips"}])

    directions = [lambda _: "flips", lambda _: None, lambda _: "stays"]
    assert count_random_flips(directions, 0.5, classify) == {"flipped": 1, "of": 2}


def test_a_step_runs_the_network_once(small):
    """Layers and logits of a real network come from one forward pass."""
    config = SearchConfig(
        mode="flip",
        attributes=("material",),
        steps=3,
        restarts=1,
        samples=Samples(primal=1, adjoint=1),
    )
    target = represented(small(cameras=Ring(count=2, resolution=32)), config)
    network = create(ModelConfig(network="efficientnet_lite0", layers=("blocks.0",)))
    bench = Bench(Classifier(network), form_of_family(config, target))
    views = cameras(target.cameras)
    images = display_images(bench.stage(target), views, 16, noise=0)
    targets = bench.model.activations(images)
    own = [[label] for label in network.labels(images).tolist()]
    rng = np.random.default_rng(1)
    search = Search(target, targets, views, bench, config, rng, Flip(own, None))
    passes = []
    hook = network.network.register_forward_hook(lambda *_: passes.append(1))
    rows = list(search.steps())
    hook.remove()
    assert len(rows) == len(passes) == 3


# ---- Refused study files -------------------------------------------------------------------------


def test_a_model_without_classes_is_refused_before_anything_is_rendered(study):
    made = study(
        (
            '{network: "redness:redness", layers: [pool], front_end: {blur: 0.0}}',
            "{network: pixels}",
        )
    )
    with pytest.raises(InputError, match=r"searches.paint.mode on models.net: .* has no classes"):
        study_runs.check(resolve_all(made))


def test_a_class_that_a_model_does_not_have_is_refused(study):
    made = study(("mode: flip", "mode: flip\n    label: 3"))
    with pytest.raises(InputError, match=r"paint.label = 3: models.net has classes 0 to 2"):
        study_runs.check(resolve_all(made))


def test_the_targets_own_class_is_refused(study):
    with pytest.raises(InputError, match="label = 0: images of the target get that class at"):
        carried_out(study(("mode: flip", "mode: flip\n    label: 0")))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "match", "label": 3}, "only with mode: flip; remove it"),
        ({"label": -1}, "greater than or equal to 0"),
        ({"attributes": ("pose", "shape")}, "not with mode: flip; name one"),
        ({"loss": "l1"}, "not with mode: flip; remove it: it would have no effect"),
        ({"loss": {"a": "l1"}}, "not with mode: flip; remove it"),
        ({"start": {"pose": {}}}, "remove it: the start is the target"),
    ],
)
def test_keys_without_effect_with_mode_flip_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        SearchConfig(**({"mode": "flip", "attributes": ("pose",)} | changes))


def test_a_study_without_flips_keeps_its_runs(study):
    """Runs made before there were labels are found again: without a label, the record has none."""
    (run,) = resolve_all(study())
    assert "label" not in run.record["search"]
    (run,) = resolve_all(study(("mode: flip", "mode: flip\n    label: 1")))
    assert run.record["search"]["label"] == 1
