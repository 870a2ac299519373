"""Start Python in another process, without the current folder on its path.

Python looks for modules in the current folder first when it is started with ``-c`` or ``-m``, as
`multiprocessing` and submitit do. A user's own ``analysis.py`` or ``random.py`` would be executed
there in place of the module that the suite means.
"""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "PYTHONSAFEPATH"  # does for all processes below what `-P` does for one


def command(code: str, *words: str) -> list[str]:
    """Command that runs Python code in another process.

    Parameters
    ----------
    code
        Source text.
    words
        What the code finds in `sys.argv` from index 1 on.
    """
    return [sys.executable, "-P", "-c", code, *words]


def interpreter() -> str:
    """Start of a shell command that runs Python: this interpreter, quoted, and `-P`."""
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
