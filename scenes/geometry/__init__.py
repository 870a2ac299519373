"""Geometry of triangle meshes."""
