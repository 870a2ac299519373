"""Numbers from mesh files that are text."""

from collections.abc import Sequence

from scenes.base.errors import InputError


def decoded(data: bytes) -> str:
    """Return the text of a file: UTF-8 or UTF-16 with its mark, otherwise Latin-1 (names only)."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data:
        raise InputError("is not text, as this format has to be; export it again")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def numbers(line: int, words: Sequence[str], at_least: int) -> list[float]:
    """Return the numbers of a line.

    Raises
    ------
    InputError
        There are too few, or a word is no number. The line is named.
    """
    if len(words) < at_least:
        raise InputError(f"line {line}: holds {len(words)} numbers; at least {at_least} are needed")
    try:
        return [float(word) for word in words]
    except ValueError as error:
        wrong = next(word for word in words if not _is_number(word))
        hint = "write the decimal sign as a point" if "," in wrong else "export the file again"
        raise InputError(f"line {line}: '{wrong[:40]}' is not a number; {hint}") from error


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
