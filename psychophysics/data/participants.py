"""``participants.tsv``: codes and numbers of participants, in a table that people may edit.

Other columns (age, sex, …) and the order of columns are kept. A number that is missing in the table
is taken from the sidecars of the participant's sessions.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scenes.base.errors import InputError

ID, ORDER, OBSERVER = COLUMNS = ("participant_id", "order", "observer")
NO_NUMBER = ("", "n/a")
BOM = "\ufeff"
# Programs that find n/a in a column of numbers write the others as 0.0, 1.0, …
_WHOLE = re.compile(r"([0-9]{1,9})(\.0+)?")


@dataclass(frozen=True)
class Participant:
    """A participant; `number` is None if the table states none."""

    code: str
    number: int | None
    observer: str


@dataclass(frozen=True)
class Table:
    """The file: header, rows, byte order mark (`start`), line ends, and each row's participant."""

    header: tuple[str, ...] = COLUMNS
    rows: tuple[tuple[str, ...], ...] = ()
    start: str = ""
    newline: str = "\n"
    people: tuple[Participant, ...] = ()


def read(path: Path) -> Table | None:
    """Return the table, or None if it is missing or empty."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    text = _text(content, path)
    lines = _cells(text.removeprefix(BOM), path)
    if not lines:
        return None
    (_, header), *rows = lines
    places = _places(header, path)
    people: dict[str, tuple[Participant, int]] = {}
    for number, cells in rows:
        person = _person(cells, header, places, f"{path}: line {number}")
        if person.code in people:
            raise InputError(
                f"{path}: line {number}: sub-{person.code} is in line {people[person.code][1]} as "
                "well; keep the line whose order is ParticipantOrder in the session's JSON file"
            )
        people[person.code] = person, number
    return Table(
        tuple(header),
        tuple(tuple(cells) for _, cells in rows),
        BOM if text.startswith(BOM) else "",
        "\r\n" if "\r\n" in text else "\n" if "\n" in text or "\r" not in text else "\r",
        tuple(person for person, _ in people.values()),
    )


def table_bytes(table: Table, people: Iterable[Participant]) -> bytes:
    """Return the bytes of the file with these participants' rows filled in or added at the end."""
    names = [name.strip().lower() for name in table.header]
    added = [name for name in COLUMNS if name not in names]
    header = [*table.header, *added]
    names += added
    rows = [[*cells, *["n/a"] * (len(header) - len(cells))] for cells in table.rows]
    place = {person.code: row for row, person in zip(rows, table.people, strict=True)}
    for person in people:
        row = place.get(person.code)
        if row is None:
            row = ["n/a" if name else "" for name in names]
            row[names.index(ID)] = f"sub-{person.code}"
            rows.append(row)
        row[names.index(ORDER)] = str(person.number)
        row[names.index(OBSERVER)] = person.observer
    text = io.StringIO(newline="")
    csv.writer(text, delimiter="\t", lineterminator=table.newline).writerows([header, *rows])
    return f"{table.start}{text.getvalue()}".encode()


def page_code(number: int) -> str:
    """Return the code of a participant in a browser: ``web01`` for number 0."""
    return f"web{number + 1:02d}"


def others_with_number(people: Iterable[Participant], code: str, number: int) -> list[str]:
    """Return the codes of others with this number, without that of a participant in a browser."""
    if code == page_code(number):
        return []
    apart = (code, page_code(number))
    return [each.code for each in people if each.number == number and each.code not in apart]


def recorded_number(
    people: Iterable[Participant], of_sessions: Mapping[str, Participant], code: str, path: Path
) -> int | None:
    """Return a participant's number from the table or their sessions; None if they are new."""
    listed = {person.code: person for person in people}
    for other in (*listed, *of_sessions):
        if other != code and other.lower() == code.lower():
            raise InputError(
                f"participant '{code}': '{other}' exists already, and some file systems do not "
                "distinguish the two; use another code"
            )
    numbers = [
        each[code].number
        for each in (listed, of_sessions)
        if code in each and each[code].number is not None
    ]
    if len(set(numbers)) > 1:
        raise InputError(
            f"{path}: order of sub-{code} is {numbers[0]}, and their sessions have {numbers[1]}; "
            f"write {numbers[1]}"
        )
    return numbers[0] if numbers else None


# ---- Text --------------------------------------------------------------------------------------


def _text(content: bytes, path: Path) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}: line 1: UTF-16; save the file as UTF-8, separated by tabs")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, content[: error.start].count(b"\n") + 1) from error
    if "\0" in text:
        raise _not_utf8(path, text[: text.index("\0")].count("\n") + 1)
    return text


def _not_utf8(path: Path, line: int) -> InputError:
    return InputError(f"{path}: line {line}: not UTF-8; save the file as UTF-8, separated by tabs")


def _cells(text: str, path: Path) -> list[tuple[int, list[str]]]:
    """Return the line number and the cells of each line that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise InputError(
            f"{path}: line {reader.line_num}: {error}; close the quotation marks of a cell"
        ) from error
    return [(number, cells) for number, cells in lines if any(cell.strip() for cell in cells)]


def _places(header: Sequence[str], path: Path) -> dict[str, int]:
    names = [name.strip().lower() for name in header]
    for separator in (";", ","):
        if len([name for name in names if name]) == 1 and separator in names[0]:
            raise InputError(
                f"{path}: line 1: columns are separated by '{separator}'; save the file as text "
                "separated by tabs"
            )
    for name in COLUMNS:
        if names.count(name) > 1:
            raise InputError(f"{path}: line 1: column '{name}' occurs twice; keep one")
    if ID not in names:
        raise InputError(
            f"{path}: line 1: column '{ID}' is missing; the columns are {', '.join(COLUMNS)}, and "
            "any others; restore it"
        )
    return {name: names.index(name) for name in COLUMNS if name in names}


def _person(
    cells: Sequence[str], header: Sequence[str], places: Mapping[str, int], where: str
) -> Participant:
    if any(cell.strip() for cell in cells[len(header) :]) or len(cells) <= max(places.values()):
        raise InputError(
            f"{where}: {len(cells)} cells for {len(header)} columns; add the missing cell (n/a if "
            "its value is not known), or remove one"
        )
    own = {name: cells[place].strip() for name, place in places.items()}
    code = own[ID][4:] if own[ID].lower().startswith("sub-") else own[ID]
    if not code:
        raise InputError(f"{where}, column '{ID}': '{own[ID]}'; write a code, such as sub-01")
    number = own.get(ORDER, "")
    if number.lower() in NO_NUMBER:
        return Participant(code, None, own.get(OBSERVER, ""))
    whole = _WHOLE.fullmatch(number)
    if not whole:
        raise InputError(
            f"{where}, column '{ORDER}': '{number[:60]}'; write a whole number from 0, or n/a for "
            "a participant without a session"
        )
    return Participant(code, int(whole[1]), own.get(OBSERVER, ""))
