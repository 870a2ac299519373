"""What was read from the files that a study names."""

from collections.abc import Iterator

from mrd.study.study import Study
from scenes.base.errors import about
from scenes.config import target_scene
from scenes.file_summaries import FileSummary, file_summaries
from scenes.scene import Scene


def read_files(study: Study) -> Iterator[tuple[str, FileSummary]]:
    """Read the files of a study's targets and start shapes; yield a place and what was read.

    Raises
    ------
    InputError
        A file is missing or damaged; the place is named.
    """
    for name, config in study.targets.items():
        place = f"targets.{name}"
        with about(place):
            scene = target_scene(name, config, study.folder)
            yield from ((place, each) for each in file_summaries(scene, study.folder))
    for name, search in study.searches.items():
        if search.start.shape is not None:
            place = f"searches.{name}.start"
            with about(place):
                scene = Scene(name=name, shape=search.start.shape)
                yield from ((place, each) for each in file_summaries(scene, study.folder))


def changed_files(study: Study) -> Iterator[str]:
    """Say, a line each, what was changed while the files of a study were read."""
    for place, reading in read_files(study):
        if reading.changes:
            yield f"{place}.{reading.key}: {reading.path.name}: {'; '.join(reading.changes)}"
