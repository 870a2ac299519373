"""Scene metamers and pixel metamers of the same target image, model and layers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd

from stimuli.pixel_metamers import PixelMetamer
from stimuli.png import eight_bit_png

MOST_TRIOS = 12
OF_RUN = ("run", "target", "attribute", "model", "layer", "scene_verdict", "pixel_verdict")
OF_CAMERA = (
    "camera", "scene_match", "pixel_match", "scene_rms", "pixel_rms", "step", "reached",
)  # fmt: skip


@dataclass(frozen=True)
class Trio:
    """Pictures of target, scene metamer and pixel metamer at one camera: caption → PNG file."""

    title: str
    pictures: Mapping[str, bytes]


def table(entries: Iterable[PixelMetamer]) -> pd.DataFrame:
    """Return verdicts, matches and RMS of both kinds of metamers for each run and camera.

    The verdicts (``metamer`` or ``result``) use one criterion at all training cameras of the run;
    RMS is the difference of display values from the target's image (white is 1); ``reached``
    is whether the pixel metamer reached the scene metamer's match, at ``step`` of its synthesis.
    """
    return pd.DataFrame(
        [
            {name: entry.record[name] for name in OF_RUN} | {name: row[name] for name in OF_CAMERA}
            for entry in entries
            for row in entry.record["cameras"]
        ],
        columns=[*OF_RUN, *OF_CAMERA],
    )


def trios(entries: Iterable[PixelMetamer]) -> list[Trio]:
    """Return the three pictures of each run at its first camera, for at most `MOST_TRIOS` runs."""
    pictures_of_runs = []
    for entry in islice(entries, MOST_TRIOS):
        record, first = entry.record, entry.record["cameras"][0]
        title = f"{record['target']}: {record['attribute']}, by {record['model']} "
        pictures = {
            "target": entry.target[0],
            _caption(record, first, "scene"): entry.scene[0],
            _caption(record, first, "pixel"): entry.pixel[0],
        }
        pictures_of_runs.append(
            Trio(
                f"{title}({record['layer'].replace(';', ', ')}), camera {first['camera']}",
                {caption: eight_bit_png(image) for caption, image in pictures.items()},
            )
        )
    return pictures_of_runs


def _caption(record: Mapping[str, Any], row: Mapping[str, Any], kind: str) -> str:
    """Return a caption: kind and verdict of a picture, with its match and RMS from the table."""
    apart = "" if kind == "scene" or row["reached"] else ", not at equal match"
    match, rms = row[f"{kind}_match"], row[f"{kind}_rms"]
    return f"{kind} {record[f'{kind}_verdict']}: match {match:.3g}, RMS {rms:.3g}{apart}"
