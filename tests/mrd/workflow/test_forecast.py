"""Forecasts from speeds that earlier runs left on disk, calculated by hand."""

import pytest

from mrd.study import image_directory
from mrd.study.resolved_study import resolve_study
from mrd.study.run_directory import RunDirectory
from mrd.study.storage import write_json
from mrd.study.study import read_study
from mrd.workflow.forecast import forecast
from mrd.workflow.speed import Speed, speed_of_renders, speed_of_runs, with_network
from mrd.workflow.standings import families, overview
from mrd.workflow.work_amounts import Work, search_work, step_work
from tests.small_study import write_text

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
RATE = 1000.0  # samples of images per second
SERIES = "series: {levels: 2, samples: 16, noise_seeds: 3, cameras: all}\nsearches:"


@pytest.fixture
def study(tmp_path):
    """Return a function that resolves the study with some of its text replaced."""

    def study(*replacements):
        return resolve_study(read_study(write_text(tmp_path, STUDY, *replacements)))

    return study


def expected(study):
    return forecast(study, overview(study), families(study))


def search(study, index, step_seconds, scored_seconds, steps=10):
    """Leave a finished run: a slow first step, steps of equal length, and scoring."""
    run = study.runs[index]
    directory = RunDirectory(study.study.runs / run.name)
    directory.create(run.record)
    with directory.claim():
        for step in range(1, steps + 1):
            seconds = 100 if step == 1 else step_seconds
            directory.append_history({"step": step, "seconds": seconds, "loss": 1, "match": 0})
        judgement = {"verdict": "result", "training": {"floor": 0.9}}
        directory.write_json("criterion.json", judgement)
        directory.finish("result")
    taken = 100 + (steps - 1) * step_seconds + scored_seconds
    minutes, seconds = divmod(taken, 60)
    record = directory.record() | {
        "started": "2026-01-01T00:00:00+00:00",
        "finished": f"2026-01-01T00:{minutes:02d}:{seconds:02d}+00:00",
    }
    directory.write_json("run.json", record)


def beside_steps(run, has_references, kinds=("references", "scoring")):
    amounts = search_work(run, has_references)
    return Speed().seconds(sum((amounts[kind] for kind in kinds), Work()))


def test_steps_and_scoring_of_a_second_seed_take_as_long_as_those_of_the_first(study):
    resolved = study()
    search(resolved, 0, step_seconds=2, scored_seconds=40)
    found = expected(resolved)
    assert (found.searches, found.all_searches, found.images) == (1, 2, 0)
    # The first run made the references, and scored, in 40 s; the second one only scores.
    first, second = resolved.runs
    scoring = 40 * beside_steps(second, True) / beside_steps(first, False)
    assert found.seconds == pytest.approx(Speed().process + 10 * 2 + scoring)
    assert found.basis == (
        "time of the steps: measured in earlier steps; "
        "of everything else: measured in earlier runs and images"
    )


def test_a_search_that_stops_early_is_expected_to_stop_early_again(study):
    resolved = study()
    search(resolved, 0, step_seconds=2, scored_seconds=40, steps=4)
    whole = study(("steps: 10", "steps: 11"))
    search(whole, 0, step_seconds=2, scored_seconds=40, steps=11)
    fewer, more = (expected(each).seconds for each in (resolved, whole))
    assert more - fewer == pytest.approx((11 - 4) * 2)


def test_the_smooth_changes_of_a_search_that_has_made_a_step_are_not_expected_again(study):
    resolved = study(
        ("attributes: [material]", "attributes: [shape]\n    mode: diverge\n    restarts: 1")
    )
    search(resolved, 0, step_seconds=2, scored_seconds=40)
    first, second = resolved.runs
    before = expected(resolved).seconds
    directory = RunDirectory(resolved.study.runs / second.name)
    directory.create(second.record)
    directory.append_history({"step": 1, "seconds": 3, "loss": 1, "match": 0})
    kinds = ("references", "scoring", "reach", "changes")
    factor = 40 / beside_steps(first, False, kinds)
    changes = factor * beside_steps(second, True, ("changes",))
    assert changes > 1
    assert before - expected(resolved).seconds == pytest.approx(2 + changes)


def test_the_pace_is_proportional_to_the_pixels_of_a_target(study):
    resolved = study(
        ("models:", "  large:\n    shape: {kind: sphere, subdivisions: 1}\n"
         "    cameras: {kind: single, resolution: 32}\nmodels:"),
        ("seeds: [1, 2]", "seeds: [1]"),
    )  # fmt: skip
    search(resolved, 0, step_seconds=2, scored_seconds=40)
    ball, large = resolved.runs
    scoring = 40 * beside_steps(large, False) / beside_steps(ball, False)
    assert expected(resolved).seconds == pytest.approx(Speed().process + 10 * 2 * 4 + scoring)


def test_the_pace_of_a_pixel_search_is_not_that_of_a_network(study):
    resolved = study(("seeds: [1, 2]", "pixel_search: true"))
    search(resolved, 1, step_seconds=3, scored_seconds=40)
    found = expected(resolved)
    assert found.basis.startswith("time of the steps: a rough guess, because not all ")
    speed = speed_of_runs(
        overview(resolved),
        [RunDirectory(resolved.study.runs / run.name) for run in resolved.runs],
    )
    rest = speed.process + 40 * beside_steps(resolved.runs[0], False) / beside_steps(
        resolved.runs[1], False
    )
    steps = 10 * speed.seconds_of_step(step_work(resolved.runs[0]))
    assert found.seconds == pytest.approx(rest + steps)


def test_a_run_of_two_sessions_says_nothing_about_the_speed(study):
    resolved = study()
    search(resolved, 0, step_seconds=2, scored_seconds=40)
    directory = RunDirectory(resolved.study.runs / resolved.runs[0].name)
    record = directory.record()
    directory.write_json("run.json", record | {"sessions": record["sessions"] * 2})
    assert speed_of_runs(overview(resolved)[:1], [directory]) is None


def test_images_take_as_long_as_the_images_on_disk(study):
    resolved = study(("searches:", SERIES))
    for index in (0, 1):
        search(resolved, index, step_seconds=2, scored_seconds=40)
    write_json(
        resolved.study.runs / "families" / "other" / image_directory.TIMING,
        {"samples": 5 * RATE, "seconds": 5, "pixels": 100, "bytes": 600},
    )
    found = expected(resolved)
    # At four cameras, three noise seeds, of nulls one. Family: target, re-render and 6 nulls; each
    # run: 2 levels and 2 controls.
    assert (found.searches, found.images) == (0, (2 * 3 + 6) * 4 + 2 * (4 * 3 * 4))
    samples = found.images * 16**2 * 16
    assert found.seconds == pytest.approx(3 * Speed().process + samples / RATE)
    assert found.bytes == pytest.approx(found.images * 16**2 * 6)


def test_before_the_first_run_a_few_renders_tell_the_speed(study):
    resolved = study()
    speed = speed_of_renders(resolved.runs[0])
    assert min(speed.scene, speed.image + speed.sample) > 0
    assert speed.process == Speed().process
    assert with_network(speed, resolved.runs[0]).evaluation > 0
    found = expected(resolved)
    assert found.seconds > 2 * Speed().process
    assert found.basis == (
        "time of the steps: a rough guess, because not all searches have timed steps; "
        "of everything else: measured with a few small renders"
    )
