"""Import scenes of other programs: glTF files, and scene files of Mitsuba."""
