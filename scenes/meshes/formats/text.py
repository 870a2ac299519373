"""Lines and numbers of mesh files in text form."""

import re
from collections.abc import Iterator, Sequence

from scenes.base.errors import InputError


def decoded(data: bytes) -> str:
    """Return the text of a file: UTF-8, UTF-16 with a byte order mark, or else Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data:
        raise InputError("is not text, as this format has to be; export it again")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # names in Latin-1
        return data.decode("latin-1")


def lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the words of each line, without comments (``#``)."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", decoded(data)), 1):
        yield number, line.split("#")[0].split()


def numbers(line: int, words: Sequence[str], at_least: int) -> list[float]:
    """Return the numbers of a line; raise if there are too few, or a word is not a number."""
    if len(words) < at_least:
        raise InputError(f"line {line}: holds {len(words)} numbers; at least {at_least} are needed")
    values = []
    for word in words:
        try:
            values.append(float(word))
        except ValueError as error:
            hint = "write the decimal sign as a point" if "," in word else "export the file again"
            raise InputError(f"line {line}: '{word[:40]}' is not a number; {hint}") from error
    return values
