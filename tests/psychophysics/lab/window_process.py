"""A process with an X display that runs functions of tests, to load PsychoPy only once."""

import contextlib
import io
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

import pytest

LONGEST = 170  # seconds for one function


class WindowProcess:
    """Runs functions of importable modules in one process, which is restarted after a failure."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._pool: ProcessPoolExecutor | None = None
        self._pid = 0

    def start(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Start a function, and return its future."""
        if self._pool is None:
            spawn = multiprocessing.get_context("spawn")
            with pytest.MonkeyPatch.context() as patch:
                for name, value in self._environment.items():
                    patch.setenv(name, value)
                self._pool = ProcessPoolExecutor(1, mp_context=spawn)
                self._pid = self._pool.submit(os.getpid).result(LONGEST)
        return self._pool.submit(function, *arguments)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function returns; raise what it raises."""
        return self.finish(self.start(function, *arguments))

    def finish(self, future: "Future[Any]") -> Any:
        """Return the result of a started function."""
        try:
            return future.result(LONGEST)
        except BaseException:
            self.close()  # its windows may still be open
            raise

    def mrd(self, *words: object) -> tuple[int, str]:
        """Run the program; return its exit code and standard error."""
        code, said = self.run(run_mrd, [str(word) for word in words])
        return code, said

    def close(self) -> None:
        """End the process."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            pool.shutdown(cancel_futures=True)


def run_mrd(words: list[str]) -> tuple[int, str]:
    """Run the program in this process; return its exit code and standard error."""
    from mrd.cli.main import run

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            run(words)
    except SystemExit as ended:
        return int(ended.code or 0), said.getvalue()
    return 0, said.getvalue()
