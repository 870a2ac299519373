"""Errors that the user can correct, as one-line messages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError


class InputError(Exception):
    """The input is wrong, and the user can correct it.

    The command line prints the message in one line and exits with status 2. The message names the
    file, key and value, what is allowed, and what to do. It may quote files from other people, so
    characters that do not print are escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(message.split())))


def printable(text: str) -> str:
    r"""Return a text with characters that do not print escaped, such as ``\x1b``.

    Without this, names and files from other people could move a terminal's cursor, hide lines, or
    change the writing direction. Letters of all scripts, line feeds and tabs stay.
    """
    return "".join(
        each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode()
        for each in text
    )


def one_line(error: Exception) -> str:
    """Return an error's message in one line, or the name of its class if it has no message."""
    return printable(" ".join(str(error).split())) or type(error).__name__


@contextmanager
def about(place: str) -> Iterator[None]:
    """Begin the message of an `InputError` raised in the block with ``place: ``."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Begin errors of the block with `path`; an `OSError` becomes an `InputError`."""
    with about(str(path)):
        try:
            yield
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}") from error


# If a module of these packages is missing, that is a mistake in the suite, not a missing extra.
OWN_PACKAGES = frozenset({"scenes", "stimuli", "psychophysics", "analysis", "mrd"})


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra of the suite (the suite is on no package index)."""
    return f"in a clone of the suite: pip install -c constraints.txt '.[{extra}]'"


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """If an import in the block fails, raise `InputError` that names the extra to install."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] in OWN_PACKAGES:
            raise
        missing = isinstance(error, ModuleNotFoundError) and error.name
        what = f"{error.name} is not installed" if missing else f"cannot load {one_line(error)}"
        note = " (PsychoPy: Python 3.11 or 3.12)" if extra == "lab" else ""
        raise InputError(f"{what}; {how_to_install(extra)}{note}") from error


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return ``did you mean 'bunny'?``, or an empty string if no valid name is similar."""
    names = {each.lower(): each for each in valid}
    close = get_close_matches(name.lower(), list(names), n=1)
    return f"did you mean '{names[close[0]]}'?" if close else ""


def unknown(kind: str, name: str, valid: Iterable[str], others: str = "") -> InputError:
    """Return the error for a name that does not exist, with the nearest name and all valid ones."""
    names = sorted(valid)
    known = f"known: {', '.join(names)}{others}"
    return InputError(f"no {kind} is called '{name}'; {nearest(name, names)} {known}")


def first_problem(error: ValidationError, data: Any) -> str:
    """Return the first problem of a failed validation in one line, ``key.key: what is wrong``."""
    problem = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in keys_of(problem["loc"], data))
    message = problem["msg"].removeprefix("Value error, ")
    return f"{path}: {message}" if path else message


def keys_of(location: tuple[int | str, ...], data: Any) -> tuple[int | str, ...]:
    """Return the keys in the location of a pydantic error.

    Names of union members, which pydantic adds to the location, are left out.
    """
    keys: list[int | str] = []
    for place, part in enumerate(location):
        last = place == len(location) - 1
        if isinstance(data, Mapping) and (part in data or last):
            keys.append(part)
            data = data.get(part)
        elif isinstance(data, Sequence) and not isinstance(data, str) and isinstance(part, int):
            keys.append(part)
            data = data[part] if part < len(data) else None
    return tuple(keys)
