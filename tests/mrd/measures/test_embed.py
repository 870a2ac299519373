"""Embedding a set: distances and verdicts on the stored images, added in one step; resuming."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from mrd.criterion.criterion import match
from mrd.measures import embed as embedding
from mrd.measures.embed import ModelToEmbed, embed
from mrd.measures.embed_family import embed_family
from mrd.models import registry
from mrd.rendering.stage import Stage, noise_seed
from mrd.study.criterion_section import ScoringRule
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
from tests.small_set import small_parts, small_table, write_small_set

FLOORS = {"material": 0.9, "shape": 0.9}
NO_BLUR = FrontEnd(blur=0.0)
PLAIN = ModelToEmbed("plain", ModelConfig(network="pixels", front_end=NO_BLUR))
BESIDE = Path(__file__).parent  # holds tiny_network.py
NETWORK = ModelConfig(network="tiny_network:net", layers=("early", "late"), front_end=NO_BLUR)
EARLY, LATE = (
    ModelToEmbed("m", NETWORK.model_copy(update={"layers": (layer,)})) for layer in NETWORK.layers
)


@pytest.fixture
def copy(small_set, tmp_path):
    return shutil.copy(small_set, tmp_path / "stimuli.h5")


def embedded(path, *models, floors=FLOORS, **more):
    return embed(path, models, floors, BESIDE, "cpu", **more)


def names(path):
    return {each.name for each in path.parent.iterdir()}


@pytest.fixture(scope="module")
def plain(small_set, tmp_path_factory):
    """Give the small set with the results of `PLAIN`, not to be changed, and calls of progress."""
    path = shutil.copy(small_set, tmp_path_factory.mktemp("plain") / "stimuli.h5")
    calls = []
    assert embedded(path, PLAIN, progress=lambda *call: calls.append(call)) == ["plain"]
    return path, calls


def test_pixel_distances_are_those_of_the_stored_images(small_set, plain):
    with StimulusSet(small_set) as before:
        content_hash, models = before.content_hash, before.models
        kept = before.distances("net", "late", "vase-shape")
    assert problems(plain[0]) == []
    with StimulusSet(plain[0]) as stimuli:
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


def test_the_criterion_is_applied_to_the_stored_images(plain):
    with StimulusSet(plain[0]) as stimuli:
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


def test_a_network_receives_the_stored_images(copy):
    embedded(copy, ModelToEmbed("net2", NETWORK))
    model = registry.create(NETWORK, folder=BESIDE)
    with StimulusSet(copy) as stimuli:
        found = stimuli.distances("net2", "late", "vase-material")
        names = [found.index[0], found.index[40]]
        images = np.stack([display_values(stimuli.image(name)) for name in names])
        with torch.no_grad():
            seen = model.activations(torch.from_numpy(images).permute(0, 3, 1, 2))["late"]
        r = np.corrcoef(seen.flatten(1).numpy())[0, 1]
        assert found.iloc[0, 40] == pytest.approx(1 - r, abs=1e-5)
        verdicts = stimuli.verdicts("net2")
        assert set(verdicts["layers"]) == {"early;late"}
        assert verdicts["labels_target"].notna().all()
        assert (verdicts["class_probability"] == 0.2).all()
        camera = verdicts[(verdicts["camera"] == "c1") & (verdicts["family"] == "vase-material")]
        shown = stimuli.table[
            (stimuli.table["family"] == "vase-material")
            & (stimuli.table["camera"] == "c1")
            & stimuli.table["role"].isin(("target", "rerender"))
        ]["stimulus_id"]
        images = np.stack([display_values(stimuli.image(name)) for name in shown])
        labels, probabilities = model.classes(torch.from_numpy(images).permute(0, 3, 1, 2))
        assert camera["probability_target"].unique() == pytest.approx([float(probabilities.mean())])
        assert len(set(labels.tolist())) == 1
        assert set(camera["class_rule"]) == {"applies"}


def test_existing_results_stay_and_layers_add_up(copy):
    assert embedded(copy, EARLY) == ["m"]
    before = copy.read_bytes()
    assert embedded(copy, EARLY) == []
    assert copy.read_bytes() == before
    assert embedded(copy, LATE) == ["m"]
    with StimulusSet(copy) as stimuli:
        assert stimuli.models["m"] == ("early", "late")
        assert set(stimuli.verdicts("m")["layers"]) == {"early", "late"}
    # With another front end it is another model, which replaces all results.
    changed = EARLY.config.model_copy(update={"front_end": FrontEnd(blur=1.0)})
    assert embedded(copy, ModelToEmbed("m", changed)) == ["m"]
    with StimulusSet(copy) as stimuli:
        assert stimuli.models["m"] == ("early",)
    assert problems(copy) == []


def test_an_interrupted_embedding_resumes(copy, monkeypatch):
    before = copy.read_bytes()
    families = []

    def interrupted(stimuli, family, *rest):
        families.append(family)
        if len(families) == 2:
            raise KeyboardInterrupt
        return embed_family(stimuli, family, *rest)

    monkeypatch.setattr(embedding, "embed_family", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        embedded(copy, PLAIN)
    assert copy.read_bytes() == before
    assert embedded(copy, PLAIN) == ["plain"]
    assert families == ["vase-material", "vase-shape", "vase-shape"]
    assert names(copy) == {"stimuli.h5", ".stimuli.h5.lock"}
    assert problems(copy) == []


def meanwhile(monkeypatch, action):
    """Run an action once, while the first family is being embedded."""
    waiting = [action]

    def after_action(*arguments):
        if waiting:
            waiting.pop()()
        return embed_family(*arguments)

    monkeypatch.setattr(embedding, "embed_family", after_action)


def test_two_processes_that_embed_at_once_keep_each_others_results(copy, monkeypatch):
    def other():
        assert embedded(copy, LATE, PLAIN) == ["m", "plain"]

    meanwhile(monkeypatch, other)
    assert embedded(copy, EARLY) == ["m"]
    with StimulusSet(copy) as stimuli:
        assert stimuli.models["m"] == ("early", "late")
        assert "plain" in stimuli.models
        assert set(stimuli.verdicts("m")["layers"]) == {"early", "late"}
    assert problems(copy) == []
    assert names(copy) == {"stimuli.h5", ".stimuli.h5.lock"}


def test_cached_families_of_another_process_stay(copy, monkeypatch):
    """One embedding ends in the middle of another, which is interrupted then and resumes."""
    cache = copy.parent / ".stimuli.h5.embedding"
    seen = []

    def interrupted(stimuli, family, model, *rest):
        if family == "vase-shape" and "pixels" in model.layers and not seen:
            seen.extend(cache.iterdir())
            monkeypatch.setattr(embedding, "embed_family", embed_family)
            assert embedded(copy, EARLY) == ["m"]
            raise KeyboardInterrupt
        return embed_family(stimuli, family, model, *rest)

    monkeypatch.setattr(embedding, "embed_family", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        embedded(copy, PLAIN)
    assert len(seen) == 1
    assert list(cache.iterdir()) == seen
    assert embedded(copy, PLAIN) == ["plain"]
    assert names(copy) == {"stimuli.h5", ".stimuli.h5.lock"}


def test_a_set_that_replaces_the_embedded_one_is_not_changed(copy, monkeypatch):
    """The same rows, but other pixels in one image: the distances are not of these images."""
    images = small_parts()[1]
    images[7, 0, 0, 0] ^= 1
    meanwhile(monkeypatch, lambda: write_small_set(copy, images=images))
    with pytest.raises(InputError, match=r"the results of plain are of .*: the file was replaced"):
        embedded(copy, PLAIN)
    with StimulusSet(copy) as stimuli:
        assert np.array_equal(stimuli.image(stimuli.table["stimulus_id"][7]), images[7])
        assert "plain" not in stimuli.models
    assert problems(copy) == []
    assert embedded(copy, PLAIN) == ["plain"]
    assert problems(copy) == []


def test_results_of_another_version_or_floor_are_made_again(plain, tmp_path, monkeypatch):
    path = shutil.copy(plain[0], tmp_path / "stimuli.h5")
    assert embedded(path, PLAIN) == []
    monkeypatch.setattr(embedding, "VERSION", embedding.VERSION + 1)
    assert embedded(path, PLAIN) == ["plain"]
    lower = {"material": 0.1, "shape": 0.9}
    assert embedded(path, PLAIN, floors=lower) == ["plain"]
    with StimulusSet(path) as stimuli:
        verdicts = stimuli.verdicts("plain")
        assert verdicts.groupby("family")["floor"].unique().explode().to_dict() == {
            "vase-material": 0.1,
            "vase-shape": 0.9,
        }
    assert embedded(path, PLAIN, floors=lower) == []
    rules = {"material": ScoringRule(0.1, class_probability=0.5), "shape": ScoringRule(0.9)}
    assert embedded(path, PLAIN, floors=rules) == ["plain"]
    with StimulusSet(path) as stimuli:
        by_family = stimuli.verdicts("plain").groupby("family")[["floor", "class_probability"]]
        assert by_family.first().T.to_dict("list") == {
            "vase-material": [0.1, 0.5],
            "vase-shape": [0.9, 0.2],
        }
    assert embedded(path, PLAIN, floors=rules) == []


def test_progress_counts_the_images(plain):
    _, calls = plain
    assert calls[-1] == ("plain, vase-shape", 84, 84)
    assert [each[1] for each in calls] == sorted(each[1] for each in calls[:6]) * 2


def test_a_family_without_nulls_has_distances_and_no_verdict(tmp_path):
    kept = small_table()["role"] != "null"
    path = write_small_set(tmp_path / "s.h5", rows=kept)
    assert embedded(path, PLAIN) == ["plain"]
    assert embedded(path, PLAIN) == []
    with StimulusSet(path) as stimuli:
        assert stimuli.verdicts("plain").empty
        assert stimuli.null_distances("plain", "pixels", "vase-shape").empty
    assert problems(path) == []


def test_metamers_that_fail_on_the_stored_images_are_listed(tmp_path):
    """In the small set every result has the verdict metamer, and is far from its target."""
    table = small_parts()[0]
    table.loc[table["model"] == "net", "layer"] = "pixels"
    path = write_small_set(tmp_path / "s.h5", table=table, models={})
    assert embedded(path, ModelToEmbed("net", PLAIN.config)) == ["net"]
    with StimulusSet(path) as stimuli:
        first, *others = in_words(second_judgement(stimuli, "net"))
    assert first == "metamers on the stored images: 0 of 2 results of its own searches"
    assert len(others) == 2
    assert others[0].startswith("not a metamer any more: vase-material-net-s1: c0: ")
    assert "is below 0.9" in others[0]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (ModelConfig(network="pixel"), r"no network is called 'pixel'; did you mean 'pixels'\?"),
        (ModelConfig(network="efficientnet_lite0", layers=("bloks.0",)), r"no layer 'bloks.0'"),
        (ModelConfig(network="squeezenet1_0", weights="none"), r"not 16×16"),
    ],
)
def test_an_invalid_model_is_refused(copy, config, message):
    before = copy.read_bytes()
    with pytest.raises(InputError, match=message):
        embedded(copy, ModelToEmbed("m", config))
    assert copy.read_bytes() == before


def test_an_altered_set_is_not_embedded(copy):
    with copy.open("r+b") as file:
        file.seek(20_000)
        file.write(b"!!!")
    with pytest.raises(InputError, match=r"stimuli.h5: user block: the SHA-256"):
        embedded(copy, PLAIN)
    with pytest.raises(InputError, match=r"there is no such file"):
        embedded(copy.with_name("none.h5"), PLAIN)


def test_an_unknown_search_has_no_floor(copy):
    with pytest.raises(InputError, match=r"search 'material' is not in the study"):
        embedded(copy, PLAIN, floors={})


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
