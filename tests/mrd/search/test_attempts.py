"""Attempts: the first part of a search is made again if its match is low."""

import numpy as np
import pytest

from mrd.search.attempts import Attempts
from mrd.study.search_section import SearchConfig
from scenes.shape import Sphere, geometry
from tests.mrd.search.small_search import saved

SETTINGS = {
    "steps": 10,
    "attempts": 3,
    "remeshing": None,
    "target": {"shape": Sphere(subdivisions=2, radius=0.7)},
}


def attempts(most=3):
    return Attempts(SearchConfig(attributes=("shape",), steps=100, attempts=most), window=4)


def checked(each, match):
    """Give constant matches, and return whether they are enough."""
    for _ in range(8):
        each.observe(match)
    return each.is_enough({"match": np.array(match)})


def low(_similarity):
    return 0.5


def test_a_match_of_nine_tenths_is_enough():
    assert attempts().steps == 60
    assert checked(attempts(), 0.91)
    assert not checked(attempts(), 0.89)


def test_the_best_of_all_attempts_is_kept():
    each = attempts()
    for match in (0.3, 0.7, 0.5):
        assert not checked(each, match)
        assert each.match == pytest.approx(match)
        more = each.begin_next()
    assert not more
    assert (each.best_number, float(each.best["match"])) == (2, 0.7)


def test_an_attempt_is_not_averaged_with_the_one_before():
    each = attempts()
    checked(each, 0.1)
    each.begin_next()
    each.observe(0.95)
    assert each.match == pytest.approx(0.95)


def test_attempts_are_saved():
    each, other = attempts(), attempts()
    other.resume(*each.state())
    assert other.state() == each.state()
    checked(each, 0.4)
    each.begin_next()
    each.observe(0.6)
    other.resume(*each.state())
    assert other.state() == each.state()


def test_a_search_with_a_high_match_has_one_attempt(begun):
    search, _ = begun(("shape",), **SETTINGS, match=lambda _s: 0.95)
    assert [row.step for row in search.steps()] == list(range(1, 11))
    assert search.notes == []
    assert search.mode.result(search, None)[1] == {"attempts": 1}


def test_a_search_with_a_low_match_begins_again_at_its_start(begun):
    search, _ = begun(("shape",), **SETTINGS, match=low)
    start = geometry(search.scene().shape).vertices
    for _ in range(6):
        search.step()
    assert search.notes == ["step 6: match 0.50 of attempt 1 is below 0.9; the start begins again"]
    np.testing.assert_allclose(geometry(search.scene().shape).vertices, start, atol=1e-5)
    assert search.rate("shape") == search.config.learning_rate.shape


def test_the_best_attempt_goes_on_to_the_last_step(begun):
    matches = iter([*[0.2] * 6, *[0.8] * 6, *[0.4] * 6, *[0.4] * 4])
    search, _ = begun(("shape",), **SETTINGS, match=lambda _s: next(matches))
    scenes = []
    for _ in search.steps():
        scenes.append(geometry(search.scene().shape).vertices)
    assert search.finished == len(scenes) == 22  # 6 + 6 + 10
    assert search.notes[-1] == "step 18: match 0.40 of attempt 3 is below 0.9; attempt 2 goes on"
    kept = search.mode._attempts.best["shape.latent"]
    assert kept.shape == scenes[0].shape
    np.testing.assert_allclose(scenes[17], second_attempt(begun), atol=1e-4)
    assert search.mode.result(search, None)[1] == {"attempts": 3}


def second_attempt(begun):
    """Return the vertices at the end of the second attempt of the same search."""
    matches = iter([0.2] * 6 + [0.95] * 6)
    search, _ = begun(("shape",), **SETTINGS, match=lambda _s: next(matches))
    for _ in range(12):
        search.step()
    return geometry(search.scene().shape).vertices


@pytest.mark.parametrize("at", [4, 6, 9, 15, 20])
def test_a_search_resumes_in_every_attempt(begun, tmp_path, at):
    search, _ = begun(("shape",), **SETTINGS, match=low)
    for _ in range(at):
        search.step()
    resumed, _ = begun(("shape",), **SETTINGS, match=low, seed=9)
    resumed.resume(saved(search, tmp_path))
    ours, theirs = ([(r.step, r.loss) for r in each.steps()] for each in (resumed, search))
    np.testing.assert_allclose(ours, theirs, rtol=0.02)
    assert ours[-1][0] == 22


def test_matches_of_models_with_guides_are_not_checked(begun):
    search, _ = begun(("shape",), **SETTINGS, match=low)
    search.scored = ("later",)  # as if the layer `pixels` were a guide
    for _ in range(6):
        search.mode.end_step(search, 1.0, 0.5)
    assert search.repeated == 0
