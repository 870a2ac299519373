"""A folder of images that grows one by one and can be stopped anywhere.

::

    run.json        what is asked for, status, versions, hardware
    scenes/         every scene that was rendered, equal meshes and pictures once
    <role>-<index>/<camera>_<light>_<noise seed>.exr and .png
    images.jsonl    the record of every finished image, while there are more to come
    records.csv     the records of all of them, at the end; records.json describes its columns
    files.json      the size of every file, at the end: what is gone or cut is made again
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mrd.study import file_sizes
from mrd.study.json_files import plain, write_json, writing
from mrd.study.run_directory import RunDirectory
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError
from scenes.base.inside_folder import inside
from scenes.scene import read_scene
from stimuli.intake import RECORDS_FILE, ROLES, ImageRecord, read_records, write_records

JOURNAL = "images.jsonl"
TIMING = "timing.json"
BOOKKEEPING = ("run.json", TIMING, file_sizes.FILE)


WRITTEN_BY_IMAGES = (
    r"(run|files|timing|records|noise_floor)\.json|records\.csv|"
    r"scenes/(\w+-)?\w+\.(json|ply|exr)|"
    rf"({'|'.join(ROLES)})(-\d+)?/[^/]+\.(exr|png)"
)


class ImageDirectory(RunDirectory):
    """The images of a run (``runs/<run>/series``) or of a family (``runs/families/<family>``)."""

    written = WRITTEN_BY_IMAGES

    def ask(self, resolved: Mapping[str, Any]) -> None:
        """Say what images are wanted; where others were before, they are kept as far as they fit.

        Raises
        ------
        InputError
            The folder cannot be written.
        """
        if self.exists and not self.is_asked(resolved):
            record = self.record()
            changes = {"resolved": plain(resolved), "status": "pending", "message": ""}
            self.write_json("run.json", record | changes)
        self.create(resolved)

    def is_asked(self, resolved: Mapping[str, Any]) -> bool:
        """Tell whether what is on disk was made for this."""
        with suppress(InputError):
            return bool(self.record()["resolved"] == plain(resolved))
        return False

    def is_done(self, resolved: Mapping[str, Any], by_hash: bool = False) -> bool:
        """Tell whether all of it is made, and still there.

        Parameters
        ----------
        resolved
            What is wanted.
        by_hash
            Whether every file is read, too: an altered byte is seen, and it takes its time.
        """
        done = self.exists and self.is_asked(resolved) and self.status() == "done"
        return done and (not by_hash or self._is_unaltered())

    def left(self) -> Iterable[Path]:
        """Images, their scenes, and the tables."""
        yield from (self.path / name for each in self.finished().values() for name in _files(each))
        yield from self.path.glob("scenes/**/*")
        tables = (*self.path.glob("*.csv"), *self.path.glob("*.json"))
        yield from (path for path in tables if path.name not in BOOKKEEPING)

    def lost(self) -> list[str]:
        """Files that are gone or cut since all were done."""
        return file_sizes.differing(self.path)

    def _is_unaltered(self) -> bool:
        """Tell whether images and scenes are those that were written, by their hashes."""
        records = self.finished().values()
        try:
            for scene_file in {record.scene_file for record in records}:
                read_scene(self._named(scene_file))
        except InputError:
            return False
        return all(self.is_whole(record) for record in records)

    def count(self) -> int:
        """Images that are finished and, by size, still there."""
        lost = set(self.lost())
        return sum(
            lost.isdisjoint(_files(record))
            and all((self.path / name).is_file() for name in _files(record))
            for record in self.finished().values()
        )

    def finished(self) -> dict[str, ImageRecord]:
        """Records of finished images by id; their files are not looked at."""
        records: list[ImageRecord] = []
        with suppress(InputError):
            records += read_records(self.path / RECORDS_FILE)
        with suppress(OSError), (self.path / JOURNAL).open(encoding="utf-8") as journal:
            for line in journal:
                with suppress(ValidationError):  # a line torn by a kill
                    records.append(ImageRecord.model_validate_json(line))
        return {record.id: record for record in records}

    def is_whole(self, record: ImageRecord) -> bool:
        """Tell whether the files of a record are there and what they were.

        Raises
        ------
        InputError
            They lie behind a linked folder that leads out.
        """
        files = (
            (record.radiance_file, record.radiance_sha256),
            (record.display_file, record.display_sha256),
        )
        try:
            return all(file_sha256(self._named(name)) == sha256 for name, sha256 in files)
        except OSError:
            return False

    def mend(self) -> None:
        """End a line of the journal that a kill has torn, so that the next one is whole.

        Raises
        ------
        InputError
            The journal cannot be written.
        """
        path = self.path / JOURNAL
        if path.is_file():
            with writing(path), path.open("a", encoding="utf-8") as journal:
                journal.write("\n")

    def append(self, record: ImageRecord) -> None:
        """Note a finished image.

        Raises
        ------
        InputError
            The journal cannot be written.
        """
        path = self.path / JOURNAL
        with writing(path), path.open("a", encoding="utf-8") as journal:
            journal.write(f"{record.model_dump_json()}\n")

    def publish(self, records: Sequence[ImageRecord], earlier: Iterable[ImageRecord]) -> None:
        """Write the table of all images, and drop the files of earlier ones that are not in it.

        A record that names another place than that of an image drops nothing.

        Raises
        ------
        InputError
            A file cannot be written.
        """
        named = {name for each in records for name in _files(each)}
        former = {name for each in earlier for name in _files(each)} - named
        dropped = [
            path
            for name in sorted(former)
            if re.fullmatch(self.written, name) and (path := self._named(name))
        ]
        write_records(records, self.path)
        (self.path / JOURNAL).unlink(missing_ok=True)
        for path in dropped:
            path.unlink(missing_ok=True)

    def note_timing(self, **added: float) -> None:
        """Keep how fast images were made: add up samples, pixels, seconds, bytes of the files."""
        earlier = self.timing()
        total = {name: earlier.get(name, 0) + value for name, value in added.items()}
        write_json(self.path / TIMING, total)

    def timing(self) -> dict[str, float]:
        """What `note_timing` kept; empty where nothing was."""
        with suppress(OSError, ValueError):
            content = json.loads((self.path / TIMING).read_text(encoding="utf-8"))
            return {name: float(value) for name, value in content.items()}
        return {}

    def _named(self, name: str) -> Path:
        """Path of a file that a record of this folder names."""
        return inside(self.path, name, self.path / RECORDS_FILE)


def _files(record: ImageRecord) -> tuple[str, str]:
    return record.radiance_file, record.display_file


def of_run(runs: Path, name: str) -> ImageDirectory:
    """Images of a run."""
    return ImageDirectory(runs / name / "series")


def of_family(runs: Path, family: str) -> ImageDirectory:
    """Images that all runs of a family share."""
    return ImageDirectory(runs / "families" / family)
