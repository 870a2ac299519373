"""Null and ceiling: built once, kept by a hash of their inputs, rebuilt when damaged."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from mrd.criterion.bench import Bench, display_images
from mrd.criterion.null_and_ceiling import _cached, reference, target_activations
from mrd.models import registry
from mrd.rendering.representation import form_of_family
from mrd.rendering.stage import Stage
from mrd.study.checkpoint import SearchState, read_state, write_state
from mrd.study.criterion_section import CriterionConfig
from mrd.study.model_section import FrontEnd, ModelConfig
from mrd.study.search_groups import Samples
from mrd.study.search_section import SearchConfig
from scenes.base.errors import InputError
from scenes.camera import Ring
from scenes.film import Film
from scenes.lighting import Constant
from scenes.material import Material
from scenes.shape import Blob

SEED = 5


@pytest.fixture
def target(small):
    return small(
        shape=Blob(seed=3, subdivisions=2),
        cameras=Ring(count=2, held_out=1, resolution=16),
        film=Film(exposure=0.6),
    )


@pytest.fixture
def build(target, tmp_path, monkeypatch):
    """Return a function that gives a reference, with its renders and its progress."""
    rendered: list[tuple[str, int]] = []
    photographs = Stage.photographs

    def counted(stage, views, samples, index):
        rendered.append((stage.scene.sha256, index))
        return photographs(stage, views, samples, index)

    monkeypatch.setattr(Stage, "photographs", counted)

    def make(scene=target, seed=SEED, blur=1.0, score=16, **changes):
        config = {"attributes": ("shape",), "criterion": CriterionConfig(null=3, ceiling=2)}
        search = SearchConfig(**(config | changes), samples=Samples(score=score))
        model = registry.create(ModelConfig(network="pixels", front_end=FrontEnd(blur=blur)))
        bench = Bench(model, form_of_family(search, scene))
        progress: list[tuple[str, int, int]] = []
        rendered.clear()
        found = reference(
            scene, search, bench, seed, tmp_path, lambda *words: progress.append(words)
        )
        return found, list(rendered), progress

    return make


def files(folder):
    return sorted(path.name for path in folder.glob("*.npz"))


def test_null_and_ceiling_are_compared_with_one_image_of_the_target(build, target):
    found, rendered, progress = build()
    assert [view.name for view in found.views] == ["c0", "c1", "h0"]
    assert found.activations["pixels"].shape == (3, 3, 16, 16)
    assert found.labels is None
    assert found.probabilities is None
    for measure in ("pearson", "spearman", "snr_db"):
        assert found.null[measure].shape == (3, 3)
        assert found.ceiling[measure].shape == (2, 3)
    # A re-render is nearly the target; another blob is not.
    assert found.ceiling["pearson"].min() > 0.98
    assert found.null["pearson"].max() < found.ceiling["pearson"].min()
    assert progress == [
        ("null", 1, 3), ("null", 2, 3), ("null", 3, 3), ("ceiling", 1, 2), ("ceiling", 2, 2),
    ]  # fmt: skip
    # No image of the target is used twice: the judge's, and the ceiling's.
    own = [index for scene, index in rendered if scene == target.sha256]
    assert sorted(own) == [0, 1, 2]
    others = [scene for scene, _ in rendered if scene != target.sha256]
    assert len(set(others)) == len(others) == 3


def test_the_classes_of_every_render_of_the_target_are_kept(target, tmp_path):
    search = SearchConfig(
        attributes=("material",),
        criterion=CriterionConfig(null=3, ceiling=2),
        samples=Samples(score=16),
    )
    model = registry.create(ModelConfig(network="efficientnet_lite0", layers=("blocks.0",)))
    bench = Bench(model, form_of_family(search, target))
    first = reference(target, search, bench, SEED, tmp_path)
    assert first.labels is not None
    assert first.labels.shape == (3, 3)  # the target's image and two re-renders, three cameras
    assert set(first.ceiling) == {"pearson", "spearman", "snr_db"}
    stage = bench.stage(target)
    for index, row in enumerate(first.labels):
        images = display_images(stage, first.views, samples=16, noise=index)
        np.testing.assert_array_equal(row, model.labels(images))
        softmax = model.logits(images).softmax(dim=1)
        largest = softmax.max(dim=1).values
        np.testing.assert_allclose(first.probabilities[index], largest, rtol=1e-4)
    again = reference(target, search, bench, SEED, tmp_path)
    np.testing.assert_array_equal(again.labels, first.labels)
    np.testing.assert_array_equal(again.probabilities, first.probabilities)
    # A ceiling of an earlier version has no probabilities: it is measured again, the null is not.
    (file,) = tmp_path.glob("ceiling-*.npz")
    state = read_state(file)
    kept = {name: each for name, each in state.arrays.items() if name != "probabilities"}
    write_state(SearchState(state.step, kept, state.header), file)
    calls = []
    mended = reference(target, search, bench, SEED, tmp_path, lambda what, *_: calls.append(what))
    assert calls == ["ceiling", "ceiling"]
    np.testing.assert_array_equal(mended.labels, first.labels)
    np.testing.assert_allclose(mended.probabilities, first.probabilities, rtol=1e-4)
    assert read_state(file).arrays.keys() == state.arrays.keys()


def test_a_search_moves_toward_another_image_than_those_of_the_reference(build, target):
    found, *_ = build()
    search = SearchConfig(
        attributes=("shape",),
        criterion=CriterionConfig(null=3, ceiling=2),
        samples=Samples(score=16),
    )
    model = registry.create(ModelConfig(network="pixels", front_end=FrontEnd(blur=1.0)))
    bench = Bench(model, form_of_family(search, target))
    moved_toward = target_activations(target, search, bench, found.views[:2])["pixels"]
    assert moved_toward.shape == (2, 3, 16, 16)
    assert 0 < float((moved_toward - found.activations["pixels"][:2]).abs().max()) < 0.2


def test_a_second_call_reads_equal_numbers_and_renders_the_target_alone(build, tmp_path):
    first, _, _ = build()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    second, rendered, progress = build()
    assert progress == []
    assert [index for _, index in rendered] == [0]
    for measure in first.null:
        np.testing.assert_array_equal(second.null[measure], first.null[measure])
        np.testing.assert_array_equal(second.ceiling[measure], first.ceiling[measure])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "change",
    [
        {"seed": SEED + 1},
        {"blur": 2.0},
        {"score": 25},
        {"attributes": ("material",)},
        {"attributes": ("material",), "material_parameters": ("roughness",)},
        {"attributes": ("material",), "texture_resolution": 2},
        {"criterion": CriterionConfig(null=2, ceiling=2)},
    ],
    ids=str,
)
def test_each_input_of_the_null_changes_its_file(build, tmp_path, change):
    build()
    before = {name for name in files(tmp_path) if name.startswith("null")}
    _, _, progress = build(**change)
    after = {name for name in files(tmp_path) if name.startswith("null")}
    assert len(after) == len(before) + 1
    assert ("null", 1) in {words[:2] for words in progress}


@pytest.mark.parametrize(
    "part", [{"material": Material(roughness=0.9)}, {"lighting": Constant(level=2.0)}], ids=str
)
def test_another_target_makes_other_files(build, target, tmp_path, part):
    build()
    build(target.model_copy(update=part))
    assert len(files(tmp_path)) == 4


def test_searches_of_other_attributes_share_a_ceiling(build, tmp_path):
    build()
    _, _, progress = build(attributes=("lighting",))
    assert {kind for kind, *_ in progress} == {"null"}
    assert [name.split("-")[0] for name in files(tmp_path)] == ["ceiling", "null", "null"]


def test_what_does_not_change_null_or_ceiling_shares_them(build, tmp_path):
    build()
    _, _, progress = build(steps=7, loss="l1", smoothness=3.0)
    assert progress == []
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("damage", ["torn", "flipped", "emptied", "foreign"])
def test_a_damaged_file_is_built_again(build, tmp_path, damage):
    first, _, _ = build()
    (file,) = tmp_path.glob("null-*.npz")
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    file.write_bytes(
        {"torn": content[:-40], "flipped": content, "emptied": b"", "foreign": b"no archive"}[
            damage
        ]
    )
    again, _, progress = build()
    assert {kind for kind, *_ in progress} == {"null"}
    # Drawn again from the same seed and rendered with the same noise.
    for measure in first.null:
        np.testing.assert_allclose(again.null[measure], first.null[measure], atol=1e-4)
    _, _, progress = build()
    assert progress == []


def test_of_several_processes_that_need_one_file_one_builds_it(tmp_path):
    built, gate = [], Barrier(3)

    def build():
        built.append(1)
        time.sleep(0.5)  # long enough for the others to look
        return {"pearson": np.arange(3.0)}

    def keep(_):
        gate.wait(timeout=30)
        return _cached(tmp_path / "references", "null", {"target": "abc"}, build)

    with ThreadPoolExecutor(3) as pool:  # the lock is of the file: threads are as processes are
        found = list(pool.map(keep, range(3)))
    assert [each["pearson"].tolist() for each in found] == [[0.0, 1.0, 2.0]] * 3
    assert built == [1]


def test_a_folder_that_cannot_hold_references_is_named(tmp_path):
    (tmp_path / "references").write_text("a file where a folder is to be")
    with pytest.raises(InputError, match=r"references: cannot be written: File exists"):
        _cached(tmp_path / "references", "null", {}, dict)
