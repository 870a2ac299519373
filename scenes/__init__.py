"""Scenes as data: shape, material, pose, lighting, cameras and film.

Axes are right-handed: x right, y up, z toward the viewer of an unrotated camera. Lengths are in
scene units (a fitted shape has a bounding sphere of radius 1 about the origin), angles in degrees,
colours linear-light with Rec. 709 / sRGB primaries.
"""
