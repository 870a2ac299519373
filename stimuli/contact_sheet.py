"""A contact sheet of a set: series in rows, levels in columns, seen by one camera."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from stimuli.encoding import display_values, quantised
from stimuli.stimulus_set import StimulusSet

LARGEST = 160  # pixels: larger images are shrunk on the sheet
GAP, LINE, MARGIN, LABELS = 6, 15, 12, 190
NULLS = 5  # number of null scenes that are shown
BACKGROUND, INK = (255, 255, 255), (30, 30, 30)


@dataclass(frozen=True)
class _Row:
    """A row of the sheet: labels at its left, and stimuli, each with the text below it."""

    labels: tuple[str, ...]
    stimuli: tuple[tuple[str, str], ...]


def contact_sheet(stimuli: StimulusSet) -> NDArray[np.uint8]:
    """Return the sheet, (H, W, 3) uint8, sRGB-encoded.

    Every family is shown at its first training camera, light and noise seed: the target and its
    re-render, then series, controls and pixel levels of each run, then some null scenes.
    """
    rows = [
        row
        for _, family in stimuli.table.groupby("family", sort=False)
        for row in _rows(_first_view(family))
    ]
    side = min(LARGEST, *stimuli.file["images"].shape[1:3])
    columns = max(len(row.stimuli) for row in rows)
    height = side + LINE + GAP
    sheet = Image.new(
        "RGB",
        (2 * MARGIN + LABELS + columns * (side + GAP), 2 * MARGIN + len(rows) * height),
        BACKGROUND,
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for y, row in zip(range(MARGIN, sheet.height, height), rows, strict=False):
        for number, label in enumerate(row.labels):
            pen.text((MARGIN, y + number * LINE), _fitting(label, font), INK, font=font)
        for n, (stimulus, below) in enumerate(row.stimuli):
            x = MARGIN + LABELS + n * (side + GAP)
            sheet.paste(_shrunk(stimuli.image(stimulus), side), (x, y))
            pen.text((x, y + side), below, INK, font=font)
    return np.asarray(sheet)


def _first_view(family: pd.DataFrame) -> pd.DataFrame:
    """Return one image of each scene: at a training camera, of the first light and noise seed."""
    order = family.sort_values(["held_out", "camera", "light", "noise_seed"], kind="stable")
    first = order.iloc[0]
    view = order[(order["camera"] == first["camera"]) & (order["light"] == first["light"])]
    return view.drop_duplicates(["run", "role", "level_index"])


def _rows(view: pd.DataFrame) -> Iterator[_Row]:
    family, first = str(view["family"].iloc[0]), view.iloc[0]
    place = f"camera {first['camera']}, light {first['light']}"
    shared = view[view["role"].isin(("target", "rerender"))]
    yield _Row((family, place), tuple(zip(shared["stimulus_id"], shared["role"], strict=True)))
    role = view["role"].replace({"result": "series"})
    series = view[~view["role"].isin(("target", "rerender", "null"))]
    for (run, name), rows in series.groupby(["run", role], sort=False):
        levels = rows.sort_values("level_index")
        model = str(levels["model"].iloc[0])
        below = [
            f"{row.level:.2f}{' result' if row.role == 'result' else ''}"
            for row in levels.itertuples()
        ]
        yield _Row(
            (f"{name} of {model}", str(run)), tuple(zip(levels["stimulus_id"], below, strict=True))
        )
    nulls = view[view["role"] == "null"].sort_values("level_index").head(NULLS)
    if len(nulls):
        below = [f"null {number}" for number in nulls["level_index"]]
        yield _Row(("null scenes",), tuple(zip(nulls["stimulus_id"], below, strict=True)))


def _shrunk(image: NDArray[np.generic], side: int) -> Image.Image:
    """Return the image at 8 bits, no larger than a cell of the sheet."""
    picture = Image.fromarray(quantised(display_values(image), 8))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Return the text, without its middle if it is too long."""
    kept = text
    while font.getlength(kept) > LABELS - GAP:
        half = (len(kept) - 2) // 2
        kept = f"{kept[:half]}…{kept[-half:]}"
    return kept
