import numpy as np
import pytest

from scenes.arrays import Picture
from scenes.material import PRESETS, RANGES, SCALARS, Material
from scenes.reflectance import (
    LOWEST_COSINE,
    direction_table,
    has_textures,
    reflectance,
    texture_places,
    values_at,
)

MIDDLE = np.full((1, 2), 0.5)


def ours(material):
    return reflectance(values_at(material, MIDDLE), *direction_table())[0]


def rendered(mi, material):
    """Ask the renderer for the same figures."""
    import drjit as dr

    incident, outgoing = direction_table()
    color = [float(each) for each in np.broadcast_to(material.base_color, 3)]
    bsdf = mi.load_dict(
        {"type": "principled", "base_color": {"type": "rgb", "value": color}}
        | {name: getattr(material, name) for name in SCALARS}
    )
    interaction = dr.zeros(mi.SurfaceInteraction3f, len(incident))
    interaction.wi = mi.Vector3f(*incident.T.astype(np.float32))
    out = mi.Vector3f(*outgoing.T.astype(np.float32))
    values = np.array(bsdf.eval(mi.BSDFContext(), interaction, out)).T
    return np.pi * values / outgoing[:, 2:]


def assert_like_the_renderer(mi, material):
    # A sharp clearcoat at its very peak loses digits in the renderer's single precision (1 − cos²
    # against a width of 10⁻⁶): a half vector within 1° of the normal is left out there.
    incident, outgoing = direction_table()
    half = (incident + outgoing) / np.linalg.norm(incident + outgoing, axis=1, keepdims=True)
    peak = (half[:, 2] > np.cos(np.radians(1))) & (
        material.clearcoat * material.clearcoat_gloss > 0
    )
    np.testing.assert_allclose(
        ours(material)[~peak], rendered(mi, material)[~peak], rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_reflect_as_in_the_renderer(mi, name):
    assert_like_the_renderer(mi, Material.model_validate(name))


def test_random_materials_reflect_as_in_the_renderer(mi, rng):
    for _ in range(50):
        numbers = {name: float(rng.uniform(*RANGES[name])) for name in SCALARS}
        # Half of the parameters at zero, where the renderer takes shortcuts.
        for name in rng.choice(SCALARS, 5, replace=False):
            numbers[name] = numbers[name] if name == "eta" else 0.0
        assert_like_the_renderer(mi, Material(base_color=tuple(rng.random(3)), **numbers))


@pytest.mark.parametrize("name", SCALARS)
def test_every_parameter_at_both_ends_reflects_as_in_the_renderer(mi, name):
    busy = {"clearcoat": 0.5, "sheen": 0.5, "metallic": 0.3, "base_color": (0.2, 0.5, 0.9)}
    low, high = RANGES[name]
    for value in (max(low, 1.001) if name == "eta" else low, high):
        assert_like_the_renderer(mi, Material(**(busy | {name: value})))


def test_the_table_has_unit_vectors_above_the_surface_no_pair_twice():
    incident, outgoing = direction_table()
    assert len(incident) == len(outgoing) >= 200
    for directions in (incident, outgoing):
        np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-12)
        assert directions[:, 2].min() >= LOWEST_COSINE
    pairs = np.round(np.hstack([incident, outgoing]), 6)
    assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_reflection_is_reciprocal(rng):
    material = Material(base_color=tuple(rng.random(3)), anisotropic=0.7, clearcoat=0.5, sheen=0.5)
    incident, outgoing = direction_table()
    values = values_at(material, MIDDLE)
    forward, backward = (
        reflectance(values, incident, outgoing),
        reflectance(values, outgoing, incident),
    )
    np.testing.assert_allclose(forward, backward, rtol=1e-9)


def test_a_matte_surface_seen_from_above_reflects_its_colour():
    # By hand: along the normal Schlick's weights are 0, so diffuse is base_color; the highlight of
    # roughness 1 (D = 1/π, G = 1, F = 0.04) adds π F D G/4 = 0.01.
    straight = np.array([[0.0, 0.0, 1.0]])
    values = values_at(Material(base_color=(0.2, 0.5, 0.8), roughness=1), MIDDLE)
    found = reflectance(values, straight, straight)
    np.testing.assert_allclose(found, [[(0.21, 0.51, 0.81)]], rtol=1e-12)


def test_textures_are_read_where_the_renderer_reads_them(mi, rng):
    import drjit as dr

    pixels = rng.random((3, 4, 3), np.float32)
    places = rng.random((50, 2))
    ours = values_at(Material(base_color=Picture(pixels)), places).base_color[:, 0]
    texture = mi.load_dict({"type": "bitmap", "data": mi.TensorXf(pixels), "raw": True})
    interaction = dr.zeros(mi.SurfaceInteraction3f, len(places))
    interaction.uv = mi.Point2f(*places.T.astype(np.float32))
    np.testing.assert_allclose(ours, np.array(texture.eval(interaction)).T, atol=1e-5)


def test_texture_places_are_stratified():
    cells = np.floor(texture_places() * 12)
    assert len(np.unique(cells, axis=0)) == 144


def test_a_texture_of_one_value_is_that_value():
    flat = Material(
        base_color=Picture(np.full((2, 3, 3), 0.3)),
        roughness=Picture(np.full((2, 3), 0.25)),
    )
    assert has_textures(flat)
    plain = Material(base_color=0.3, roughness=0.25)
    assert not has_textures(plain)
    np.testing.assert_allclose(
        reflectance(values_at(flat, texture_places()), *direction_table())[7],
        ours(plain),
        rtol=1e-6,
    )
