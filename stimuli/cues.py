"""Trivial cues: whether a target can be discriminated from a comparison without seeing the scene.

The simulated observer of an oddity trial knows a single number of each image: mean luminance, RMS
contrast or silhouette area. As in the experiment, half of the trials show a comparison image
with two of the target, half a target image with two of the comparison, all of one camera and
light; the observer picks the image that differs most from the other two. A difference of either
sign at any camera helps this observer; with noise alone, a third of the trials are right.
"""

from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scenes.camera import Camera, cameras
from scenes.film import srgb_decode
from scenes.scene import Scene
from scenes.shape import geometry
from stimuli.encoding import display_values, luminance_statistics
from stimuli.stimulus_set import StimulusSet

Values = NDArray[np.float64]
CHANCE = 1 / 3  # of an oddity trial
CUES = ("luminance", "contrast", "silhouette")


def cues(stimuli: StimulusSet) -> pd.DataFrame:
    """Return how well each cue discriminates every comparison of a set from its target.

    Parameters
    ----------
    stimuli
        The set.

    Returns
    -------
    DataFrame
        A row for each comparison (family, run, role, level), with ``<cue>`` for each cue (share of
        oddity trials that are right by it, mean over cameras and lights; NaN if no view has two
        images of one and one of the other) and ``<cue>_difference`` (difference between the
        medians of comparison and target, as a share of the target's, mean over cameras and
        lights).
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
                row |= _of_cue(
                    cue, [(one[cue].to_numpy(), two[cue].to_numpy()) for one, two in views]
                )
            rows.append(row)
    return pd.DataFrame(rows)


def _of_cue(cue: str, views: Sequence[tuple[Values, Values]]) -> dict[str, float]:
    """Return the two columns of a cue, from pairs of a target's values and a comparison's."""
    shares = [share_right(target, other) for target, other in views]
    known = [share for share in shares if not np.isnan(share)]
    changes = [
        abs(np.median(other) - np.median(target)) / np.median(target) for target, other in views
    ]
    return {
        cue: float(np.mean(known)) if known else np.nan,
        f"{cue}_difference": float(np.mean(changes)) if changes else np.nan,
    }


def share_right(target: Values, other: Values) -> float:
    """Return the share of oddity trials that an observer of one number gets right in one view.

    `target` (N,) and `other` (M,) are the numbers of their images. The share is the mean of all
    trials with two target images and all with two comparison images; NaN if there are neither.
    """
    shares = [
        _share_with_odd(pair, odd)
        for pair, odd in ((target, other), (other, target))
        if len(pair) > 1 and len(odd)
    ]
    return float(np.mean(shares)) if shares else np.nan


def _share_with_odd(pair: Values, odd: Values) -> float:
    """Return the share of trials in which the odd value is farthest from the two others.

    If several values are equally far, the observer picks one of them at random.
    """
    trials = np.array([(*two, one) for two in combinations(pair, 2) for one in odd])
    distances = np.abs(trials[:, :, None] - trials[:, None, :]).sum(axis=2)
    farthest = distances == distances.max(axis=1, keepdims=True)
    return float(np.mean(farthest[:, 2] / farthest.sum(axis=1)))


def measures(stimuli: StimulusSet) -> pd.DataFrame:
    """Return the table without nulls, with the columns of `CUES`.

    ``luminance`` is the mean as a share of the display's white, ``contrast`` RMS, ``silhouette`` a
    share of the frame.
    """
    table = stimuli.table[stimuli.table["role"] != "null"]
    first_of_scene = dict(table.drop_duplicates("scene")[["scene", "stimulus_id"]].to_numpy())

    @cache
    def scene_of(sha256: str) -> Scene:
        return stimuli.scene(first_of_scene[sha256])

    @cache
    def area(sha256: str, camera: str) -> float:
        scene = scene_of(sha256)
        view = next(each for each in cameras(scene.cameras) if each.name == camera)
        return float(silhouette(scene, view).mean())

    rows = []
    for row in table.itertuples():
        light = srgb_decode(display_values(stimuli.image(str(row.stimulus_id))))
        found = luminance_statistics(light)
        rows.append((found.luminance, found.contrast, area(str(row.scene), str(row.camera))))
    return table.assign(
        **{cue: [each[n] for each in rows] for n, cue in enumerate(CUES)}
    ).reset_index(drop=True)


def silhouette(scene: Scene, view: Camera) -> np.ndarray:
    """Return the pixels (H, W) that the triangles of a loaded object touch, as booleans."""
    matrix = scene.pose.matrix()
    mesh = geometry(scene.shape)
    corners = view.project(mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3])
    drawing = Image.new("1", (view.width, view.height))
    pen = ImageDraw.Draw(drawing)
    triangles = corners[mesh.faces]
    whole = triangles[~np.isnan(triangles).any(axis=(1, 2))]
    # Pillow receives the pixels of the corners, and also draws those of the edges.
    for triangle in np.floor(whole).astype(int).reshape(len(whole), 6).tolist():
        pen.polygon(triangle, fill=1)
    return np.asarray(drawing)
