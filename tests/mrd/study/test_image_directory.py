"""Folders of images: no file outside of them is read, published or deleted."""

import json
import shutil
from pathlib import Path

import pytest

from mrd.generate import levels
from mrd.measures import pixel_files
from mrd.study.image_directory import JOURNAL, ImageDirectory
from scenes.base.errors import InputError
from stimuli.intake import RECORDS_FILE, read_records
from tests.mrd.study.test_run_directory import write_files
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


def test_a_linked_folder_that_leads_out_is_refused_before_anything_is_written(found):
    directory, records = found
    victim = directory.path.parent / "victim.png"
    victim.write_text("mine")
    (directory.path / "target").symlink_to(directory.path.parent)
    earlier = [records[0].model_copy(update={"radiance_file": "target/victim.png"})]
    message = r"target/victim.png: is reached by a linked folder that leads out of .*series"
    with pytest.raises(InputError, match=message):
        directory.publish(records[1:], earlier)
    with pytest.raises(InputError, match=message):
        directory.is_whole(earlier[0])
    assert victims(directory) == ["mine", "mine"]
    assert victim.read_text() == "mine"
    assert sorted(each.name for each in directory.path.iterdir()) == ["target"]


def test_images_may_be_links_and_dropping_one_removes_the_link_alone(written, tmp_path):
    folder = Path(shutil.copytree(written.parent, tmp_path / "series"))
    directory = ImageDirectory(folder)
    record = next(iter(directory.finished().values()))
    same = {"display_file": record.radiance_file, "display_sha256": record.radiance_sha256}
    first = record.model_copy(update=same)
    moved = (folder / first.radiance_file).rename(tmp_path / "object")
    (folder / first.radiance_file).symlink_to(moved)
    assert directory.is_whole(first)
    image = "target/c0_own_7.png"
    (folder / "target").mkdir(exist_ok=True)
    (folder / image).symlink_to(tmp_path / "kept.png")
    (tmp_path / "kept.png").write_text("mine")
    directory.publish([first], [first.model_copy(update={"display_file": image})])
    assert not (folder / image).is_symlink()
    assert (tmp_path / "kept.png").read_text() == "mine"
    moved.write_bytes(b"another image")
    assert not directory.is_whole(first)


def test_what_is_dropped_is_what_earlier_records_named(found):
    directory, _ = found
    names = [f"series-1/c0_own_{noise}.exr" for noise in range(3)]
    records = [
        record.model_copy(update={"radiance_file": name})
        for record, name in zip(found[1], names, strict=True)
    ]
    (directory.path / "series-1").mkdir()
    for name in names:
        (directory.path / name).touch()
    directory.publish(records[:2], records)
    assert [name for name in names if (directory.path / name).exists()] == names[:2]


def test_levels_of_another_folder_are_made_again(tmp_path):
    """A scene of `levels.json` that lies elsewhere is not read."""
    folder = tmp_path / "series"
    folder.mkdir()
    row = {"role": "series", "index": 1, "level": 1.0, "scene": "../../x.json", "distances": {}}
    (folder / levels.LEVELS_FILE).write_text(json.dumps({"key": {}, "levels": [row]}))
    assert levels._read_levels(folder, {}) is None


def test_pixel_metamers_of_another_folder_are_refused(tmp_path):
    folder = tmp_path / "run" / pixel_files.FOLDER
    folder.mkdir(parents=True)
    (folder / pixel_files.PREVIEW).touch()
    record = {"inputs": "x", "cameras": [{"camera": "../../private", "sha256": "0" * 64}]}
    (folder / pixel_files.RECORD).write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"'../../private.png' does not name a file below"):
        pixel_files.finished(folder, "x")
    with pytest.raises(InputError, match=r"'target_../../x.png' does not name a file below"):
        pixel_files.rendered(folder.parent, "target", ["../../x"])


LEFTOVERS = [
    ".run-abcdefgh.json",
    ".records-abcdefgh.csv",
    ".noise_floor-abcdefgh.json",
    "scenes/.0123456789abcdef-abcdefgh.json",
    "scenes/.surface-0123456789abcdef-abcdefgh.ply",
    "target/.c0_own_0-abcdefgh.exr",
    "series-003/.c0_own_1-abcdefgh.png",
]
OF_OTHERS = [
    ".my-notes.txt",
    ".git-abcdefgh/run.json",
    "scenes/.my-notebook.txt",
    "notes/.c0-abcdefgh.png",
    "target/.c0-abcdefgh.txt",
]


def test_claiming_removes_what_a_killed_writer_left_and_nothing_else(tmp_path):
    images = ImageDirectory(tmp_path / "series")
    images.request({"images": 3})
    write_files(images.path, LEFTOVERS + OF_OTHERS)
    with images.claim():
        assert [name for name in LEFTOVERS if (images.path / name).exists()] == []
        assert [name for name in OF_OTHERS if not (images.path / name).exists()] == []


@pytest.mark.parametrize("name", ["victim.txt", "target/victim.txt", "notes/c0_own_1.png"])
def test_publishing_removes_images_of_earlier_records_and_no_other_file(tmp_path, name):
    (table, *_) = write_runs(tmp_path / "runs" / "study")
    images = ImageDirectory(table.parent)
    (record, *_) = images.finished().values()
    victim = images.path / name
    image = "target/c0_own_7.png"
    for path in (victim, images.path / image):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a file")
    earlier = record.model_copy(update={"radiance_file": name, "display_file": image})
    images.publish([record], [earlier])
    assert victim.read_text() == "a file"
    assert not (images.path / image).exists()
