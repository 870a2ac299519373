"""Summaries of the mesh and picture files that a study names."""

from collections.abc import Iterator

from mrd.study.study import Study
from scenes.base.errors import about
from scenes.config import target_scene
from scenes.file_summaries import FileSummary, file_summaries
from scenes.scene import Scene


def read_files(study: Study) -> Iterator[tuple[str, FileSummary]]:
    """Read the files of targets and start shapes; yield place in the study and summary of each."""
    for name, config in study.targets.items():
        with about(f"targets.{name}"):
            scene = target_scene(name, config, study.folder)
            yield from ((f"targets.{name}", each) for each in file_summaries(scene, study.folder))
    for name, search in study.searches.items():
        if search.start.shape is not None:
            place = f"searches.{name}.start"
            with about(place):
                scene = Scene(name=name, shape=search.start.shape)
                yield from ((place, each) for each in file_summaries(scene, study.folder))


def changed_files(study: Study) -> Iterator[str]:
    """Yield one line for each file whose content was changed while it was read."""
    for place, reading in read_files(study):
        if reading.changes:
            yield f"{place}.{reading.key}: {reading.path.name}: {'; '.join(reading.changes)}"
