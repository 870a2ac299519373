"""Export a set as plain files: PNGs, a table with its data dictionary, and a contact sheet."""

import json
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from scenes.base.atomic_files import check_writable, whole_file
from scenes.base.errors import InputError
from stimuli import schema
from stimuli.contact_sheet import contact_sheet
from stimuli.png import write_png
from stimuli.stimulus_set import StimulusSet

TABLE, DICTIONARY, SHEET, FOLDER = "stimuli.tsv", "stimuli.json", "contact_sheet.png", "images"
_UNSAFE = '<>:"\\|?*'
_RESERVED = frozenset(  # by Windows
    {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}
)
LONGEST_NAME = 255  # bytes, of most file systems


def export(
    stimuli: StimulusSet,
    folder: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Path:
    """Write a set as files that can be read without this suite.

    Parameters
    ----------
    stimuli
        The set.
    folder
        Receives ``images/<stimulus_id>.png`` (8 or 16 bits, as stored; a ``/`` in an id makes a
        folder), ``stimuli.tsv`` (a row for each image, ``n/a`` where a column does not apply),
        ``stimuli.json`` (data dictionary of BIDS) and ``contact_sheet.png``.
    progress
        Called with (images done, number of images).

    Returns
    -------
    Path
        The contact sheet.

    Raises
    ------
    InputError
        An image is damaged, an id cannot name a file, or the folder cannot be written.
    """
    table = stimuli.table
    names = {name: file_name(stimuli, name) for name in table[schema.KEY]}
    check_file_names(stimuli, table[schema.KEY])
    check_writable(folder)
    for done, (stimulus, name) in enumerate(names.items(), 1):
        write_png(folder / name, stimuli.image(stimulus))
        progress(done, len(names))
    write_table(folder, table.assign(file=list(names.values())), stimuli.content_hash)
    write_png(folder / SHEET, contact_sheet(stimuli))
    return folder / SHEET


def write_table(folder: Path, table: pd.DataFrame, content_hash: str) -> None:
    """Write ``stimuli.tsv``, a table with the columns of a set and ``file``, and its dictionary."""
    described = {
        "ContentHash": content_hash,
        **schema.data_dictionary(),
        "file": {"Description": "The image, relative to this table's folder."},
    }
    with whole_file(folder / DICTIONARY) as beside:
        text = json.dumps(described, indent=2, ensure_ascii=False)
        beside.write_text(f"{text}\n", encoding="utf-8")
    shown = table.astype(object).where(table.notna() & (table != ""), "n/a")
    with whole_file(folder / TABLE) as beside:
        shown.to_csv(beside, sep="\t", index=False, lineterminator="\n", encoding="utf-8")


def file_name(stimuli: StimulusSet, stimulus: str) -> str:
    """Return ``images/<stimulus_id>.png``; raise InputError if the id cannot be a file name."""
    steps = stimulus.split("/")
    if (
        not set(_UNSAFE).isdisjoint(stimulus)
        or not stimulus.isprintable()
        or any(not step or step.rstrip(". ") != step for step in steps)
        or any(step.partition(".")[0].upper() in _RESERVED for step in steps)
        or max(len(f"{step}.png".encode()) for step in steps) > LONGEST_NAME
    ):
        raise InputError(
            f"{stimuli.path}: stimuli/{schema.KEY}: '{stimulus[:LONGEST_NAME]}' cannot name a file "
            f"on every system; it holds one of {_UNSAFE}, a character that does not print, or a "
            "step that is empty, too long, reserved (such as con), or ends with a dot or blank"
        )
    return f"{FOLDER}/{stimulus}.png"


def check_file_names(stimuli: StimulusSet, names: Iterable[str]) -> None:
    """Raise InputError if two ids differ only in case or in the encoding of accents.

    Some systems take their files for one.
    """
    seen: dict[str, str] = {}
    for name in names:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        if seen.setdefault(key, name) != name:
            raise InputError(
                f"{stimuli.path}: stimuli/{schema.KEY}: '{seen[key]}' and '{name}' would be one "
                "file on some systems; give them other ids in the studies that made them"
            )
