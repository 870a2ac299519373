"""Physical distance per unit of a parameter."""

import numpy as np
import pytest

from mrd.measures.fisher.parameters import LightLevel, MaterialParameter, parameters_of
from mrd.measures.fisher.physical import distance_per_unit
from scenes.arrays import Mesh
from scenes.differences import material_difference
from scenes.lighting import Constant
from scenes.material import Material
from scenes.shape import MeshShape, Sphere, geometry


def test_a_log_unit_of_light_is_one_of_log_radiance(small):
    # ln(e^a L) − ln L is a in every direction, but for the floor below which darkness counts little
    assert distance_per_unit(small(lighting=Constant()), LightLevel()) == pytest.approx(1, rel=1e-3)


def test_a_small_change_of_a_material_is_the_slope_times_its_amount(small):
    scene, parameter = small(material=Material(roughness=0.5)), MaterialParameter("roughness")
    moved = parameter.moved(scene, 0.004)
    far = material_difference(scene.material, moved.material)["rms_log_reflectance"]
    assert distance_per_unit(scene, parameter) * 0.004 == pytest.approx(far, rel=0.02)


def test_only_the_side_with_room_counts(small):
    scene = small(material=Material(metallic=0.0))
    parameter = MaterialParameter("metallic")
    moved = parameter.moved(scene, parameter.step)
    far = material_difference(scene.material, moved.material)["rms_log_reflectance"]
    assert distance_per_unit(scene, parameter) == pytest.approx(far / parameter.step)


def test_a_shape_mode_is_about_its_mean_displacement(small):
    scene = small(shape=Sphere(subdivisions=3))
    (mode,) = (each for each in parameters_of(scene, 1) if each.attribute == "shape")
    # Chamfer is a mean of |displacement| and the mode's unit a root mean square; the lowest modes
    # of a sphere shift it, z = √3 cos θ, of which the mean along the normal is √3/2.
    assert distance_per_unit(scene, mode) == pytest.approx(np.sqrt(3) / 2, rel=0.05)


def test_modes_of_a_surface_with_doubled_vertices_are_those_of_the_surface(small):
    """Every face has its own corners; each mode moves all vertices at one place alike."""
    whole = small()
    mesh = geometry(whole.shape)
    surface = Mesh(
        mesh.vertices[mesh.faces].reshape(-1, 3), np.arange(3 * len(mesh.faces)).reshape(-1, 3)
    )
    split = whole.model_copy(update={"shape": MeshShape(surface=surface, fit=False)})
    modes = [each.field for each in parameters_of(split, 2) if each.attribute == "shape"]
    assert len(modes) == 2
    for mode in modes:
        of_place = {}
        for place, value in zip(map(tuple, surface.vertices), mode, strict=True):
            assert of_place.setdefault(place, value) == value
        assert len(of_place) == 642
