"""Trivial cues: would one tell a target from what it is compared with.

Mean luminance, RMS contrast and silhouette area are each taken for all that an observer of an
oddity trial knows. As in the experiment, on half of the trials a comparison image stands among two
of the target, on half a target image among two of the comparison, all of one camera and light; the
observer picks the image that differs most from the other two. Any difference helps that observer,
whichever way it goes at whichever camera; noise alone leaves a third of the trials right.
"""

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scenes.camera import Camera, cameras
from scenes.film import srgb_decode
from scenes.scene import Scene
from scenes.shape import geometry
from stimuli.encoding import display_values, looks
from stimuli.stimulus_set import StimulusSet

Values = NDArray[np.float64]
CHANCE = 1 / 3  # of an oddity trial
CUES = ("luminance", "contrast", "silhouette")


def cues(stimuli: StimulusSet) -> pd.DataFrame:
    """Tell how far each cue goes, for every comparison of a set.

    Parameters
    ----------
    stimuli
        The set.

    Returns
    -------
    DataFrame
        A row a comparison (family, run, role, level): for each cue ``<cue>`` (share of oddity
        trials that it gives away, mean over cameras and lights; NaN where no view has two images
        of one and one of the other) and ``<cue>_difference`` (how far the medians of comparison
        and target lie apart, as a share of the target's, mean over cameras and lights).
    """
    measured = measures(stimuli)
    rows = []
    for family, images in measured.groupby("family", sort=False):
        targets = dict(list(images[images["role"] == "target"].groupby(["camera", "light"])))
        others = images[~images["role"].isin(("target", "null"))]
        for (run, role, level), comparison in others.groupby(["run", "role", "level"], sort=False):
            views = [
                (targets[view], seen)
                for view, seen in comparison.groupby(["camera", "light"])
                if view in targets
            ]
            row = {"family": family, "run": run, "role": role, "level": level}
            for cue in CUES:
                row |= _told(
                    cue, [(one[cue].to_numpy(), two[cue].to_numpy()) for one, two in views]
                )
            rows.append(row)
    return pd.DataFrame(rows)


def _told(cue: str, views: Sequence[tuple[Values, Values]]) -> dict[str, float]:
    """What a cue tells, over pairs of a target's values and a comparison's."""
    shares = [given_away(target, other) for target, other in views]
    known = [share for share in shares if not np.isnan(share)]
    changes = [
        abs(np.median(other) - np.median(target)) / np.median(target) for target, other in views
    ]
    return {
        cue: float(np.mean(known)) if known else np.nan,
        f"{cue}_difference": float(np.mean(changes)) if changes else np.nan,
    }


def given_away(target: Values, other: Values) -> float:
    """Share of oddity trials that an observer of one number gets right.

    Parameters
    ----------
    target, other
        The number, for each image of the target (N,) and of the comparison (M,) in one view.

    Returns
    -------
    float
        Mean over all trials with two target images and all with two comparison images; NaN if
        there is neither.
    """
    shares = [
        _share_right(pair, odd)
        for pair, odd in ((target, other), (other, target))
        if len(pair) > 1 and len(odd)
    ]
    return float(np.mean(shares)) if shares else np.nan


def _share_right(pair: Values, odd: Values) -> float:
    """Share of trials of two values of one kind in which one of the other lies farthest off.

    Where several lie equally far off, the observer picks one of them.
    """
    trials = np.array([(*two, one) for two in combinations(pair, 2) for one in odd])
    away = np.abs(trials[:, :, None] - trials[:, None, :]).sum(axis=2)
    farthest = away == away.max(axis=1, keepdims=True)
    return float(np.mean(farthest[:, 2] / farthest.sum(axis=1)))


def measures(stimuli: StimulusSet) -> pd.DataFrame:
    """Each cue of every image but the nulls.

    Returns
    -------
    DataFrame
        The table's rows with the columns ``luminance`` (mean, share of the display's white),
        ``contrast`` (RMS) and ``silhouette`` (share of the frame).
    """
    table = stimuli.table[stimuli.table["role"] != "null"]
    found = []
    outlines = _Outlines(stimuli)
    for row in table.itertuples():
        seen = looks(srgb_decode(display_values(stimuli.image(str(row.stimulus_id)))))
        found.append((seen.luminance, seen.contrast, outlines.area(row)))
    return table.assign(
        **{cue: [each[n] for each in found] for n, cue in enumerate(CUES)}
    ).reset_index(drop=True)


class _Outlines:
    """Areas of silhouettes; those of one scene and camera are drawn once."""

    def __init__(self, stimuli: StimulusSet) -> None:
        self._of = cache(self._drawn)
        self._stimuli = stimuli
        self._first: dict[str, str] = dict(
            stimuli.table.drop_duplicates("scene")[["scene", "stimulus_id"]].to_numpy()
        )
        self._scene = cache(lambda sha256: stimuli.scene(self._first[sha256]))

    def area(self, row: Any) -> float:
        return self._of(str(row.scene), str(row.camera))

    def _drawn(self, sha256: str, camera: str) -> float:
        scene: Scene = self._scene(sha256)
        view = next(each for each in cameras(scene.cameras) if each.name == camera)
        return float(silhouette(scene, view).mean())


def silhouette(scene: Scene, view: Camera) -> np.ndarray:
    """Pixels that the object touches, as far as its corners tell: boolean (H, W).

    Parameters
    ----------
    scene
        Loaded, the object in front of the camera.
    view
        The camera.
    """
    matrix = scene.pose.matrix()
    mesh = geometry(scene.shape)
    corners = view.project(mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3])
    drawing = Image.new("1", (view.width, view.height))
    pen = ImageDraw.Draw(drawing)
    triangles = corners[mesh.faces]
    whole = triangles[~np.isnan(triangles).any(axis=(1, 2))]
    # Pillow is given the pixels that the corners lie in, and draws those of the edges too.
    for triangle in np.floor(whole).astype(int).reshape(len(whole), 6).tolist():
        pen.polygon(triangle, fill=1)
    return np.asarray(drawing)
