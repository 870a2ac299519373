"""Moved to `stimuli.storage`."""

from stimuli.storage import one_writer

__all__ = ["one_writer"]
