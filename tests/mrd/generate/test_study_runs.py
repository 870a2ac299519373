"""All runs of a study: remaining work, and checks before the first render."""

import pytest

from mrd.generate import study_runs
from mrd.study import image_directory, image_plan
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study, resolve_all
from scenes.base.errors import InputError
from tests.silent import Silent
from tests.small_study import write_text

STUDY = """\
name: demo
targets:
  ball:
    shape: {kind: sphere, subdivisions: 1}
    cameras: {kind: single, resolution: 16}
models:
  sees: {network: pixels}
searches:
  light: {attributes: [lighting], steps: 4}
"""


@pytest.fixture
def study(tmp_path):
    """Return a function that reads the study with some of its text replaced."""
    return lambda *replacements: read_study(write_text(tmp_path, STUDY, *replacements))


# ---- Remaining work ----------------------------------------------------------------------------


def test_remaining_work_is_named_in_independent_pieces(study):
    described = study()
    (run,) = resolve_all(described)
    assert study_runs.remaining([run], described.runs) == [run.name]
    described = study(
        ("searches:", "series: {}\nsearches:"), ("steps: 4", "steps: 4, seeds: [1, 2]")
    )
    first, second = resolve_all(described)
    assert study_runs.remaining([first, second], described.runs) == [
        first.name,
        second.name,
        "families/ball-light",
    ]
    searched = RunDirectory(described.runs / first.name)
    searched.create(first.record)
    judged = {"training": {"floor": first.search.criterion.floor}}
    searched.write_json("criterion.json", judged)
    searched.finish()
    images = image_directory.of_run(described.runs, first.name)
    assert first.name in study_runs.remaining([first, second], described.runs)
    for directory, asked in (
        (images, image_plan.inputs_of_run(first)),
        (
            image_directory.of_family(described.runs, "ball-light"),
            image_plan.inputs_of_family(first),
        ),
    ):
        directory.request(asked)
        directory.finish()
    assert study_runs.remaining([first, second], described.runs) == [second.name]


def test_a_run_that_is_not_in_the_study_any_more_is_refused(study, tmp_path):
    described = study()
    with pytest.raises(
        InputError, match=r"has no run or family ball-sees-light-s9-0 any more; it was"
    ):
        study_runs.carry_out(described, "ball-sees-light-s9-0", Silent())
    assert not described.runs.exists()


# ---- Before anything is rendered ---------------------------------------------------------------


def test_a_sound_study_passes_and_nothing_is_written(study, tmp_path):
    study_runs.check(resolve_all(study()))
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "{network: 'vit_b_32', weights: none}",
            r"models.sees on targets.ball: vit_b_32 takes images of 224×224 pixels "
            "only, not 16×16: set the resolution of the cameras to 224",
        ),
        (
            "{network: 'resnet18', weights: none, layers: [layer1.0.relu]}",
            r"models.sees on targets.ball: layers: 'layer1.0.relu' of resnet18 runs "
            "2 times for one image",
        ),
        (
            "{network: pixels, layers: [retina]}",
            r"models.sees: layers: pixels has no layer 'retina'",
        ),
        (
            "{network: efficientnet_lite0, layers: [pool], guides: [bloks.3]}",
            r"models.sees: layers: efficientnet_lite0 has no layer 'bloks.3'; .*'blocks.3'",
        ),
    ],
)
def test_a_model_that_cannot_see_a_target_is_refused_before_any_run(study, model, message):
    described = study(("{network: pixels}", model))
    with pytest.raises(InputError, match=message):
        study_runs.generate(described, Silent())
    assert not described.runs.exists()


def test_classes_of_the_wrong_shape_are_refused_before_any_run(study, tmp_path):
    (tmp_path / "own.py").write_text(
        "from torch import nn\n"
        "class N(nn.Module):\n"
        "    labelled = True\n"
        "    def forward(self, x): return x\n"
        "def f(): return N()\n"
    )
    described = study(("{network: pixels}", "{network: 'own:f', layers: [output]}"))
    with pytest.raises(
        InputError, match=r"models.sees on targets.ball: own:f: .* \(2, 3, 16, 16\), not \(2, class"
    ):
        study_runs.generate(described, Silent())
    assert not described.runs.exists()


def test_losses_by_layer_are_those_of_the_layers_and_guides(study):
    described = study(
        ("{network: pixels}", "{network: efficientnet_lite0, layers: [pool], guides: [blocks.3]}"),
        ("steps: 4", "steps: 4, loss: {pool: l2}"),
    )
    with pytest.raises(
        InputError,
        match=r"searches.light.loss has losses for pool, but the model is read at blocks.3, pool",
    ):
        study_runs.check(resolve_all(described))


def test_the_dual_buffer_is_for_pixels_alone(study):
    study_runs.check(resolve_all(study(("steps: 4", "steps: 4, loss: dual_buffer"))))
    described = study(
        ("{network: pixels}", "{network: efficientnet_lite0, layers: [pool]}"),
        ("steps: 4", "steps: 4, loss: dual_buffer"),
    )
    match = r"searches.light.loss: dual_buffer is for .*, not for models.sees; choose another loss"
    with pytest.raises(InputError, match=match):
        study_runs.check(resolve_all(described))


def test_every_size_of_image_is_tried(study):
    described = study(
        (
            "16}\n",
            "64}\n  small:\n    shape: {kind: sphere}\n"
            "    cameras: {kind: single, resolution: 16}\n",
        ),
        ("{network: pixels}", "{network: 'squeezenet1_0', weights: none}"),
    )
    sizes = {run.target.cameras.resolution for run in resolve_all(described)}
    assert sizes == {64, 16}
    with pytest.raises(InputError, match=r"models.sees on targets.small: .* not 16×16"):
        study_runs.check(resolve_all(described))


def test_an_interpolation_that_no_result_could_end_is_refused(study):
    described = study(
        ("searches:", "series: {kind: interpolation}\nsearches:"),
        ("steps: 4}", "steps: 4, start: {lighting: {kind: map, radiance: studio}}}"),
    )
    study_runs.check_series(resolve_all(described))  # both are maps by then
    shapes = study(
        ("searches:", "series: {kind: interpolation}\nsearches:"),
        ("attributes: [lighting]", "attributes: [shape], remeshing: null"),
    )
    with pytest.raises(
        InputError,
        match=r"series of searches.light on targets.ball: shape: no interpolation between meshes "
        r"of different topology .*; use kind: trajectory",
    ):
        resolve_all(shapes)
