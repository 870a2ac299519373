"""Trivial cues: would one tell a target from what it is compared with.

For mean luminance, RMS contrast and silhouette area, every target image is held against every
image of a comparison at the same camera and light. `tells_apart` is the share of pairs in which an
observer of that number alone would be right who always calls the larger one (or always the
smaller one) the comparison: .5 says nothing, 1 gives it away, provided that the difference, which
stands beside it, can be seen.
"""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from scenes.camera import Camera, cameras
from scenes.film import srgb_decode
from scenes.scene import Scene
from scenes.shape import geometry
from stimuli.encoding import display_values, looks
from stimuli.stimulus_set import StimulusSet

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
        A row a comparison (family, run, role, level): for each cue ``<cue>`` (`tells_apart`, .5
        to 1) and ``<cue>_difference`` (median difference from the target, as a share of it).
    """
    measured = measures(stimuli)
    rows = []
    for family, images in measured.groupby("family", sort=False):
        target = images[images["role"] == "target"]
        others = images[~images["role"].isin(("target", "null"))]
        for (run, role, level), comparison in others.groupby(["run", "role", "level"], sort=False):
            pairs = target.merge(comparison, on=["camera", "light"], suffixes=("", "_other"))
            row = {"family": family, "run": run, "role": role, "level": level}
            for cue in CUES:
                row |= _told(cue, pairs[cue].to_numpy(), pairs[f"{cue}_other"].to_numpy())
            rows.append(row)
    return pd.DataFrame(rows)


def _told(cue: str, target: Any, other: Any) -> dict[str, float]:
    larger = float(np.mean(other > target) + np.mean(other == target) / 2)
    change = (other - target) / target
    return {
        cue: max(larger, 1 - larger),
        f"{cue}_difference": float(np.median(change)),
    }


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
