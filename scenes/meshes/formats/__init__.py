"""Readers of mesh files, one module per format; each returns `Polygons`."""
