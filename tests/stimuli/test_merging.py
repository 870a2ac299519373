"""Merging two sets, and the differences between them."""

import dataclasses
import shutil

import numpy as np
import pytest

from scenes.base.errors import InputError
from stimuli.check import problems
from stimuli.comparison import differences
from stimuli.merging import merge
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import BLOCK
from stimuli.writing import add_results, write_set
from tests.small_set import small_parts, small_results

FAMILIES = ("vase-material", "vase-shape")


def write_part(path, families=FAMILIES, bits=8, models=("net",), **columns):
    """Write some families of the small set."""
    table, images, scenes = small_parts()
    kept = table["family"].isin(families)
    if bits == 16:
        images = images.astype(np.uint16) * 257
    results = small_results(table, images) if len(families) == 2 else {}
    results = {name: each for name, each in results.items() if name in models}
    table = table[kept].reset_index(drop=True).assign(**columns)
    write_set(path, table, images[kept], scenes, models=results)
    return path


@pytest.fixture
def parts(tmp_path):
    return [write_part(tmp_path / f"{family}.h5", (family,)) for family in FAMILIES]


def test_merged_parts_equal_the_whole_set(small_set, parts, tmp_path):
    out = tmp_path / "merged.h5"
    found = merge(parts, out)
    assert problems(out) == []
    with StimulusSet(out) as merged, StimulusSet(small_set) as whole:
        assert found == merged.content_hash == whole.content_hash
        assert [each["content_hash"] for each in merged.provenance["merged"]] == [
            StimulusSet(part).content_hash for part in parts
        ]


def test_equal_families_are_taken_once_and_models_are_joined(tmp_path):
    one = write_part(tmp_path / "one.h5", models=("net",))
    other = write_part(tmp_path / "other.h5", models=("other",))
    merge([one, other], one)  # onto itself
    assert problems(one) == []
    with StimulusSet(one) as merged:
        assert len(merged) == 168
        assert merged.models == {"net": ("early", "late"), "other": ("rows",)}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"samples": 64},
            r"other.h5: stimuli/family: 'vase-material' differs from .*one.h5",
        ),
        ({"bits": 16}, r"other.h5: images: \(16, 16, 3\) uint16, and .* \(16, 16, 3\) uint8"),
    ],
)
def test_conflicting_sets_are_refused(tmp_path, other, message):
    one = write_part(tmp_path / "one.h5")
    paths = [one, write_part(tmp_path / "other.h5", **other)]
    with pytest.raises(InputError, match=message):
        merge(paths, tmp_path / "merged.h5")
    assert not (tmp_path / "merged.h5").exists()


def with_results(path, change):
    """Write the small set with changed results of `net`."""
    path = write_part(path)
    with StimulusSet(path) as one:
        expected, found = one.content_hash, one.results("net")
    add_results(path, {"net": change(found)}, expected)
    return path


def with_distance(by):
    def change(found):
        early = dict(found.layers["early"])
        between = early["vase-shape"].between.copy()
        between[3, 4] += by
        between[4, 3] += by
        early["vase-shape"] = dataclasses.replace(early["vase-shape"], between=between)
        return dataclasses.replace(found, layers={"early": early})

    return change


def with_verdict(metamer, layers="early"):
    row = {"layers": layers, "run": "r", "role": "result", "level_index": 2, "light": "own"}
    row |= {"camera": "c0", "floor": 0.9, "passed": metamer, "metamer": metamer}
    return lambda found: dataclasses.replace(found, verdicts={"vase-shape": [row]})


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (
            with_distance(0),
            with_distance(0.01),
            r"other.h5: models/net/early/distances/vase-shape: differs from an earlier set for the",
        ),
        (
            with_verdict(True),
            with_verdict(False),
            r"other.h5: models/net/verdicts/vase-shape: differs from an earlier set",
        ),
    ],
)
def test_sets_with_different_results_of_a_model_are_refused(tmp_path, one, other, message):
    paths = [with_results(tmp_path / "one.h5", one), with_results(tmp_path / "other.h5", other)]
    with pytest.raises(InputError, match=message):
        merge(paths, tmp_path / "merged.h5")
    assert not (tmp_path / "merged.h5").exists()


def test_results_that_agree_are_joined(tmp_path):
    """Rounding is no contradiction; verdicts over other layers are kept as well."""
    one = with_results(tmp_path / "one.h5", with_verdict(True))
    near = with_results(tmp_path / "near.h5", with_distance(1e-6))
    late = with_results(tmp_path / "late.h5", with_verdict(False, layers="late"))
    merge([one, near, late], tmp_path / "merged.h5")
    assert problems(tmp_path / "merged.h5") == []
    with StimulusSet(tmp_path / "merged.h5") as merged, StimulusSet(one) as first:
        verdicts = merged.verdicts("net").set_index("layers")["metamer"]
        assert verdicts.to_dict() == {"early": True, "late": False}
        expected = first.distances("net", "early", "vase-shape")
        assert merged.distances("net", "early", "vase-shape").equals(expected)


def test_a_damaged_set_is_not_merged(parts, tmp_path):
    with parts[1].open("r+b") as file:
        file.seek(BLOCK + 9000)
        file.write(b"?!")
    with pytest.raises(InputError, match=r"vase-shape.h5: user block: the SHA-256 of the file"):
        merge(parts, tmp_path / "merged.h5")
    with pytest.raises(InputError, match="merge needs two sets or more"):
        merge(parts[:1], tmp_path / "merged.h5")


def test_differences_are_listed(small_set, parts, tmp_path):
    copy = shutil.copy(small_set, tmp_path / "copy.h5")
    with StimulusSet(small_set) as whole:
        assert differences(whole, StimulusSet(copy)) == []
        found = differences(whole, StimulusSet(parts[0]))
        assert found[0] == (
            f"stimulus_id: 84 only in {small_set}: vase-shape_target-0_c0_own_0, "
            "vase-shape_target-0_c0_own_1, vase-shape_target-0_c0_own_2, …"
        )
        assert found[1:] == [f"models/{name}: only in {small_set}" for name in ("net", "other")]
        other = StimulusSet(write_part(tmp_path / "other.h5", samples=64))
        found = differences(whole, other)
        assert found[0].startswith("samples: differs for 168 of 168: vase-material_target-0_c0")
        assert found[1] == f"models/other: only in {small_set}"
        assert len(found) == 2
