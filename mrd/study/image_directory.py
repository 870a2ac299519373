"""A folder of images that grows image by image; a stopped process resumes at the next one.

::

    run.json        requested images, status, versions, hardware
    scenes/         every rendered scene; a mesh or picture that several scenes share is stored once
    <role>-<index>/<camera>_<light>_<noise seed>.exr and .png
    images.jsonl    records of the finished images, until all are finished
    <role>-<index>/<camera>_<kind>.exr and aovs.json, if the study asks for AOVs
    records.csv     records of all images, written last; records.json describes its columns
    files.json      sizes of all files, written last: missing or cut images are rendered again
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mrd.study import file_sizes
from mrd.study.run_directory import RunDirectory
from mrd.study.storage import plain, read_mapping, write_json, writing
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError
from scenes.base.inside_folder import inside
from scenes.scene_files import read_scene
from stimuli.aov_files import AOVS_FILE, AovEntry, read_aov_table, write_aov_table
from stimuli.intake import RECORDS_FILE, ROLES, ImageRecord, read_records, write_records

JOURNAL = "images.jsonl"
TIMING = "timing.json"
BOOKKEEPING = ("run.json", TIMING, file_sizes.FILE)

# Paths, within the folder, of the files that are written under its lock.
WRITTEN_BY_IMAGES = (
    r"(run|files|timing|records|aovs|noise_floor)\.json|records\.csv|"
    r"scenes/(\w+-)?\w+\.(json|ply|exr)|"
    rf"({'|'.join(ROLES)})(-\d+)?/[^/]+\.(exr|png)"
)


class ImageDirectory(RunDirectory):
    """The images of a run (``runs/<run>/series``) or of a family (``runs/families/<family>``).

    A family is a target with one search; all runs of a family share its images.
    """

    written = WRITTEN_BY_IMAGES

    def request(self, resolved: Mapping[str, Any]) -> None:
        """Record in `run.json` which images are to be rendered; delete no existing image."""
        if self.exists and not self.is_request(resolved):
            record = self.record()
            changes = {"resolved": plain(resolved), "status": "pending", "message": ""}
            self.write_json("run.json", record | changes)
        self.create(resolved)

    def is_request(self, resolved: Mapping[str, Any]) -> bool:
        """Return whether `run.json` requests exactly these images."""
        with suppress(InputError):
            return bool(self.record()["resolved"] == plain(resolved))
        return False

    def is_done(self, resolved: Mapping[str, Any], by_hash: bool = False) -> bool:
        """Return whether all images exist with their recorded sizes and, if `by_hash`, hashes."""
        done = self.exists and self.is_request(resolved) and self.status() == "done"
        return done and (not by_hash or self._is_unaltered())

    def results(self) -> Iterable[Path]:
        """Return the files of finished images, of their scenes, and of the tables of results."""
        yield from (self.path / name for each in self.finished().values() for name in _files(each))
        yield from (self.path / name for name in read_aov_table(self.path))
        yield from self.path.glob("scenes/**/*")
        tables = (*self.path.glob("*.csv"), *self.path.glob("*.json"))
        yield from (path for path in tables if path.name not in BOOKKEEPING)

    def lost(self) -> list[str]:
        """Return the files that went missing or were cut since all images were finished."""
        return file_sizes.differing(self.path)

    def _is_unaltered(self) -> bool:
        records = self.finished().values()
        try:
            for scene_file in {record.scene_file for record in records}:
                read_scene(self._path_of(scene_file))
        except InputError:
            return False
        return all(self.is_whole(record) for record in records) and all(
            self.has(name, entry.sha256) for name, entry in read_aov_table(self.path).items()
        )

    def count(self) -> int:
        """Return the number of finished images whose files exist with their recorded sizes."""
        lost = set(self.lost())
        return sum(
            lost.isdisjoint(_files(record))
            and all((self.path / name).is_file() for name in _files(record))
            for record in self.finished().values()
        )

    def finished(self) -> dict[str, ImageRecord]:
        """Return the records of finished images by id; their image files are not checked."""
        records: list[ImageRecord] = []
        with suppress(InputError):
            records += read_records(self.path / RECORDS_FILE)
        with suppress(OSError), (self.path / JOURNAL).open(encoding="utf-8") as journal:
            for line in journal:
                with suppress(ValidationError):  # an incomplete line, after a kill
                    records.append(ImageRecord.model_validate_json(line))
        return {record.id: record for record in records}

    def is_whole(self, record: ImageRecord) -> bool:
        """Return whether both files of an image have the hashes in its record.

        Raises InputError if the path of a file, or its link, leads out of the folder.
        """
        files = (
            (record.radiance_file, record.radiance_sha256),
            (record.display_file, record.display_sha256),
        )
        return all(self.has(name, sha256) for name, sha256 in files)

    def has(self, name: str, sha256: str) -> bool:
        """Return whether a file of the folder exists with this hash."""
        try:
            return file_sha256(self._path_of(name)) == sha256
        except OSError:
            return False

    def end_torn_line(self) -> None:
        """Start a new line in the journal, in case a stopped process left half a line."""
        if (self.path / JOURNAL).is_file():
            self._append_line("")

    def append(self, record: ImageRecord) -> None:
        """Add the record of a finished image to the journal."""
        self._append_line(record.model_dump_json())

    def _append_line(self, text: str) -> None:
        path = self.path / JOURNAL
        with writing(path), path.open("a", encoding="utf-8") as journal:
            journal.write(f"{text}\n")

    def publish(self, records: Sequence[ImageRecord], earlier: Iterable[ImageRecord]) -> None:
        """Write the table of all images, and remove images of earlier records that it lacks.

        A file is removed only if its name is that of an image in this folder: records may be wrong.
        """
        named = {name for each in records for name in _files(each)}
        former = {name for each in earlier for name in _files(each)} - named
        removed = [
            path
            for name in sorted(former)
            if re.fullmatch(self.written, name) and (path := self._path_of(name))
        ]
        write_records(records, self.path)
        (self.path / JOURNAL).unlink(missing_ok=True)
        for path in removed:
            path.unlink(missing_ok=True)

    def publish_aovs(self, table: Mapping[str, AovEntry]) -> None:
        """Write the table of AOVs, and remove those of an earlier table that it lacks."""
        former = read_aov_table(self.path)
        if table:
            write_aov_table(self.path, table)
        else:
            (self.path / AOVS_FILE).unlink(missing_ok=True)
        for name in former.keys() - table.keys():
            if re.fullmatch(self.written, name):
                self._path_of(name).unlink(missing_ok=True)

    def note_timing(self, **added: float) -> None:
        """Add numbers of samples, pixels, seconds and bytes to the totals of this folder."""
        earlier = self.timing()
        total = {name: earlier.get(name, 0) + value for name, value in added.items()}
        write_json(self.path / TIMING, total)

    def timing(self) -> dict[str, float]:
        """Return the totals that `note_timing` has written; empty if there are none."""
        with suppress(ValueError, TypeError):
            content = read_mapping(self.path / TIMING) or {}
            return {name: float(value) for name, value in content.items()}
        return {}

    def _path_of(self, name: str) -> Path:
        """Return the path of a file named in a record; raise InputError if outside the folder."""
        return inside(self.path, name, self.path / RECORDS_FILE)


def _files(record: ImageRecord) -> tuple[str, str]:
    return record.radiance_file, record.display_file


def of_run(runs: Path, name: str) -> ImageDirectory:
    """Return the folder of the images of a run."""
    return ImageDirectory(runs / name / "series")


def of_family(runs: Path, family: str) -> ImageDirectory:
    """Return the folder of the images that all runs of a family share."""
    return ImageDirectory(runs / "families" / family)
