import pytest

from scenes import library
from scenes.base.errors import InputError


def test_the_tables_hold_the_documented_names():
    assert sorted(library.MESHES) == ["bunny", "spot", "suzanne"]
    assert sorted(library.LIGHTS) == ["forest", "lobby", "studio", "venice"]
    assert sorted(library.MATERIALS) == ["brushed_metal", "glossy_plastic", "matte", "translucent"]
    assert sorted(library.SCENES) == ["bunny", "spot", "suzanne"]


@pytest.mark.parametrize("table", [library.MESHES, library.LIGHTS, library.MATERIALS])
def test_every_entry_can_be_made(table):
    for make in table.values():
        assert make() == make()


def test_library_scenes_have_the_studio_light():
    scene = library.scene("bunny")
    assert scene.lighting.radiance == "studio"
    assert scene.name == "bunny"


def test_an_unknown_scene_gets_the_nearest():
    with pytest.raises(InputError, match="no scene is called 'bunnny'; did you mean 'bunny'"):
        library.scene("bunnny")
