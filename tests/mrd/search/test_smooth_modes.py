"""Smooth modes of surfaces whose Laplacian is known."""

import numpy as np

from mrd.search.smooth_modes import laplacian, smooth_modes
from scenes.shape import Sphere, geometry


def test_the_first_modes_of_a_sphere_are_its_coordinates():
    """Spherical harmonics of degree 1: linear in x, y, z; of root mean square 1."""
    mesh = geometry(Sphere(subdivisions=3))
    modes = smooth_modes(mesh, 3)
    unit = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    fitted = unit @ np.linalg.lstsq(unit, modes.T, rcond=None)[0]
    np.testing.assert_allclose(fitted, modes.T, atol=0.02)
    areas = laplacian(mesh)[1]
    np.testing.assert_allclose(modes**2 @ areas / areas.sum(), 1, rtol=1e-6)
    np.testing.assert_allclose(modes @ areas / areas.sum(), 0, atol=1e-6)


def test_the_laplacian_of_a_sphere_has_the_known_eigenvalue():
    """Of degree 1 on the unit sphere: l (l + 1) = 2."""
    mesh = geometry(Sphere(subdivisions=3))
    stiffness, areas = laplacian(mesh)
    x = mesh.vertices[:, 0].astype(float)
    assert abs(x @ (stiffness @ x) / (x**2 @ areas) - 2) < 0.03


def test_modes_are_the_same_each_time():
    mesh = geometry(Sphere(subdivisions=2))
    np.testing.assert_array_equal(smooth_modes(mesh, 4), smooth_modes(mesh, 4))
