"""Readers of mesh files, one format a file; each returns `Polygons`."""
