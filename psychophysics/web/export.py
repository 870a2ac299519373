"""Export of an experiment as a page.

::

    index.html *.js style.css vendor/   the page, the same for every study
    design.js                           data that all participants share
    participants/web01.js …             the trials of each participant
    images/….png                        the images that they show, with 8 bits a channel

Each file of data is JSON in a function call, because a page that is opened as a file, without a
server, can load scripts but no data.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from psychophysics.data.bids_names import check_code
from psychophysics.experiment import Experiment
from psychophysics.lab.calibration import IDENTITY, on_display
from psychophysics.web import plan
from psychophysics.web.address import check_address
from scenes.base.atomic_files import whole_file, whole_folder
from stimuli.export import check_file_names, file_name
from stimuli.png import write_png


def export(
    experiment: Experiment,
    folder: Path,
    participants: int,
    visit: str,
    post: str | None = None,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> Path:
    """Write the page of an experiment.

    Parameters
    ----------
    experiment
        The experiment.
    folder
        New folder, which is written in one step.
    participants
        Number of participants, numbered from 0.
    visit
        Code of the session.
    post
        Address to which finished sessions are sent; by default participants save them as files.
    progress
        Called with what is being written, how many are written, and how many there are.

    Returns
    -------
    Path
        Path of the page.

    Raises
    ------
    InputError
        The experiment cannot run in a browser, the folder exists or cannot be written, an image
        is damaged, or the address is invalid or contains a password.
    """
    plan.check(experiment.config)
    check_code(visit, "session")
    if post is not None:
        check_address(post)
    shared = plan.design(experiment, visit, participants, post)
    with whole_folder(folder) as beside:
        _copy(resources.files(__package__) / "page", beside)
        _write_call(beside / "design.js", "design", shared)
        shown: set[str] = set()
        for number in range(participants):
            seat = plan.make_seat(experiment, number, visit)
            own = plan.participant(experiment, seat)
            _write_call(beside / "participants" / f"{seat.participant}.js", "participant", own)
            shown |= _images(own, shared["columns"])
            progress("participants", number + 1, participants)
        check_file_names(experiment.stimuli, sorted(shown))
        for done, stimulus in enumerate(sorted(shown), 1):
            image = on_display(experiment.stimuli.image(stimulus), IDENTITY)
            write_png(beside / file_name(experiment.stimuli, stimulus), image)
            progress("images", done, len(shown))
    return folder / "index.html"


def _images(own: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """Return the images in a participant's trials."""
    places = [
        place for place, name in enumerate(names) if name.removeprefix("stimulus_").isdecimal()
    ]
    trials = [*own["practice"], *own["trials"]]
    return {trial["row"][place] for trial in trials for place in places}


def _copy(source: Traversable, folder: Path) -> None:
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, folder / entry.name)
        else:
            with whole_file(folder / entry.name) as beside:
                beside.write_bytes(entry.read_bytes())


def _write_call(path: Path, function: str, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    with whole_file(path) as beside:
        beside.write_text(f"{function}({text});\n", encoding="utf-8")
