"""Every kind of work is counted, on small studies."""

import pytest

from mrd.rendering import backend
from mrd.study.resolved_study import resolve_study
from mrd.study.study import read_study
from mrd.workflow import work_amounts
from mrd.workflow.work_amounts import Work, image_work, search_work, step_work
from tests.small_study import FAST, VASE, write_study

CAMERAS = {"kind": "ring", "count": 3, "held_out": 1, "resolution": 16}
SERIES = {"levels": 2, "samples": 16, "noise_seeds": 3, "cameras": ["c0", "h0"]}
PAINT = FAST | {"steps": 10, "criterion": {"null": 6, "ceiling": 2}}
PIXELS = 16**2
SCENE = Work(scenes=1, images=4, samples=4 * PIXELS * 16, evaluations=4)  # at all four cameras
TURNTABLE = Work(scenes=2, images=2 * 36, samples=2 * 36 * PIXELS * 16)


@pytest.fixture
def run(tmp_path):
    """Return a function that resolves the run of a search with more options."""

    def run(**options):
        ball, paint = VASE | {"cameras": CAMERAS}, PAINT | options
        write_study(tmp_path, targets={"ball": ball}, searches={"paint": paint}, series=SERIES)
        return resolve_study(read_study(tmp_path)).runs[0]

    return run


def test_start_up_references_and_scoring_are_counted(run):
    assert search_work(run(), has_references=False) == {
        "start-up": Work(processes=1),
        "references": (6 + 2) * SCENE,  # null scenes and re-renders, at every camera
        "scoring": 4 * SCENE + TURNTABLE,  # target, target of the search, start, result
    }


def test_references_that_exist_are_not_counted(run):
    assert search_work(run(), has_references=True)["references"] == Work()


@pytest.mark.parametrize(
    ("options", "kind", "scenes"),
    [
        # Three starts: each is scored once and after six halvings.
        ({"mode": "flip"}, "flip", 3 * 7 + 2 + 5),  # confirmed, its classes, random changes
        ({"mode": "diverge"}, "reach", 3 * 7 + 1 + 2 * 10),  # confirmed; controls, scored twice
        ({"mode": "diverge", "restarts": 1}, "reach", 7 + 1 + 2 * 10),
    ],
)
def test_scenes_of_flips_and_reaches_are_counted(run, options, kind, scenes):
    work = search_work(run(**options, series={"kind": "interpolation"}), True)
    assert work[kind] == scenes * SCENE
    assert set(work) == {"start-up", "references", "scoring", kind}


def test_renders_before_the_first_step_of_a_shape_are_counted(run):
    options = {"mode": "diverge", "attributes": ["shape"]}
    images = 2 * 2 * 30 * 3  # two noises, two sides of each mode, three training cameras
    work = search_work(run(**options, series={"kind": "interpolation"}), True)
    assert work["changes"] == Work(images=images, samples=images * 4 * PIXELS, evaluations=images)


@pytest.mark.parametrize(
    ("options", "images"),
    [
        ({"views_per_step": 1}, 1),
        ({"views_per_step": 2}, 2),
        ({"views_per_step": 99}, 3),
        ({"loss": "dual_buffer"}, 2),
        ({"optimiser": "lbfgs"}, 4 * 3),
    ],
)
def test_all_renders_of_a_step_are_counted(run, options, images):
    expected = Work(images=images, samples=images * 4 * PIXELS, evaluations=images)
    assert step_work(run(**options)) == expected


def test_images_and_their_scenes_are_counted(run):
    # Two cameras and three noise seeds: six images a scene.
    assert image_work(run(), 12) == Work(processes=1, scenes=2, images=12, samples=12 * PIXELS * 16)
    assert image_work(run(), 13).scenes == 3
    assert image_work(run(), 0) == Work()


def test_numbers_are_those_of_the_search():
    backend.activate()
    from mrd.generate import one_run
    from mrd.rendering import image_files
    from mrd.search import (
        control_reach,
        directions,
        diverge_result,
        flip,
        flip_result,
        insensitive,
    )

    assert work_amounts.HALVINGS == flip_result.HALVINGS == diverge_result.HALVINGS
    assert work_amounts.RANDOM_CHANGES == flip.RANDOM_CHANGES
    assert work_amounts.CONTROL_SCENES == control_reach.MOST_SCORED
    renders = insensitive.NOISES * insensitive.SIDES * directions.MODES
    assert renders == work_amounts.CHANGE_RENDERS
    assert work_amounts.TURNTABLE_FRAMES == image_files.TURNTABLE_FRAMES
    assert work_amounts.TURNTABLE_SAMPLES == one_run.TURNTABLE_SAMPLES
