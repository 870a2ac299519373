"""Frames: whole numbers of them, and those that were missed."""

import pytest

from psychophysics.timing import Interval, dropped_frames, whole_frames


@pytest.mark.parametrize(("seconds", "frames"), [(0.5, 30), (0.0167, 1), (0.0, 0), (0.3, 18)])
def test_durations_are_frames(seconds, frames):
    assert whole_frames(seconds, 60, "stimulus") == frames


@pytest.mark.parametrize(
    ("seconds", "rate", "text"),
    [
        (0.51, 60, r"stimulus: 0\.51 s .* at 60 Hz; nearest: 0\.5 \(30 frames\) or 0\.5167 \(31"),
        (0.25, 85, r"nearest: 0\.2471 \(21 frames\) or 0\.2588 \(22 frames\)"),
        (0.0005, 60, r"nearest: 0\.01667 \(1 frames\)"),
    ],
)
def test_other_durations_are_reported_the_nearest(seconds, rate, text):
    with pytest.raises(ValueError, match=text):
        whole_frames(seconds, rate, "stimulus")


def test_missed_frames_are_counted_by_gaps():
    frame = 0.01
    assert dropped_frames([0.0, 0.0101, 0.0198, 0.03], frame) == 0
    assert dropped_frames([0.0, 0.01, 0.03, 0.04], frame) == 1
    assert dropped_frames([0.0, 0.031, 0.041, 0.062], frame) == 3
    assert dropped_frames([0.0], frame) == 0


def test_an_interval_is_off_by_its_larger_error():
    interval = Interval(0.5, 0.2, 0.51, 0.17, 0)
    assert interval.off == pytest.approx(0.03)
