"""Render the AOVs of a family or of a run beside its images.

They are the same for all lights and noise seeds, so each camera has one file per kind.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mrd.generate.levels import Level
from mrd.rendering import image_files
from mrd.rendering.aovs import Aovs
from mrd.study.image_directory import ImageDirectory
from scenes.aov_kinds import Kind
from scenes.base.digest import file_sha256
from scenes.camera import cameras
from stimuli.aov_files import AovEntry, aov_name, read_aov_table


def make_aovs(
    directory: ImageDirectory,
    wanted: Sequence[Level],
    chosen: Collection[str],
    kinds: Sequence[Kind],
    samples: int,
) -> None:
    """Render the missing AOVs of all levels at the chosen cameras; remove those not wanted."""
    earlier = read_aov_table(directory.path)
    table: dict[str, AovEntry] = {}
    for level in wanted if kinds else ():
        scene = level.scene.sha256
        views = [view for view in cameras(level.scene.cameras) if view.name in chosen]
        names = {
            (view.name, kind): aov_name(level.folder, view.name, kind)
            for view in views
            for kind in kinds
        }
        known = {
            name: entry
            for name in names.values()
            if (entry := earlier.get(name))
            and entry.scene == scene
            and directory.has(name, entry.sha256)
        }
        table |= known
        if len(known) == len(names):
            continue
        aovs = Aovs(level.scene)
        for view in views:
            missing = [kind for kind in kinds if names[view.name, kind] not in known]
            for kind, pixels in aovs.of(view, missing, samples).items():
                name = names[view.name, kind]
                image_files.write_aov(directory.path / name, kind, pixels)
                table[name] = AovEntry(sha256=file_sha256(directory.path / name), scene=scene)
    directory.publish_aovs(table)
