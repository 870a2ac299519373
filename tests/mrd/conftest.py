"""The renderer is chosen before any test module here imports it; small scenes to render."""

from mrd import backend

backend.activate()
