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
    """PNG files of target, scene metamer and pixel metamer at one camera, by caption."""

    title: str
    pictures: Mapping[str, bytes]


def table(entries: Iterable[PixelMetamer]) -> pd.DataFrame:
    """Return verdicts, matches and RMS of both kinds of metamers for each run and camera.

    The verdicts (``metamer`` or ``result``) are of one criterion at all training cameras of the
    run; RMS is the difference of display values from the target's image (white is 1); ``reached``
    is whether the synthesis reached the match of the scene at ``step``.
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
    """Return pictures of every run at its first camera, at most `MOST_TRIOS`."""
    found = []
    for entry in islice(entries, MOST_TRIOS):
        record, first = entry.record, entry.record["cameras"][0]
        title = f"{record['target']}: {record['attribute']}, by {record['model']} "
        pictures = {
            "target": entry.target[0],
            _caption(record, first, "scene"): entry.scene[0],
            _caption(record, first, "pixel"): entry.pixel[0],
        }
        found.append(
            Trio(
                f"{title}({record['layer'].replace(';', ', ')}), camera {first['camera']}",
                {caption: eight_bit_png(image) for caption, image in pictures.items()},
            )
        )
    return found


def _caption(record: Mapping[str, Any], row: Mapping[str, Any], kind: str) -> str:
    """Return what the picture is, with its numbers in the table."""
    apart = "" if kind == "scene" or row["reached"] else ", not at equal match"
    match, rms = row[f"{kind}_match"], row[f"{kind}_rms"]
    return f"{kind} {record[f'{kind}_verdict']}: match {match:.3g}, RMS {rms:.3g}{apart}"
