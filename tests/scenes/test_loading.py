from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import OpenEXR
import pytest
import trimesh

from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.bundled import LIGHTS, MESHES
from scenes.lighting import Constant, EnvironmentMap
from scenes.loading import loaded_lighting, loaded_material, loaded_shape
from scenes.material import Material
from scenes.pictures.files import write_picture
from scenes.shape import MeshShape, Sphere, bounding_sphere, fitted
from tests.paths import DATA

PICTURES = DATA / "pictures"


def test_library_meshes_load_fitted():
    shape = loaded_shape(MeshShape(surface="bunny"), Path())
    centre, radius = bounding_sphere(shape.surface)
    np.testing.assert_allclose([*centre, radius], [0, 0, 0, 1], atol=1e-6)
    assert shape.surface == fitted(MESHES["bunny"]())
    assert shape.fit is False


def test_loading_twice_changes_nothing():
    once = loaded_shape(MeshShape(surface="bunny"), Path())
    assert loaded_shape(once, Path()) == once


def test_a_path_is_relative_to_the_folder_and_fit_is_optional(tmp_path):
    trimesh.creation.box(extents=(4, 4, 4)).export(tmp_path / "box.ply")
    shape = loaded_shape(MeshShape(surface="box.ply", fit=False, normals="flat"), tmp_path)
    assert np.ptp(shape.surface.vertices) == 4
    assert shape.normals == "flat"


def test_parts_without_files_are_returned_unchanged():
    sphere, light, material = Sphere(), Constant(), Material()
    assert loaded_shape(sphere, Path()) is sphere
    assert loaded_lighting(light, Path()) is light
    assert loaded_material(material, Path()) is material


@pytest.mark.parametrize("name", sorted(LIGHTS))
def test_library_lights_load(name):
    light = loaded_lighting(EnvironmentMap(radiance=name, rotation=20, level=2), Path())
    assert light.radiance.pixels.shape == (256, 512, 3)
    assert light.repaired == 0
    assert (light.rotation, light.level) == (20, 2)


def test_unknown_names_get_the_nearest():
    with pytest.raises(
        InputError,
        match=r"shape\.surface: no mesh is called 'bunnny'; did you mean 'bunny'\? known: bunny",
    ):
        loaded_shape(MeshShape(surface="bunnny"), Path())
    with pytest.raises(
        InputError, match=r"lighting\.radiance: no light is called 'studoi'; did you mean 'studio'"
    ):
        loaded_lighting(EnvironmentMap(radiance="studoi"), Path())


def write_map(path, pixels):
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {"RGB": np.asarray(pixels, np.float32)}).write(str(path))


def test_negative_radiance_is_refused_or_clipped_and_recorded(tmp_path):
    pixels = np.ones((4, 8, 3))
    pixels[1, 2] = (-1, -2, np.nan)
    write_map(tmp_path / "dark.exr", pixels)
    with pytest.raises(
        InputError, match=r"dark\.exr: of 96 values 2 negative \(down to -2\) and 1 not finite"
    ):
        loaded_lighting(EnvironmentMap(radiance="dark.exr"), tmp_path)
    light = loaded_lighting(EnvironmentMap(radiance="dark.exr", repair="clip"), tmp_path)
    assert light.radiance.pixels[1, 2].tolist() == [0, 0, 0]
    assert (light.repair, light.repaired) == ("clip", 3)


def test_a_grey_map_is_no_light(tmp_path):
    write_picture(Picture(np.ones((4, 8))), tmp_path / "grey.exr")
    with pytest.raises(
        InputError, match=r"grey\.exr: lighting.radiance: an environment map needs 3"
    ):
        loaded_lighting(EnvironmentMap(radiance="grey.exr"), tmp_path)


@pytest.mark.parametrize("shape", [(4, 4), (4, 16), (12, 16), (24, 4), (16, 26)])
def test_a_map_that_is_not_the_whole_sphere_is_refused(tmp_path, shape):
    write_map(tmp_path / "cut.exr", np.ones((*shape, 3)))
    with pytest.raises(
        InputError,
        match=rf"cut\.exr: has {shape[1]} × {shape[0]} pixels; an environment map shows the whole",
    ):
        loaded_lighting(EnvironmentMap(radiance="cut.exr"), tmp_path)


@pytest.mark.parametrize(
    ("shape", "aspect"), [((4, 8), 1), ((256, 512), 1), ((257, 512), 1), ((8, 8), 2), ((4, 2), 4)]
)
def test_a_map_of_the_whole_sphere_is_read(tmp_path, shape, aspect):
    header = {"type": OpenEXR.scanlineimage, "pixelAspectRatio": float(aspect)}
    pixels = np.ones((*shape, 3), np.float32)
    OpenEXR.File(header, {"RGB": pixels}).write(str(tmp_path / "sky.exr"))
    light = loaded_lighting(EnvironmentMap(radiance="sky.exr"), tmp_path)
    assert light.radiance.pixels.shape == pixels.shape


def test_the_map_of_the_manual_loads():
    light = loaded_lighting(EnvironmentMap(radiance="sky.hdr"), PICTURES)
    assert light.radiance.pixels.shape == (16, 32, 3)


def test_a_texture_keeps_its_16_bits():
    material = loaded_material(Material(base_color="rgb16.png"), PICTURES)
    assert len(np.unique(material.base_color.pixels[..., 0])) == 32


def test_a_transparent_texture_is_refused_with_its_key(tmp_path):
    imageio.imwrite(tmp_path / "leaf.png", np.full((2, 2, 4), 200, np.uint8))
    with pytest.raises(
        InputError, match=r"material\.base_color: .*leaf\.png: is transparent: its alpha is not 1"
    ):
        loaded_material(Material(base_color="leaf.png"), tmp_path)


def test_textures_are_read_with_the_decoding_that_they_need(tmp_path):
    imageio.imwrite(tmp_path / "color.png", np.full((2, 2, 3), 188, np.uint8))
    imageio.imwrite(tmp_path / "rough.png", np.full((2, 2), 51, np.uint8))
    material = loaded_material(
        Material(base_color="color.png", roughness="rough.png", metallic=0.25), tmp_path
    )
    np.testing.assert_allclose(material.base_color.pixels, 0.5, atol=5e-3)
    np.testing.assert_allclose(material.roughness.pixels, 0.2, rtol=1e-6)
    assert material.metallic == 0.25


def test_a_roughness_texture_with_three_channels_is_refused(tmp_path):
    write_picture(Picture(np.full((2, 2, 3), 0.5)), tmp_path / "rough.exr")
    with pytest.raises(
        InputError,
        match=r"rough\.exr: material.roughness: a texture of a scalar needs 1 channel, this one "
        "has 3; save it as greyscale",
    ):
        loaded_material(Material(roughness="rough.exr"), tmp_path)


def test_a_texture_out_of_range_or_missing_is_refused(tmp_path):
    write_picture(Picture(np.full((2, 2, 3), 1.5)), tmp_path / "bright.exr")
    with pytest.raises(
        InputError, match=r"bright\.exr: material.base_color: 12 of 12 texture values"
    ):
        loaded_material(Material(base_color="bright.exr"), tmp_path)
    with pytest.raises(InputError, match=r"material.metallic: .*none\.exr: no such picture file"):
        loaded_material(Material(metallic="none.exr"), tmp_path)


def test_bundled_meshes_have_the_documented_sizes():
    bunny, suzanne = MESHES["bunny"](), MESHES["suzanne"]()
    assert isinstance(bunny, Mesh)
    assert (len(bunny.vertices), len(bunny.faces)) == (2826, 5648)
    assert (len(suzanne.vertices), len(suzanne.faces)) == (7503, 14842)
    assert (len(MESHES["spot"]().vertices), len(MESHES["spot"]().faces)) == (2930, 5856)
