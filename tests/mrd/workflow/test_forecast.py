"""What is left of a study, counted by hand; speeds as earlier runs have left them."""

import pytest

from mrd.study import image_directory
from mrd.study.run_directory import RunDirectory
from mrd.study.storage import write_json
from mrd.study.study import read_study, resolve_all
from mrd.workflow.forecast import forecast
from mrd.workflow.standings import families, overview

STUDY = """\
name: demo
targets:
  ball:
    shape: {kind: sphere, subdivisions: 1}
    cameras: {kind: ring, count: 3, held_out: 1, resolution: 16}
models:
  sees: {network: pixels}
searches:
  paint:
    attributes: [material]
    steps: 10
    samples: {primal: 4, score: 16}
    criterion: {null: 6, ceiling: 2}
    seeds: [1, 2]
"""
RATE = 1000.0  # samples a second of the images
SCENE = 4 * 16**2 * 16  # samples of one scene: four cameras, 16², score
ROUGH = 0.15 * 16**2 / 128**2  # seconds of a render in a step


@pytest.fixture
def study(tmp_path):
    """Give a study with some of its text replaced, and images that took a second each thousand."""

    def study(*replacements):
        text = STUDY
        for old, new in replacements:
            assert text.count(old) == 1, f"{old!r} must occur once"
            text = text.replace(old, new)
        (tmp_path / "study.yaml").write_text(text)
        write_json(
            tmp_path / "runs" / "families" / "ball-other" / image_directory.TIMING,
            {"samples": 5 * RATE, "seconds": 5, "pixels": 100, "bytes": 600},
        )
        return read_study(tmp_path)

    return study


def expected(study):
    standings = overview(study)
    return forecast(study, standings, families(study, standings))


def searched(study, index, seconds, steps=10):
    """Leave the history of a run: a slow first step, then so many seconds each."""
    run = resolve_all(study)[index]
    directory = RunDirectory(study.runs / run.name)
    directory.create(run.record)
    with directory.claim():
        for step in range(1, steps + 1):
            row = {"step": step, "seconds": 100 if step == 1 else seconds, "loss": 1, "match": 0}
            directory.append_history(row)
        judgement = {"verdict": "result", "training": {"floor": 0.9}}
        directory.write_json("criterion.json", judgement)
        directory.finish("result")


def test_seeds_share_null_and_ceiling(study):
    found = expected(study())
    assert (found.searches, found.all_searches, found.images) == (2, 2, 0)
    # Once 6 null scenes and 2 re-renders, and for each of two runs the 5 that are judged or shown.
    references = (6 + 2 + 2 * 5) * SCENE / RATE
    assert found.seconds == pytest.approx(references + 2 * 10 * ROUGH)
    assert found.basis == (
        "a rough guess before the first run, 0.15 s a step for each render of 128 × 128 pixels; "
        "the speed of this study's own images"
    )


def test_references_that_are_there_are_not_built_again(study):
    described = study()
    searched(described, 0, seconds=2)
    found = expected(described)
    assert found.searches == 1
    assert found.seconds == pytest.approx(5 * SCENE / RATE + 10 * 2)
    assert found.basis.startswith("the pace of this study's own steps")


def test_a_pixel_search_says_nothing_of_the_pace_of_a_network(study):
    described = study(("seeds: [1, 2]", "pixel_search: true"))
    searched(described, 1, seconds=3)
    found = expected(described)
    assert found.seconds == pytest.approx((6 + 2 + 5) * SCENE / RATE + 10 * ROUGH)
    assert "rough guess" in found.basis


def test_the_pace_goes_with_the_pixels_of_a_target(study):
    described = study(
        ("models:", "  large:\n    shape: {kind: sphere, subdivisions: 1}\n"
         "    cameras: {kind: single, resolution: 32}\nmodels:"),
        ("seeds: [1, 2]", "seeds: [1]"),
    )  # fmt: skip
    searched(described, 0, seconds=2)
    references = (6 + 2 + 5) * 32**2 * 16 / RATE
    assert expected(described).seconds == pytest.approx(references + 10 * 2 * 4)


@pytest.mark.parametrize(
    ("changes", "renders"),
    [
        ("views_per_step: 2", 2),
        ("views_per_step: 99", 3),
        ("loss: dual_buffer", 2),
        ("optimiser: lbfgs", 4 * 3),
    ],
)
def test_a_rough_step_counts_all_its_renders(study, changes, renders):
    found = expected(study(("seeds: [1, 2]", changes)))
    references = (6 + 2 + 5) * SCENE / RATE
    assert found.seconds == pytest.approx(references + 10 * renders * ROUGH)
