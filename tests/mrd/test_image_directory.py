"""Folders of images: what is removed from them, and what is not."""

import pytest

from mrd.image_directory import ImageDirectory
from tests.mrd.test_run import lay
from tests.small_runs import write_runs

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
    images.ask({"images": 3})
    lay(images.path, LEFTOVERS + OF_OTHERS)
    with images.claim():
        assert [name for name in LEFTOVERS if (images.path / name).exists()] == []
        assert [name for name in OF_OTHERS if not (images.path / name).exists()] == []


@pytest.mark.parametrize(
    "name", ["../../victim.txt", "../../victim.png", "target/../../../victim.png", "victim.txt"]
)
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
