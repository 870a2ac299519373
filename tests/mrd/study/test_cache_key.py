"""Names of cached files stay the same, byte for byte: files of earlier versions are found again."""

from pathlib import PurePosixPath

import numpy as np
import pytest

from mrd.measures.fisher.planned import planned
from mrd.study.cache_key import CacheKey
from mrd.study.study import read_study, resolve_all

# The digests were written down from the code that named each of these files before `CacheKey`.


def test_names_of_runs_and_of_predicted_thresholds_stay(write):
    study = read_study(write(("attributes: [shape]", "attributes: [shape]\n    remeshing: null")))
    assert [run.name for run in resolve_all(study)] == ["ball-pixels-shape-s1-076941e9"]
    assert [each.folder.name for each in planned(study)] == ["ball-pixels-27cf4cb0"]


@pytest.mark.parametrize(
    ("key", "digits"),
    [
        pytest.param(
            CacheKey(
                {
                    "run": "ball",
                    "match": {"c0": 0.5, "c1": np.float64(0.25)},
                    "steps": (100, 7),
                    "bad": float("nan"),
                },
                version=2,
            ),
            "5f774c9e44f60d3727c8d8a14ed02b827f9dc5364874c059b16b4946c17c69bf",
            id="pixel metamer",
        ),
        pytest.param(
            CacheKey(
                {
                    "images": "abc",
                    "model": {"network": "pixels", "é": [1, 2.5, None]},
                    "floor": 0.9,
                },
                version=3,
            ),
            "cc0d9cbf55371355",
            id="embedded family",
        ),
        pytest.param(
            CacheKey(
                {
                    "libraries": {"torch": "2"},
                    "form": {"size": (4, 8), "path": PurePosixPath("a/b")},
                    "null": 19,
                },
                version=1,
            ),
            "5351e24a17161833",
            id="null",
        ),
        pytest.param(
            CacheKey(
                {"records": ["1", "2"], "stimuli": {"bits": 8}},
                version=1,
                version_name="schema_version",
            ),
            "27db9230e9d3b4980be30bf0319efd8da4e9fdff863a838d4fde4bc47af6490a",
            id="stimulus set",
        ),
    ],
)
def test_the_digest_of_every_kind_of_cached_file_stays(key, digits):
    assert key.digest.startswith(digits)
