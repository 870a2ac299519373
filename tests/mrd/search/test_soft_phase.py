"""The first part of a shape search: target and render are matte, in soft light."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mrd.criterion.bench import Bench
from mrd.models import registry
from mrd.rendering.representation import form_of_family, mean_radiance, represented
from mrd.search.soft_phase import matte, search_targets, soft
from mrd.search.step import LazyActivations
from mrd.study.model_section import ModelConfig
from mrd.study.search_section import SearchConfig
from scenes.arrays import Picture
from scenes.base.errors import InputError
from scenes.camera import cameras
from scenes.lighting import Constant, EnvironmentMap
from scenes.loading import loaded_lighting
from scenes.material import Material
from scenes.shape import Sphere, geometry
from tests.mrd.search.small_search import saved

GLOSSY = Material(base_color=(0.3, 0.5, 0.7), roughness=0.1, clearcoat=1.0, sheen=0.4)
SETTINGS = {
    "steps": 10,
    "soft_start": 0.6,
    "target": {"shape": Sphere(subdivisions=2, radius=0.7), "material": GLOSSY},
}

SOFT_ENDS = "step 6: from now on with the target's own material and light"


def test_a_matte_material_has_no_highlights_and_keeps_its_colour():
    assert matte(GLOSSY) == Material(base_color=(0.3, 0.5, 0.7), roughness=1.0, sheen=0.4)


def test_a_soft_light_has_the_same_mean_and_less_contrast():
    studio = loaded_lighting(EnvironmentMap(radiance="studio"), Path())
    assert mean_radiance(soft(studio)) == pytest.approx(mean_radiance(studio), rel=0.02)
    pixels, own = soft(studio).radiance.pixels, studio.radiance.pixels
    assert pixels.max() / pixels.mean() < 0.1 * own.max() / own.mean()
    assert pixels.std() > 0.01 * pixels.mean()  # directions differ still
    assert soft(Constant(level=2.0)) == Constant(level=2.0)


def test_a_textured_roughness_becomes_a_texture_of_ones():
    textured = Material(roughness=Picture(np.full((2, 3, 1), 0.2, np.float32)))
    np.testing.assert_array_equal(matte(textured).roughness.pixels, np.ones((2, 3, 1)))


def test_target_and_render_are_soft_in_the_first_steps_only(begun):
    search, target = begun(("shape",), **SETTINGS)
    (phase,) = search.soft  # the light is constant
    assert phase.end == search.soft_steps == 6
    soft_target, own = phase.targets["pixels"], search.targets["pixels"]
    assert float((soft_target - own).abs().max()) > 0.02  # noise is below 1e-6
    materials = []
    for _ in range(10):
        search.step()
        materials.append(search.moving.stage.scene.material.roughness)
    assert materials == pytest.approx([1.0] * 6 + [0.1] * 4)
    assert search.notes == [SOFT_ENDS]
    assert search.scene().material == target.material


@pytest.mark.parametrize("at", [4, 6, 8])
def test_a_search_resumes_before_at_and_after_the_end_of_its_soft_phase(begun, tmp_path, at):
    search, _ = begun(("shape",), **SETTINGS)
    for _ in range(at):
        search.step()
    resumed, _ = begun(("shape",), **SETTINGS)
    resumed.resume(saved(search, tmp_path))
    search.notes.clear()
    ours, theirs = ([row.loss for row in each.steps()] for each in (resumed, search))
    np.testing.assert_allclose(ours, theirs, rtol=0.02)
    assert (
        resumed.notes
        == search.notes
        == ["step 6: from now on with the target's own material and light"] * (at <= 6)
    )


def test_a_matte_target_in_constant_light_needs_no_soft_phase(begun):
    chalk = {"shape": Sphere(subdivisions=2), "material": Material(roughness=1.0)}
    assert begun(("shape",), **(SETTINGS | {"target": chalk}))[0].soft == ()


def test_targets_are_computed_once_and_when_they_are_read():
    calls = []

    def compute():
        calls.append(1)
        return {"pixels": torch.ones(2, 3)}

    lazy = LazyActivations(compute)
    assert calls == []
    assert list(lazy) == ["pixels"]
    assert len(lazy) == 1
    assert float(lazy["pixels"].sum()) == 6
    assert calls == [1]


def test_a_target_without_a_signal_is_refused_when_it_is_read(small):
    config = SearchConfig(attributes=("shape",))
    scene = represented(small(lighting=Constant(radiance=(0, 0, 0))), config)
    bench = Bench(registry.create(ModelConfig(network="pixels")), form_of_family(config, scene))
    found = search_targets(scene, config, bench, cameras(scene.cameras))
    with pytest.raises(InputError, match="layer 'pixels' is zero everywhere in a view"):
        found["pixels"]


LAMP = {"target": SETTINGS["target"] | {"lighting": EnvironmentMap(radiance="studio")}}


def test_the_light_is_soft_in_the_first_half_only(begun):
    search, target = begun(("shape",), **(SETTINGS | LAMP))
    assert [phase.end for phase in search.soft] == [3, 6]
    scenes = []
    for _ in range(10):
        search.step()
        scenes.append(search.moving.stage.scene)
    lights = [scene.lighting == target.lighting for scene in scenes]
    assert lights == [False] * 3 + [True] * 7
    assert [scene.material.roughness for scene in scenes] == pytest.approx([1.0] * 6 + [0.1] * 4)


def test_sections_that_are_searched_are_not_softened(begun):
    def looks(*attributes):
        search, _ = begun(attributes, **(SETTINGS | LAMP))
        return [set(phase.look) for phase in search.soft]

    assert looks("shape") == [{"material", "lighting"}, {"material"}]
    assert looks("shape", "material") == [{"lighting"}]
    assert looks("shape", "lighting") == [{"material"}]


def test_the_best_state_of_a_search_is_not_from_its_soft_phase(begun):
    search, _ = begun(("shape",), **SETTINGS, early_stopping={"patience": 100})
    for _ in range(6):
        search.step()
    assert search.mode.best == {}
    for _ in search.steps():
        pass
    assert search.mode.best_step > 6
    assert search.mode.result(search, None)[1] == {"soft_steps": 6}


def test_the_result_moves_toward_the_target(begun):
    search, target = begun(("shape",), **(SETTINGS | {"steps": 40}))
    for _ in search.steps():
        pass
    radii = np.linalg.norm(geometry(search.scene().shape).vertices, axis=1)
    assert radii.mean() == pytest.approx(0.7, abs=0.04)
    assert torch.isfinite(torch.tensor(radii)).all()
    assert target.material == GLOSSY
