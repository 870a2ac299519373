"""What goes wrong and can be mended by the user, said in one line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError


class InputError(Exception):
    """The input is wrong, and the user can mend it.

    The command line prints the message as it is, one line, and exits with 2. So it names the
    file, the key and the value, says what is allowed, and what to do. It may quote files of others:
    what does not print is replaced (`printable`).
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(message.split())))


def printable(text: str) -> str:
    r"""Return a text in which characters that do not print are escapes, such as ``\x1b``.

    So names and files of others cannot move a terminal's cursor, colour or hide lines, or turn the
    direction of writing. Letters of all scripts, line feeds and tabs stay.

    Parameters
    ----------
    text
        What is printed.
    """
    return "".join(
        each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode()
        for each in text
    )


def one_line(error: Exception) -> str:
    """Put an error in one line: what it says, or its kind where it says nothing."""
    return printable(" ".join(str(error).split())) or type(error).__name__


@contextmanager
def about(place: str) -> Iterator[None]:
    """Say which part of the input a complaint inside the block is about.

    Parameters
    ----------
    place
        What the message then begins with, such as ``"targets.vase"``.

    Raises
    ------
    InputError
        The one that the block raised, with the place before it.
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


OWN_PACKAGES = frozenset({"scenes", "stimuli", "psychophysics", "analysis", "mrd"})


def how_to_install(extra: str) -> str:
    """Say how an extra of the suite, which is on no package index, comes onto a machine."""
    return f"in a clone of the suite: pip install -c constraints.txt '.[{extra}]'"


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Say which extra to install where a library of it is missing.

    Parameters
    ----------
    extra
        Name of the extra, such as ``"analysis"``: everything that the block imports, at once or
        later, comes with it.

    Raises
    ------
    InputError
        A library cannot be imported in the block. A missing module of the suite itself is no
        matter of extras, and goes on as it is.
    """
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
    """Suggest the valid name that looks most like a mistyped one.

    Parameters
    ----------
    name
        What the user wrote.
    valid
        The names that exist.

    Returns
    -------
    str
        ``"did you mean 'bunny'?"``, or an empty string where nothing comes near.
    """
    names = {each.lower(): each for each in valid}
    close = get_close_matches(name.lower(), list(names), n=1)
    return f"did you mean '{names[close[0]]}'?" if close else ""


def unknown(kind: str, name: str, valid: Iterable[str]) -> InputError:
    """Make the error for a name that does not exist: the nearest valid one, then all of them.

    Parameters
    ----------
    kind
        What the name stands for, such as ``"scene"``.
    name
        What the user wrote.
    valid
        The names that exist.
    """
    names = sorted(valid)
    known = f"known: {', '.join(names)}"
    return InputError(f"no {kind} is called '{name}'; {nearest(name, names)} {known}")


def first_problem(error: ValidationError, data: Any) -> str:
    """Put the first problem of a failed validation in one line, ``key.key: what is wrong``.

    Parameters
    ----------
    error
        What pydantic raised.
    data
        What was validated: it tells the keys of the file from the names of the alternatives
        that pydantic tried.
    """
    problem = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in keys_of(problem["loc"], data))
    message = problem["msg"].removeprefix("Value error, ")
    return f"{path}: {message}" if path else message


def keys_of(location: tuple[int | str, ...], data: Any) -> tuple[int | str, ...]:
    """Follow a location of a pydantic error through the data, leaving out what is no key.

    Parameters
    ----------
    location
        ``loc`` of an error, such as ``("shape", "sphere", "radius")``.
    data
        What was validated, such as ``{"shape": {"kind": "sphere", "radius": -1}}``.

    Returns
    -------
    tuple
        The keys, such as ``("shape", "radius")``; a missing last key is kept.
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
