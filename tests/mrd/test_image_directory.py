"""What a folder of images names lies in it: nothing else is read, published or deleted."""

import json

import pytest

from mrd import levels, pixel_metamer_files
from mrd.image_directory import JOURNAL, ImageDirectory
from scenes.errors import InputError
from stimuli.intake import RECORDS_FILE, read_records
from tests.small_runs import write_runs

NAME = "vase-shape"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    write_runs(folder, {})
    return folder / "families" / NAME / RECORDS_FILE


@pytest.fixture
def found(written, tmp_path):
    """Give a folder of images, their records, and a file of somebody else."""
    home = tmp_path / "runs" / "series"
    home.mkdir(parents=True)
    for path in (tmp_path / "victim.txt", tmp_path / "runs" / "victim.txt"):
        path.write_text("mine")
    return ImageDirectory(home), read_records(written)[:3]


def victims(directory):
    return [
        path.read_text()
        for path in (directory.path.parent / "victim.txt", directory.path.parents[1] / "victim.txt")
    ]


@pytest.mark.parametrize("key", ["radiance_file", "display_file", "scene_file"])
@pytest.mark.parametrize("name", ["../victim.txt", "../../victim.txt", "x/../../victim.txt", "ABS"])
def test_a_record_that_names_a_file_elsewhere_deletes_nothing(found, key, name):
    directory, records = found
    victim = directory.path.parent / "victim.txt"
    lines = [json.loads(each.model_dump_json()) for each in records]
    lines[1][key] = name.replace("ABS", str(victim))
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (directory.path / JOURNAL).write_text(text, encoding="utf-8")
    earlier = directory.finished()
    assert list(earlier) == [records[0].id, records[2].id]
    directory.publish(records[:1], earlier.values())
    assert victims(directory) == ["mine", "mine"]


def test_a_link_that_leads_out_is_refused_before_anything_is_written(found):
    directory, records = found
    (directory.path / "up").symlink_to(directory.path.parent)
    earlier = [records[0].model_copy(update={"radiance_file": "up/victim.txt"})]
    with pytest.raises(InputError, match=r"up/victim.txt: is a link that leads out of .*series"):
        directory.publish(records[1:], earlier)
    with pytest.raises(InputError, match=r"up/victim.txt: is a link that leads out of .*series"):
        directory.is_whole(earlier[0])
    assert victims(directory) == ["mine", "mine"]
    assert sorted(each.name for each in directory.path.iterdir()) == ["up"]


def test_what_is_dropped_is_what_earlier_records_named(found):
    directory, records = found
    for record in records:
        (directory.path / record.radiance_file).touch()
    directory.publish(records[:2], records)
    left = {each.name for each in directory.path.glob("*.exr")}
    assert left == {record.radiance_file for record in records[:2]}


def test_levels_of_another_folder_are_made_again(tmp_path):
    """A scene of `levels.json` that lies elsewhere is not read."""
    folder = tmp_path / "series"
    folder.mkdir()
    row = {"role": "series", "index": 1, "level": 1.0, "scene": "../../x.json", "distances": {}}
    (folder / levels.LEVELS_FILE).write_text(json.dumps({"key": {}, "levels": [row]}))
    assert levels._kept(folder, {}) is None


def test_pixel_metamers_of_another_folder_are_refused(tmp_path):
    folder = tmp_path / "run" / pixel_metamer_files.FOLDER
    folder.mkdir(parents=True)
    (folder / pixel_metamer_files.PREVIEW).touch()
    record = {"inputs": "x", "cameras": [{"camera": "../../private", "sha256": "0" * 64}]}
    (folder / pixel_metamer_files.RECORD).write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"'../../private.png' does not name a file below"):
        pixel_metamer_files.finished(folder, "x")
    with pytest.raises(InputError, match=r"'target_../../x.png' does not name a file below"):
        pixel_metamer_files.rendered(folder.parent, "target", ["../../x"])
