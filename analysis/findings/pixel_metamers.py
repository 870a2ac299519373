"""Scene metamers beside pixel metamers of the same target image, model and layers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    """Target, scene metamer and pixel metamer at one camera: PNG files, by what each is."""

    title: str
    pictures: Mapping[str, bytes]


def table(entries: Iterable[PixelMetamer]) -> pd.DataFrame:
    """List what the two kinds of metamers share, and how far each is from its target.

    Parameters
    ----------
    entries
        Of a stimulus set.

    Returns
    -------
    pandas.DataFrame
        A row a run and camera: ``run``, ``target``, ``attribute``, ``model``, ``layer``;
        ``scene_verdict`` and ``pixel_verdict`` (``metamer`` or ``result``, by one criterion at all
        of the run's training cameras); ``camera``; ``scene_match`` and ``pixel_match``;
        ``scene_rms`` and ``pixel_rms``, the RMS difference of display values from the target's
        image (white is 1); ``step`` of the synthesis, and ``reached``: whether it came to the
        scene's match.
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
    """Pictures of every run at its first camera, at most `MOST_TRIOS`."""
    found = []
    for entry in list(entries)[:MOST_TRIOS]:
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
    """What the picture is, and its numbers as the table has them."""
    apart = "" if kind == "scene" or row["reached"] else ", not at equal match"
    match, rms = row[f"{kind}_match"], row[f"{kind}_rms"]
    return f"{kind} {record[f'{kind}_verdict']}: match {match:.3g}, RMS {rms:.3g}{apart}"
