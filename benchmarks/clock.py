"""How long a call takes, what it has started on the device included."""

from __future__ import annotations

import time
from collections.abc import Callable

import drjit as dr
import torch


def settle() -> None:
    """Wait until renderer and networks have done what they were given."""
    dr.sync_thread()
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    settle()
    return time.perf_counter() - began
