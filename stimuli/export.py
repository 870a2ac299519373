"""A set as plain files: PNGs, a table with its data dictionary, and a sheet to look at."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from scenes.atomic import check_writable, whole_file
from scenes.errors import InputError
from stimuli import schema
from stimuli.contact_sheet import contact_sheet
from stimuli.png import write_png
from stimuli.stimulus_set import StimulusSet

TABLE, DICTIONARY, SHEET, FOLDER = "stimuli.tsv", "stimuli.json", "contact_sheet.png", "images"
_UNSAFE = '<>:"\\|?*'


def export(
    stimuli: StimulusSet,
    folder: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Path:
    """Write a set as files that need nothing of this suite.

    Parameters
    ----------
    stimuli
        The set.
    folder
        Gets ``images/<stimulus_id>.png`` (8 or 16 bits, as stored; what stands before a ``/`` in
        an id becomes a folder), ``stimuli.tsv`` (a row an
        image, ``n/a`` where a column does not apply), ``stimuli.json`` (what the columns mean,
        in BIDS' form) and ``contact_sheet.png``.
    progress
        Told (images done, of how many).

    Returns
    -------
    Path
        Of the contact sheet.

    Raises
    ------
    InputError
        An image is damaged, an id cannot name a file, or the folder cannot be written.
    """
    check_writable(folder)
    table = stimuli.table
    names = {name: file_name(stimuli, name) for name in table[schema.KEY]}
    for done, (stimulus, name) in enumerate(names.items(), 1):
        write_png(folder / name, stimuli.image(stimulus))
        progress(done, len(names))
    write_table(folder, table.assign(file=list(names.values())), stimuli.content_hash)
    write_png(folder / SHEET, contact_sheet(stimuli))
    return folder / SHEET


def write_table(folder: Path, table: pd.DataFrame, content_hash: str) -> None:
    """Write a table of stimuli and its data dictionary.

    Parameters
    ----------
    folder
        Where ``stimuli.tsv`` and ``stimuli.json`` go.
    table
        The columns of a set, and ``file``.
    content_hash
        Of the set.

    Raises
    ------
    InputError
        A file cannot be written.
    """
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
    """Name the file of an image: ``images/<stimulus_id>.png``.

    Raises
    ------
    InputError
        The id cannot name a file.
    """
    steps = stimulus.split("/")
    if not set(_UNSAFE).isdisjoint(stimulus) or {"", ".", ".."} & set(steps):
        raise InputError(
            f"{stimuli.path}: stimuli/{schema.KEY}: '{stimulus}' cannot name a file; it holds one "
            f"of {_UNSAFE}, or a step that is empty, . or .."
        )
    return f"{FOLDER}/{stimulus}.png"
