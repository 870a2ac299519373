"""A file for HDF5 to write to that can fill its disk without harm.

When a write of its own fails, the HDF5 library cannot close its file, says so on stderr many times
and can take the process with it. Here HDF5 writes to a Python file that keeps a failure to itself:
HDF5 goes on as if all was well, and whoever writes asks `check` and stops.
"""

import io
from pathlib import Path
from typing import Any


class PatientFile(io.RawIOBase):
    """A new binary file, with what h5py asks of one; a failed write is told by `check`.

    Parameters
    ----------
    path
        Written anew.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb+", buffering=0)
        self._error: OSError | None = None

    def check(self) -> None:
        """Tell whether all writes went well.

        Raises
        ------
        OSError
            The first failure.
        """
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    # ---- What HDF5 asks for ---------------------------------------------------------------------

    def write(self, content: Any) -> int:
        """Write all of the content, or keep why that failed."""
        waiting = memoryview(content)
        try:
            while len(waiting) and self._error is None:
                waiting = waiting[self._file.write(waiting) :]
        except OSError as error:
            self._error = error
        return len(content)

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; what a failed write left out is zero."""
        view = memoryview(buffer)
        done = self._file.readinto(view) or 0
        view[done:] = bytes(len(view) - done)
        return len(view)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Tell the place."""
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        """Change the length."""
        try:
            return self._file.truncate(size)
        except OSError as error:
            self._error = self._error or error
            return size or 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def writable(self) -> bool:
        """It can be written."""
        return True

    def seekable(self) -> bool:
        """Any place can be gone to."""
        return True
