"""Scenes in the file formats of other programs: glTF (GLB) and Mitsuba."""
