"""Export of a set to files, its contact sheet and its summary."""

import json

import imageio.v3 as imageio
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scenes.base.errors import InputError
from stimuli.contact_sheet import contact_sheet
from stimuli.export import check_file_names, export, file_name
from stimuli.png import write_png
from stimuli.schema import COLUMNS
from stimuli.stimulus_set import StimulusSet
from stimuli.summary import summary
from tests.small_set import small_parts, write_small_set


def test_an_export_is_complete_and_described(small_set, tmp_path):
    counts = []
    with StimulusSet(small_set) as stimuli:
        sheet = export(stimuli, tmp_path / "out", lambda *count: counts.append(count))
        content_hash = stimuli.content_hash
        table = stimuli.table
        images = {name: stimuli.image(name) for name in table["stimulus_id"][::23]}
    assert counts[-1] == (168, 168)
    assert sheet == tmp_path / "out" / "contact_sheet.png"
    shown = pd.read_csv(tmp_path / "out" / "stimuli.tsv", sep="\t", keep_default_na=False)
    assert list(shown) == [*COLUMNS, "file"]
    assert shown["stimulus_id"].tolist() == table["stimulus_id"].tolist()
    assert shown["level"][shown["role"] == "null"].unique().tolist() == ["n/a"]
    assert not (shown == "").any(axis=None)
    described = json.loads((tmp_path / "out" / "stimuli.json").read_text())
    assert described.pop("ContentHash") == content_hash
    assert list(described) == [*COLUMNS, "file"]
    assert described["distance_pose"]["Units"] == "degrees"
    assert "control" in described["role"]["Levels"]
    for name, image in images.items():
        file = shown.set_index("stimulus_id")["file"][name]
        assert np.array_equal(imageio.imread(tmp_path / "out" / file), image)


def test_png_of_sixteen_bits_comes_back_whole(tmp_path, rng):
    image = rng.integers(0, 2**16, (5, 7, 3)).astype(np.uint16)
    write_png(tmp_path / "deep.png", image)
    content = (tmp_path / "deep.png").read_bytes()
    # Pillow reads the file and keeps the upper byte of each value: it has no 16-bit colour.
    with Image.open(tmp_path / "deep.png") as read:
        read.load()
        assert read.size == (7, 5)
        assert np.array_equal(np.asarray(read.convert("RGB")), image >> 8)
    assert content[24:26] == bytes([16, 2])  # bits, true colour
    assert _pixels(content).tobytes() == image.astype(">u2").tobytes()


def _pixels(content):
    import zlib

    start = content.index(b"IDAT") + 4
    length = int.from_bytes(content[start - 8 : start - 4], "big")
    lines = np.frombuffer(zlib.decompress(content[start : start + length]), np.uint8)
    lines = lines.reshape(5, 1 + 7 * 6)
    assert not lines[:, 0].any()
    return lines[:, 1:]


def test_the_sheet_shows_every_series_once(small_set):
    with StimulusSet(small_set) as stimuli:
        sheet = contact_sheet(stimuli)
        table = stimuli.table
        view = table[(table["camera"] == "c0") & table["noise_seed"].isin((0, 3))]
        shown = [stimuli.image(name) for name in view["stimulus_id"]]
    for image in shown:
        starts = np.argwhere((sheet[:-15, :-15] == image[0, 0]).all(axis=2))
        assert sum((sheet[y : y + 16, x : x + 16] == image).all() for y, x in starts) == 1


def test_a_set_of_sixteen_bits_has_a_sheet_too(tmp_path):
    images = small_parts()[1].astype(np.uint16) * 257
    path = write_small_set(tmp_path / "s.h5", images=images, models={})
    with StimulusSet(path) as stimuli:
        assert contact_sheet(stimuli).dtype == np.uint8


def _with_id(path, stimulus):
    """Write a small set of 12 images with another first id."""
    table = small_parts()[0].iloc[:12]
    table.loc[0, "stimulus_id"] = stimulus
    return write_small_set(path, rows=slice(12), table=table)


def test_ids_with_slashes_become_folders(tmp_path):
    with StimulusSet(_with_id(tmp_path / "s.h5", "vase/target/c0_0")) as stimuli:
        export(stimuli, tmp_path / "out")
    assert (tmp_path / "out/images/vase/target/c0_0.png").is_file()


NO_FILES = (
    "../outside", "/etc/c0", "a:b", "a//b", "a\x1b[31m", "a\nb", "a\u202eb", "a/..", "a.", "a ",
    "con", "x/NUL.1", "Com1", "a" * 252, "ä" * 126 + "/b", "c\0",
)  # fmt: skip


def test_invalid_file_names_are_refused(small_set):
    with StimulusSet(small_set) as stimuli:
        for stimulus in NO_FILES:
            with pytest.raises(InputError, match=r"' cannot name a file on every system; it holds"):
                file_name(stimuli, stimulus)
        for stimulus in ("console", "a.b/.c d", "日本/ä", "a" * 251):
            assert file_name(stimuli, stimulus) == f"images/{stimulus}.png"


@pytest.mark.parametrize("stimulus", ["../outside", "a:b"])
def test_export_refuses_an_invalid_file_name(tmp_path, stimulus):
    path = _with_id(tmp_path / "s.h5", stimulus)
    with StimulusSet(path) as stimuli, pytest.raises(InputError, match=r"' cannot name a file"):
        export(stimuli, tmp_path / "out")
    assert not any(path.name.endswith(".png") for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    "stimulus",
    [
        "VASE-MATERIAL_TARGET-0_C0_OWN_1", "vase-material_target-0_c0_own_1".replace("s", "ſ"),
    ],
)  # fmt: skip
def test_ids_that_differ_in_case_only_are_refused(tmp_path, stimulus):
    path = _with_id(tmp_path / "s.h5", stimulus)
    message = r"stimuli/stimulus_id: '.*' and '.*' would be one file on some systems; give them oth"
    with StimulusSet(path) as stimuli, pytest.raises(InputError, match=message):
        export(stimuli, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_ids_that_differ_in_the_code_of_accents_only_are_refused(small_set):
    with StimulusSet(small_set) as stimuli:
        check_file_names(stimuli, ["é", "è", "e", "日本"])
        with pytest.raises(
            InputError, match=r"'é' and 'e\u0301' would be one file on some systems"
        ):
            check_file_names(stimuli, ["é", "e\u0301"])


def test_a_summary_describes_the_set(small_set):
    with StimulusSet(small_set) as stimuli:
        found = summary(stimuli, distance=572.96, pitch=0.25)
    assert found["images"] == "168 of 16 × 16 pixels, 8 bits"
    assert found["visual angle"] == "0.40° × 0.40° at 572.96 mm"
    assert found["roles"].startswith("target 18, rerender 18, series 18, result 18, control 36")
    assert found["distances of net"] == "early, late"
    assert found["matched"] == "no"
