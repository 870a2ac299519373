"""Moved to `stimuli.storage`."""

from stimuli.storage import BLOCK, check_seal, seal

__all__ = ["BLOCK", "check_seal", "seal"]
