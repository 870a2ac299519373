"""Classes that a search changes or keeps."""

import numpy as np
import pytest
import torch

from mrd.criterion.null_and_ceiling import Reference
from mrd.search.flip_result import stable_classes


def test_a_class_counts_where_all_images_agree_with_enough_probability():
    labels = np.array([[7, 7, 3], [7, 8, 3]])
    probabilities = np.array([[0.3, 0.9, 0.15], [0.2, 0.9, 0.15]])
    assert stable_classes(reference(labels, probabilities), 0.2) == [7, None, None]
    assert stable_classes(reference(labels, probabilities), 0.1) == [7, None, 3]
    assert stable_classes(reference(labels, None), 0.2) == [7, None, 3]
    assert stable_classes(reference(None, None), 0.2) == [None, None, None]


def reference(labels, probabilities):
    nothing = torch.zeros(3)
    return Reference((None,) * 3, nothing, {}, labels, probabilities, {}, {})


@pytest.mark.parametrize("least", [0.0, 1.0])
def test_one_class_of_no_probability_counts_only_without_a_limit(least):
    found = stable_classes(reference(np.array([[4, 4, 4]]), np.array([[0.0, 0.5, 1.0]])), least)
    assert found == ([4, 4, 4] if least == 0 else [None, None, 4])
