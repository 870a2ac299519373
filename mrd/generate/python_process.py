"""Start Python in another process, without the current folder on its path.

Python started with ``-c`` or ``-m``, as `multiprocessing` and submitit do, looks for modules in the
current folder first: a user's ``analysis.py`` or ``random.py`` would replace the intended module.
"""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "PYTHONSAFEPATH"  # the effect of `-P`, for all child processes


def command(code: str, *words: str) -> list[str]:
    """Return the command that runs Python code with `words` in `sys.argv[1:]`."""
    return [sys.executable, "-P", "-c", code, *words]


def interpreter() -> str:
    """Return this interpreter, quoted, and `-P`, as the start of a shell command."""
    return f"{shlex.quote(sys.executable)} -P"


@contextmanager
def safe_path() -> Iterator[None]:
    """Keep the current folder off the path of Python processes that are started in the block."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
