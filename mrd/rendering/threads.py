"""Threads of a search: as many as there are processors that other programs leave free.

The threads of a step wait for one another many times. A thread that shares its processor with
another program delays all others, so on a busy computer fewer threads are faster
(`python -m benchmarks.busy`).
"""

from __future__ import annotations

import time
from typing import Any

import drjit as dr
import psutil
import torch

from mrd.rendering.processors import own_processors

SECONDS_BETWEEN_LOOKS = 2.0


class Threads:
    """The threads of Dr.Jit and torch, as many as there are free processors.

    Processors count that this process may use and no other program does. With one processor,
    nothing changes.
    """

    def __init__(self) -> None:
        self._processors = own_processors()
        self._before = dr.thread_count(), torch.get_num_threads()
        self._can_adapt = len(self._processors) > 1 and len(self._times()) > 0
        self._looked = self._look()

    def adapt(self) -> None:
        """Set the number of threads, at most every two seconds."""
        began, usable = self._looked
        passed = time.monotonic() - began
        if self._can_adapt and passed > SECONDS_BETWEEN_LOOKS:
            self._looked = self._look()
            self._limit(max(1, round((self._looked[1] - usable) / passed)))

    def restore(self) -> None:
        """Set the numbers of threads from before."""
        self._limit(max(self._before))

    def _look(self) -> tuple[float, float]:
        """Return the time, and the processor seconds that are idle or used by this process."""
        idle = sum(each.idle + getattr(each, "iowait", 0.0) for each in self._times())
        return time.monotonic(), idle + time.process_time()

    def _times(self) -> list[Any]:
        """Return the times of the processors; none if the system does not list them all."""
        times = psutil.cpu_times(percpu=True)
        if len(times) == len(self._processors):
            return times
        return [times[k] for k in self._processors] if max(self._processors) < len(times) else []

    def _limit(self, most: int) -> None:
        """Limit the numbers of threads from before to `most`."""
        renderer, network = (min(most, before) for before in self._before)
        if renderer != dr.thread_count():
            dr.sync_thread()
            dr.set_thread_count(renderer)
        if network != torch.get_num_threads():
            torch.set_num_threads(network)
