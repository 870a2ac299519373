"""Records of images: they are read as written, and values that are not allowed are refused."""

import json

import pandas as pd
import pytest
from pydantic import ValidationError

from scenes.base.errors import InputError
from stimuli.intake import (
    COLUMNS,
    ImageRecord,
    data_dictionary,
    frame,
    read_records,
    write_records,
)


def record(**changes):
    plain = {
        "id": "ball-paint/paint-s1/series-1/c0_own_0",
        "study": "tiny",
        "family": "ball-paint",
        "run": "ball-eye-paint-s1-01234567",
        "target": "ball",
        "search": "paint",
        "attribute": "material",
        "model": "eye",
        "layers": "a;b",
        "seed": 1,
        "role": "series",
        "level": 0.1,
        "level_index": 1,
        "series_kind": "interpolation",
        "step": None,
        "distance_measure": "rms_log_reflectance",
        "physical_distance": 0.3,
        "distance_shape": None,
        "distance_material": 0.3,
        "distance_lighting": None,
        "distance_pose": None,
        "distance_translation": None,
        "verdict": "metamer",
        "match": 0.97,
        "camera": "c0",
        "held_out": False,
        "light": "own",
        "noise_seed": 0,
        "renderer_seed": 2**32 - 1,
        "samples": 256,
        "exposure": 0.7,
        "tone_curve": "srgb",
        "width": 128,
        "height": 128,
        "clipped": 0.0,
        "scene": "0" * 64,
        "scene_file": "scenes/000/scene.json",
        "texture_coordinates": False,
        "path_depth": 2,
        "radiance_file": "series-1/c0_own_0.exr",
        "radiance_sha256": "1" * 64,
        "display_file": "series-1/c0_own_0.png",
        "display_sha256": "2" * 64,
    }
    return ImageRecord(**(plain | changes))


SHARED = {"run": None, "model": None, "layers": None, "seed": None, "verdict": None, "match": None}


def test_what_is_written_is_read(tmp_path):
    written = [
        record(),
        record(id="a, 'quoted' \"name\"", level=1 / 3, held_out=True, role="result"),
        record(**SHARED, role="null", level=None, series_kind=None),
        record(**SHARED, role="rerender", level=0.0, physical_distance=0.0),
    ]
    path = write_records(written, tmp_path)
    assert read_records(path) == written
    assert json.loads((tmp_path / "records.json").read_text()) == data_dictionary()


def test_a_table_has_a_row_an_image_and_numbers_in_its_columns():
    table = frame([record(), record(level=0.5)])
    assert tuple(table.columns) == COLUMNS
    assert table["level"].tolist() == [0.1, 0.5]
    assert pd.api.types.is_bool_dtype(table["held_out"])
    assert tuple(frame([]).columns) == COLUMNS


def test_every_column_is_described():
    described = data_dictionary()
    assert list(described) == list(COLUMNS)
    assert all(entry["Description"].endswith((".", ")")) for entry in described.values())
    assert described["distance_pose"]["Units"] == "degrees"
    assert described["role"]["Levels"][:2] == ["target", "rerender"]
    assert described["verdict"]["Levels"] == ["metamer", "result"]
    assert "Levels" not in described["level"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"role": "rerender"}, "belongs to its family and no run"),
        ({"run": None}, "is of a run"),
        ({"level": None}, "level is None for an image of role series"),
        ({"level": 0.0}, r"level is 0\.0 for an image of role series"),
        ({**SHARED, "role": "target", "level": 0.5}, r"level is 0\.5 for an image of role target"),
        ({"role": "foil"}, "'foil' is not allowed"),
        ({"scene": "abc"}, "pattern"),
        ({"clipped": 1.5}, "less than or equal to 1"),
        ({"match": float("nan")}, "finite"),
        (
            {"radiance_file": "../../victim.txt"},
            "'../../victim.txt' does not name a file below the",
        ),
        ({"display_file": "/etc/hosts"}, "'/etc/hosts' does not name a file below the table"),
        ({"scene_file": "a/../../x.json"}, r"'a/../../x.json' does not name a file below the"),
        ({"scene_file": "C:/x.json"}, "'C:/x.json' does not name a file below the table"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        record(**changes)


def test_a_cell_that_is_not_allowed_is_named(tmp_path):
    path = write_records([record(), record(level=0.123)], tmp_path)
    path.write_text(path.read_text().replace("0.123", "far"))
    with pytest.raises(InputError, match=r"records\.csv:3: level: .*number"):
        read_records(path)


def test_another_version_is_named(tmp_path):
    path = write_records([record()], tmp_path)
    path.write_text(path.read_text().replace("noise_seed", "noise", 1))
    with pytest.raises(InputError, match="lacks noise_seed and has the unknown noise;"):
        read_records(path)


def test_a_table_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match=r"records\.csv: cannot be read: No such file"):
        read_records(tmp_path / "records.csv")
