"""Embedding a set: distances and verdicts on the stored images, in one step, taken up again."""

import shutil

import numpy as np
import pytest
import torch

from mrd.criterion.criterion import match
from mrd.measures import embed as embedding
from mrd.measures import embed_family
from mrd.measures.embed import Request, embed
from mrd.models import registry
from mrd.rendering.stage import Stage, noise_seed
from mrd.study.model_section import FrontEnd, ModelConfig
from scenes.base.errors import InputError
from scenes.camera import Single, cameras
from scenes.film import Film, encode
from scenes.material import Material
from scenes.scene import Scene
from scenes.shape import Blob
from stimuli.check import problems
from stimuli.encoding import display_values, quantised
from stimuli.packed_scene import packed
from stimuli.second_judgement import in_words, second_judgement
from stimuli.stimulus_set import StimulusSet
from stimuli.writing import write_set
from tests.small_set import small_image, small_table, write_small_set

FLOORS = {"material": 0.9, "shape": 0.9}
PLAIN = ModelConfig(network="pixels", front_end=FrontEnd(blur=0.0))
NETWORK = ModelConfig(network="efficientnet_lite0", layers=("blocks.0", "blocks.2"))


@pytest.fixture
def copy(small_set, tmp_path):
    return shutil.copy(small_set, tmp_path / "stimuli.h5")


def embedded(path, *requests, **more):
    return embed(path, requests, FLOORS, path.parent, "cpu", **more)


def names(path):
    return {each.name for each in path.parent.iterdir()}


def test_pixel_distances_are_those_of_the_stored_images(copy):
    with StimulusSet(copy) as before:
        content_hash, models = before.content_hash, before.models
        kept = before.distances("net", "late", "vase-shape")
    assert embedded(copy, Request("plain", PLAIN)) == ["plain"]
    assert problems(copy) == []
    with StimulusSet(copy) as stimuli:
        assert stimuli.content_hash == content_hash
        assert stimuli.models == models | {"plain": ("pixels",)}
        assert stimuli.distances("net", "late", "vase-shape").equals(kept)
        found = stimuli.distances("plain", "pixels", "vase-shape")
        flat = {name: stimuli.image(name).ravel() / 255 for name in stimuli.table["stimulus_id"]}
        expected = 1 - np.corrcoef([flat[name] for name in found.index])
        assert np.abs(found.to_numpy() - expected).max() < 2e-6
        nulls = stimuli.null_distances("plain", "pixels", "vase-shape")
        assert len(nulls) == 4 * 3 * 3
        for row in nulls.itertuples():
            r = np.corrcoef(flat[row.null], flat[row.target])[0, 1]
            assert row.distance == pytest.approx(1 - r, abs=2e-6)


def test_the_criterion_is_judged_on_the_stored_images(copy):
    embedded(copy, Request("plain", PLAIN))
    with StimulusSet(copy) as stimuli:
        table, verdicts = stimuli.table, stimuli.verdicts("plain")
        own = table[table["family"] == "vase-shape"]
        flat = {name: stimuli.image(name).ravel() / 255 for name in own["stimulus_id"]}
    assert len(verdicts) == 2 * 7 * 3  # families, scenes beside the target, cameras
    row = verdicts[
        (verdicts["family"] == "vase-shape")
        & (verdicts["role"] == "control")
        & (verdicts["level"] == 0.5)
        & (verdicts["camera"] == "c1")
    ].iloc[0]
    here = own[own["camera"] == "c1"]

    def r(mask):
        target = flat["vase-shape_target-0_c1_own_0"]
        return np.array([np.corrcoef(target, flat[n])[0, 1] for n in here["stimulus_id"][mask]])

    scene = r((here["role"] == "control") & (here["level"] == 0.5) & (here["noise_seed"] == 0))
    null = r(here["role"] == "null")
    ceiling = r(
        ((here["role"] == "target") & (here["noise_seed"] > 0)) | (here["role"] == "rerender")
    )
    assert (row["null_size"], row["ceiling_size"]) == (4, 5) == (len(null), len(ceiling))
    assert row["pearson"] == pytest.approx(scene[0], abs=1e-6)
    assert row["null_maximum_pearson"] == pytest.approx(null.max(), abs=1e-6)
    assert row["match"] == pytest.approx(match(scene, null[:, None], ceiling[:, None])[0], abs=1e-5)
    assert row["floor"] == 0.9
    again = verdicts[verdicts["role"] == "rerender"]
    assert again["passed"].all()
    assert again["target_again"].all()
    assert not again["metamer"].any()  # the target again is no metamer
    full = verdicts[(verdicts["level"] == 1) & (verdicts["role"] == "result")]
    assert full["failed"].str.contains("is below 0.9").all()
    assert not full["metamer"].any()


def test_a_network_sees_the_stored_images_as_the_model_does(copy):
    embedded(copy, Request("net2", NETWORK))
    model = registry.create(NETWORK)
    with StimulusSet(copy) as stimuli:
        found = stimuli.distances("net2", "blocks.2", "vase-material")
        names = [found.index[0], found.index[40]]
        images = np.stack([display_values(stimuli.image(name)) for name in names])
        with torch.no_grad():
            seen = model.activations(torch.from_numpy(images).permute(0, 3, 1, 2))["blocks.2"]
        r = np.corrcoef(seen.flatten(1).numpy())[0, 1]
        assert found.iloc[0, 40] == pytest.approx(1 - r, abs=1e-5)
        verdicts = stimuli.verdicts("net2")
        assert set(verdicts["layers"]) == {"blocks.0;blocks.2"}
        assert verdicts["labels_target"].notna().all()


def test_what_is_there_is_left_alone_and_layers_add_up(copy):
    one = NETWORK.model_copy(update={"layers": ("blocks.0",)})
    assert embedded(copy, Request("m", one)) == ["m"]
    before = copy.read_bytes()
    assert embedded(copy, Request("m", one)) == []
    assert copy.read_bytes() == before
    other = NETWORK.model_copy(update={"layers": ("blocks.2",)})
    assert embedded(copy, Request("m", other)) == ["m"]
    with StimulusSet(copy) as stimuli:
        assert stimuli.models["m"] == ("blocks.0", "blocks.2")
        assert set(stimuli.verdicts("m")["layers"]) == {"blocks.0", "blocks.2"}
    # Another front end is another model: nothing of the old one stays.
    changed = one.model_copy(update={"front_end": FrontEnd(blur=0.0)})
    assert embedded(copy, Request("m", changed)) == ["m"]
    with StimulusSet(copy) as stimuli:
        assert stimuli.models["m"] == ("blocks.0",)
    assert problems(copy) == []


def test_what_was_stopped_goes_on(copy, monkeypatch):
    before = copy.read_bytes()
    families = []

    def count(stimuli, family, *rest):
        families.append(family)
        if len(families) == 2:
            raise KeyboardInterrupt
        return embed_family.embed_family(stimuli, family, *rest)

    monkeypatch.setattr(embedding, "embed_family", count)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        embedded(copy, Request("plain", PLAIN))
    assert copy.read_bytes() == before
    assert embedded(copy, Request("plain", PLAIN)) == ["plain"]
    assert families == ["vase-material", "vase-shape", "vase-shape"]
    assert names(copy) == {"stimuli.h5", ".stimuli.h5.lock"}
    assert problems(copy) == []


def meanwhile(monkeypatch, happens):
    """Let something happen once, while a family is being embedded."""
    waiting = [happens]

    def embed_family(*arguments):
        if waiting:
            waiting.pop()()
        return embed_family.embed_family(*arguments)

    monkeypatch.setattr(embedding, "embed_family", embed_family)


def test_of_two_that_embed_at_once_none_undoes_the_other(copy, monkeypatch):
    one, two = (NETWORK.model_copy(update={"layers": (f"blocks.{n}",)}) for n in (0, 2))

    def other():
        assert embedded(copy, Request("m", two)) == ["m"]
        assert embedded(copy, Request("plain", PLAIN)) == ["plain"]

    meanwhile(monkeypatch, other)
    assert embedded(copy, Request("m", one)) == ["m"]
    with StimulusSet(copy) as stimuli:
        assert stimuli.models["m"] == ("blocks.0", "blocks.2")
        assert "plain" in stimuli.models
        assert set(stimuli.verdicts("m")["layers"]) == {"blocks.0", "blocks.2"}
    assert problems(copy) == []
    assert names(copy) == {"stimuli.h5", ".stimuli.h5.lock"}


def test_what_another_process_keeps_stays(copy, monkeypatch):
    """One embedding ends in the middle of another, which is stopped then and goes on."""
    partial = copy.parent / ".stimuli.h5.embedding"
    seen = []

    def stopped(stimuli, family, model, *rest):
        if family == "vase-shape" and "pixels" in model.layers and not seen:
            seen.extend(partial.iterdir())
            monkeypatch.setattr(embedding, "embed_family", embed_family.embed_family)
            assert embedded(copy, Request("m", NETWORK)) == ["m"]
            raise KeyboardInterrupt
        return embed_family.embed_family(stimuli, family, model, *rest)

    monkeypatch.setattr(embedding, "embed_family", stopped)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        embedded(copy, Request("plain", PLAIN))
    assert len(seen) == 1
    assert list(partial.iterdir()) == seen
    assert embedded(copy, Request("plain", PLAIN)) == ["plain"]
    assert names(copy) == {"stimuli.h5", ".stimuli.h5.lock"}


def test_a_set_that_takes_the_place_of_the_one_that_is_embedded_stays(copy, monkeypatch):
    """The same rows, other pixels in one image: distances of the old ones must not be put there."""
    images = np.array([small_image(row) for row in small_table().itertuples()])
    images[7, 0, 0, 0] ^= 1
    meanwhile(monkeypatch, lambda: write_small_set(copy, images=images))
    with pytest.raises(InputError, match=r"the results of plain are of .*: another set took its"):
        embedded(copy, Request("plain", PLAIN))
    with StimulusSet(copy) as stimuli:
        assert np.array_equal(stimuli.image(stimuli.table["stimulus_id"][7]), images[7])
        assert "plain" not in stimuli.models
    assert problems(copy) == []
    assert embedded(copy, Request("plain", PLAIN)) == ["plain"]
    assert problems(copy) == []


def test_results_of_another_version_or_floor_are_made_anew(copy, monkeypatch):
    assert embedded(copy, Request("plain", PLAIN)) == ["plain"]
    monkeypatch.setattr(embedding, "VERSION", embedding.VERSION + 1)
    assert embedded(copy, Request("plain", PLAIN)) == ["plain"]
    assert embedded(copy, Request("plain", PLAIN)) == []
    lower = {"material": 0.1, "shape": 0.9}
    assert embed(copy, [Request("plain", PLAIN)], lower, copy.parent, "cpu") == ["plain"]
    with StimulusSet(copy) as stimuli:
        verdicts = stimuli.verdicts("plain")
        assert verdicts.groupby("family")["floor"].unique().explode().to_dict() == {
            "vase-material": 0.1,
            "vase-shape": 0.9,
        }
    assert embed(copy, [Request("plain", PLAIN)], lower, copy.parent, "cpu") == []


def test_progress_counts_the_images(copy):
    told = []
    embedded(copy, Request("plain", PLAIN), progress=lambda *count: told.append(count))
    assert told[-1] == ("plain, vase-shape", 84, 84)
    assert [each[1] for each in told] == sorted(each[1] for each in told[:6]) * 2


def test_a_family_without_nulls_has_distances_and_no_verdict(tmp_path):
    table = small_table()
    keep = table["role"] != "null"
    path = write_small_set(tmp_path / "s.h5", **_parts(table[keep]))
    assert embedded(path, Request("plain", PLAIN)) == ["plain"]
    assert embedded(path, Request("plain", PLAIN)) == []
    with StimulusSet(path) as stimuli:
        assert stimuli.verdicts("plain").empty
        assert stimuli.null_distances("plain", "pixels", "vase-shape").empty
    assert problems(path) == []


def test_metamers_that_the_stored_images_do_not_bear_out_are_told(tmp_path):
    """In the small set every result calls itself a metamer, and is far from its target."""
    table = small_table()
    searched = table["model"] == "net"
    table.loc[searched, "layer"] = "pixels"
    path = write_small_set(tmp_path / "s.h5", **_parts(table))
    assert embedded(path, Request("net", PLAIN)) == ["net"]
    with StimulusSet(path) as stimuli:
        first, *others = in_words(second_judgement(stimuli, "net"))
    assert first == "metamers on the stored images: 0 of 2 results of its own searches"
    assert len(others) == 2
    assert others[0].startswith("no metamer any more: vase-material-net-s1: c0: ")
    assert "is below 0.9" in others[0]


def _parts(table):
    from tests.small_set import small_scene

    table = table.reset_index(drop=True)
    rows = list(table.itertuples())
    scenes = [packed(small_scene(row)) for row in rows]
    table = table.assign(scene=[scene.sha256 for scene in scenes])
    return {"table": table, "images": [small_image(row) for row in rows], "models": {}}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (ModelConfig(network="pixel"), r"no network is called 'pixel'; did you mean 'pixels'\?"),
        (ModelConfig(network="efficientnet_lite0", layers=("bloks.0",)), r"no layer 'bloks.0'"),
        (ModelConfig(network="squeezenet1_0", weights="none"), r"not 16×16"),
    ],
)
def test_a_model_that_cannot_be_is_refused(copy, config, message):
    before = copy.read_bytes()
    with pytest.raises(InputError, match=message):
        embedded(copy, Request("m", config))
    assert copy.read_bytes() == before


def test_an_altered_set_is_not_embedded(copy):
    with copy.open("r+b") as file:
        file.seek(20_000)
        file.write(b"!!!")
    with pytest.raises(InputError, match=r"stimuli.h5: user block: the SHA-256"):
        embedded(copy, Request("plain", PLAIN))
    with pytest.raises(InputError, match=r"there is no such file"):
        embedded(copy.with_name("none.h5"), Request("plain", PLAIN))


def test_an_unknown_search_has_no_floor(copy):
    with pytest.raises(InputError, match=r"search 'material' is not in the study"):
        embed(copy, [Request("plain", PLAIN)], {}, copy.parent, "cpu")


def test_an_image_of_the_set_can_be_rendered_again(tmp_path):
    """The scene that is rebuilt gives the image back, but for the renderer's noise."""
    scene = Scene(
        name="blob",
        shape=Blob(seed=3, subdivisions=3),
        material=Material(base_color=(0.6, 0.3, 0.2), roughness=0.4),
        cameras=Single(resolution=48),
        film=Film(exposure=0.7, background=0.5),
    ).loaded()
    view = cameras(scene.cameras)[0]
    path = tmp_path / "s.h5"
    table = (
        small_table()
        .iloc[:1]
        .assign(scene=scene.sha256, camera=view.name, width=48, height=48, samples=64, exposure=0.7)
    )
    shown = quantised(_shown(scene, 0), 8)
    write_set(path, table, [shown], [packed(scene)])
    with StimulusSet(path) as stimuli:
        name = stimuli.table["stimulus_id"][0]
        rebuilt, stored = stimuli.scene(name), display_values(stimuli.image(name))
    assert rebuilt == scene
    # The same noise again: rounding alone is left. New noise: no more than between two renders.
    assert np.abs(_shown(rebuilt, 0) - stored).max() <= 0.5 / 255 + 1e-6
    floor = _rms(_shown(scene, 1) - _shown(scene, 2))
    assert 0 < _rms(_shown(rebuilt, 3) - stored) < 1.5 * floor


def _shown(scene, index, samples=64):
    view = cameras(scene.cameras)[0]
    seed = noise_seed(scene.sha256, view.name, "own", index)
    radiance = Stage(scene).radiance([view], samples, [seed])[0].permute(1, 2, 0)
    return encode(radiance.cpu().numpy(), scene.film)


def _rms(values):
    return float(np.sqrt(np.mean(np.square(values))))
