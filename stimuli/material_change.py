"""Moved to `stimuli.findings`."""

from stimuli.findings import MATERIAL
from stimuli.findings import material_change as direction

__all__ = ["MATERIAL", "direction"]
