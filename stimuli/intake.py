"""Records of images: the table that `mrd` writes beside its pictures, and that `stimuli` reads.

``records.csv`` has one row per image, with the columns of `ImageRecord`, and paths relative to its
folder; an empty cell means "does not apply". ``records.json`` beside it is the data dictionary.

A *family* is one target as one search represents it. Its images of the target (``target``),
re-renders (``rerender``, level 0 of every series) and null scenes are recorded once; each run adds
its own (``series``, ``result``, ``control``, ``pixel``).
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import pandas as pd
from pydantic import Field, ValidationError, field_validator, model_validator

from scenes.base.atomic_files import whole_file
from scenes.base.errors import InputError, first_problem
from scenes.base.frozen import Frozen
from scenes.base.inside_folder import is_inside

SCHEMA_VERSION = 1
RECORDS_FILE = "records.csv"
DICTIONARY_FILE = "records.json"

Role = Literal["target", "rerender", "series", "result", "control", "pixel", "null"]
ROLES: tuple[Role, ...] = get_args(Role)

# Roles of the images that are made once for all runs of a family.
SHARED_ROLES: tuple[Role, ...] = ("target", "rerender", "null")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Index = Annotated[int, Field(ge=0)]
Distance = Annotated[float, Field(ge=0)]


def _column(description: str, unit: str = "", **field: Any) -> Any:
    """Return a field with its description and unit."""
    return Field(description=description, json_schema_extra={"unit": unit}, **field)


class ImageRecord(Frozen):
    """One image; `data_dictionary` describes every column."""

    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = _column(
        "Version of these columns.", default=SCHEMA_VERSION
    )
    id: str = _column("Names the image; no two of a study share it.", min_length=1)
    study: str = _column("Name of the study.")
    family: str = _column("Target with everything that is compared with it: <target>-<search>.")
    run: str | None = _column("Run directory of the image; empty for images that a family shares.")
    target: str = _column("Name of the target in the study.")
    search: str = _column("Name of the search in the study.")
    attribute: str = _column(
        "What the search changed: shape, material, lighting, pose, or several joined by '+'."
    )
    model: str | None = _column(
        "Name of the model in the study whose activations were matched (of a control: of the "
        "search that it belongs to); empty for images that a family shares, 'pixels' for pixel "
        "searches."
    )
    layers: str | None = _column("Layers that were matched, joined by ';'.")
    seed: Index | None = _column("Seed of the run in the study.")
    role: Role = _column("Role of the image.")
    level: Distance | None = _column(
        "Place in its series: 0 is the target; in an interpolation 1 is the result; along a "
        "trajectory the distance over that of the farthest state. Empty for null scenes."
    )
    level_index: Index = _column(
        "Ordinal of the level in its series, from 0; of a null scene, its number from 0."
    )
    series_kind: Literal["interpolation", "trajectory"] | None = _column(
        "How the levels were made; empty for images that are in no series."
    )
    step: Index | None = _column("Step of the search, along a trajectory.", "steps")
    distance_measure: Literal[
        "chamfer", "rms_log_reflectance", "rms_log_radiance", "angle", "level"
    ] = _column(
        "Measure of physical_distance: chamfer (÷ radius of the target's bounding sphere), "
        "rms_log_reflectance and rms_log_radiance (natural logarithm), angle (degrees); level "
        "where several attributes were searched."
    )
    physical_distance: Distance | None = _column(
        "Physical distance from the target; empty for null scenes of several attributes.",
        "see distance_measure",
    )
    distance_shape: Distance | None = _column(
        "Symmetric Chamfer distance from the target; empty where shape is not searched.",
        "radii of the target's bounding sphere",
    )
    distance_material: Distance | None = _column(
        "RMS difference of log reflectance; empty where material is not searched.", "ln units"
    )
    distance_lighting: Distance | None = _column(
        "RMS difference of log radiance; empty where lighting is not searched.", "ln units"
    )
    distance_pose: Distance | None = _column(
        "Angle of rotation; empty where pose is not searched.", "degrees"
    )
    distance_translation: Distance | None = _column(
        "Distance that the object's centre moved; empty where pose is not searched.", "scene units"
    )
    verdict: Literal["metamer", "result"] | None = _column(
        "Verdict of the criterion on the search's result, at the search's own light; empty for "
        "images without a search."
    )
    match: float | None = _column(
        "Match of the search's result over the training cameras (1: as good as a re-render)."
    )
    camera: str = _column("Name of the camera: c0, c1 … for training, h0, h1 … held out.")
    held_out: bool = _column("Whether the camera is held out: no search uses its view.")
    light: str = _column("Name of the light: 'own' is the target's.")
    noise_seed: Index = _column("Number of the render among those that differ in noise only.")
    renderer_seed: Annotated[int, Field(ge=0, lt=2**32)] = _column(
        "Seed of the renderer: a hash of scene, camera, light and noise_seed."
    )
    samples: Annotated[int, Field(ge=1)] = _column("Samples per pixel.", "samples")
    exposure: Annotated[float, Field(gt=0)] = _column(
        "Factor on radiance, one for the target and its family under a light."
    )
    tone_curve: Literal["srgb", "reinhard"] = _column("Tone curve of the film.")
    width: Annotated[int, Field(ge=1)] = _column("Width of the image.", "pixels")
    height: Annotated[int, Field(ge=1)] = _column("Height of the image.", "pixels")
    clipped: Annotated[float, Field(ge=0, le=1)] = _column(
        "Share of pixels of which a channel is above what the display can show."
    )
    scene: Sha256 = _column("SHA-256 of the scene that was rendered, its light and film included.")
    scene_file: str = _column("The scene, relative to this table's folder.")
    texture_coordinates: bool = _column("Whether the family's meshes carry texture coordinates.")
    path_depth: Annotated[int, Field(ge=1)] = _column("Longest light path.", "segments")
    radiance_file: str = _column("Linear radiance before exposure, float16 EXR.")
    radiance_sha256: Sha256 = _column("SHA-256 of that file.")
    display_file: str = _column("Display image: 8-bit PNG, sRGB-encoded.")
    display_sha256: Sha256 = _column("SHA-256 of that file.")

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value

    @field_validator("scene_file", "radiance_file", "display_file")
    @classmethod
    def _is_below_the_table(cls, value: str) -> str:
        if not is_inside(value):
            raise ValueError(f"'{value}' does not name a file below the table's folder")
        return value

    @model_validator(mode="after")
    def _role_fits(self) -> Self:
        shared = self.role in SHARED_ROLES
        if shared != (self.run is None):
            raise ValueError(
                f"an image of role {self.role} {'belongs to its family' if shared else 'is'} "
                f"{'and no run' if shared else 'of a run'}; run is {self.run!r}"
            )
        if (self.level is None) != (self.role == "null"):
            raise ValueError(f"level is {self.level!r} for an image of role {self.role}")
        if self.level is not None and (self.level == 0) != (self.role in SHARED_ROLES):
            raise ValueError(f"level is {self.level!r} for an image of role {self.role}")
        return self


COLUMNS: tuple[str, ...] = tuple(ImageRecord.model_fields)


def data_dictionary() -> dict[str, dict[str, Any]]:
    """Describe every column, in order, in the form of BIDS."""
    return {
        name: described(str(field.description), unit, _levels(field.annotation))
        for name, field in ImageRecord.model_fields.items()
        for unit in [dict(field.json_schema_extra or {}).get("unit", "")]  # type: ignore[arg-type]
    }


def described(description: str, unit: Any, levels: Sequence[str]) -> dict[str, Any]:
    """Return the entry of one column in a data dictionary of BIDS."""
    entry: dict[str, Any] = {"Description": description}
    if unit:
        entry["Units"] = unit
    if levels:
        entry["Levels"] = list(levels)
    return entry


def write_records(records: Sequence[ImageRecord], folder: Path) -> Path:
    """Write ``records.csv`` and its data dictionary into a folder; return the path of the table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(record.model_dump() for record in records)
    with whole_file(folder / DICTIONARY_FILE) as beside:
        content = json.dumps(data_dictionary(), indent=2, ensure_ascii=False)
        beside.write_text(f"{content}\n", encoding="utf-8")
    with whole_file(folder / RECORDS_FILE) as beside:
        beside.write_text(text.getvalue(), encoding="utf-8", newline="")
    return folder / RECORDS_FILE


def read_records(path: Path) -> list[ImageRecord]:
    """Read a ``records.csv``; raise InputError (file, line, column) for a cell that is not allowed.

    The files that it names are not read.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file, restkey="", strict=True)
            _check_columns(path, rows.fieldnames or ())
            return [_record(path, rows.line_num, row) for row in rows]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no table of images: {error}") from error


def frame(records: Iterable[ImageRecord]) -> pd.DataFrame:
    """Return a table of records: one row per image, columns in the order of `COLUMNS`."""
    return pd.DataFrame([record.model_dump() for record in records], columns=list(COLUMNS))


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    """Raise InputError if columns are missing or unknown."""
    missing = [name for name in COLUMNS if name not in columns]
    unknown = [name for name in columns if name not in COLUMNS]
    if missing or unknown:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has the unknown {', '.join(unknown)}"] if unknown else []
        raise InputError(
            f"{path}: {' and '.join(parts)}; it was written by another version of this suite: "
            "run mrd generate to write it again"
        )


def _record(path: Path, line: int, row: dict[str, Any]) -> ImageRecord:
    """Return one row as a record; raise InputError if a cell is not allowed."""
    try:
        return ImageRecord.model_validate(row)
    except ValidationError as error:
        raise InputError(
            f"{path}:{line}: {first_problem(error, row)}; run mrd generate to write it again"
        ) from error


def _levels(annotation: Any) -> list[str]:
    """Return the words that a column allows; empty if it allows any."""
    if isinstance(annotation, str | int):
        return []
    allowed: list[str] = []
    for each in get_args(annotation):
        allowed += [each] if isinstance(each, str) else _levels(each)
    return allowed
