"""A trial as frames, by hand at 60 Hz."""

from psychophysics.schedule import schedule

TIMING = {"fixation": 0.5, "stimulus": 0.2, "blank": 0.3, "mask": 0.1}


def kinds(made):
    return [(part.kind, part.frames, part.images) for part in made.parts]


def test_three_intervals_in_time(config):
    made = schedule(config(timing=TIMING))
    one = [("images", 12, (0,)), ("mask", 6, (0,)), ("blank", 18, ())]
    two = [("images", 12, (1,)), ("mask", 6, (1,)), ("blank", 18, ())]
    three = [("images", 12, (2,)), ("mask", 6, (2,))]
    assert kinds(made) == [("fixation", 30, ()), *one, *two, *three]
    assert made.last_images == 7
    assert made.planned(1 / 60) == [(0.5, 0.2), (66 / 60, 0.2), (102 / 60, 0.2)]
    assert made.extent(100, 80) == (100, 80)


def test_three_places_at_once_without_mask(config):
    made = schedule(config(presentation="space", timing=TIMING | {"mask": 0, "fixation": 0}))
    assert kinds(made) == [("images", 12, (0, 1, 2))]
    assert made.places == ((-1.25, 0.0), (0.0, 0.0), (1.25, 0.0))
    assert made.extent(100, 80) == (350, 80)


def test_a_sample_then_two(config):
    made = schedule(config(task="match_to_sample", presentation="space", timing=TIMING))
    assert [part.images for part in made.parts if part.kind == "images"] == [(0,), (1, 2)]
    assert made.places == ((0.0, 0.0), (-0.625, 0.0), (0.625, 0.0))
