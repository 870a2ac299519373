"""Time of a call, with its work on the device."""

from __future__ import annotations

import time
from collections.abc import Callable

import drjit as dr
import torch


def settle() -> None:
    """Wait until renderer and networks have finished their work."""
    dr.sync_thread()
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    call()
    settle()
    return time.perf_counter() - began
