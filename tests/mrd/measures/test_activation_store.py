"""Distances between all pairs of activations, in memory or from a file."""

import numpy as np
import pytest
import torch

from mrd.criterion.similarity import pearson
from mrd.measures import activation_store
from mrd.measures.activation_store import ActivationStore


def filled(rows, folder, batch=3):
    store = ActivationStore(len(rows), folder)
    for first in range(0, len(rows), batch):
        store.put(first, torch.from_numpy(rows[first : first + batch]).reshape(-1, 2, 25))
    return store


@pytest.mark.parametrize(("most_bytes", "rows_of_block"), [(2**30, 256), (0, 256), (0, 4)])
def test_distances_are_one_minus_pearson(tmp_path, rng, monkeypatch, most_bytes, rows_of_block):
    monkeypatch.setattr(activation_store, "MOST_BYTES", most_bytes)
    monkeypatch.setattr(activation_store, "ROWS", rows_of_block)
    rows = rng.normal(5, 2, (11, 50)).astype(np.float32)
    store = filled(rows, tmp_path)
    assert torch.equal(store.get([7, 2]), torch.from_numpy(rows[[7, 2]]))
    found = store.distances()
    assert found.dtype == np.float32
    assert np.array_equal(found, found.T)
    assert not found.diagonal().any()
    expected = [
        (1 - pearson(torch.from_numpy(rows[[i] * 11]), torch.from_numpy(rows))).numpy()
        for i in range(11)
    ]
    assert np.abs(found - np.array(expected)).max() < 1e-6
    assert list(tmp_path.iterdir()) == []


def test_opposites_are_two_apart_and_the_same_but_for_gain_nothing(tmp_path, rng):
    row = rng.normal(size=50).astype(np.float32)
    found = filled(np.stack([row, 3 * row + 7, -row]), tmp_path).distances()
    assert found == pytest.approx(np.array([[0, 0, 2], [0, 0, 2], [2, 2, 0]]), abs=1e-6)


def test_a_constant_activation_has_no_distance(tmp_path, rng):
    rows = rng.normal(size=(3, 50)).astype(np.float32)
    rows[1] = 0.3
    found = filled(rows, tmp_path).distances()
    assert np.isnan(found[1, [0, 2]]).all()
    assert np.isnan(found[[0, 2], 1]).all()
    assert np.isfinite(found[0, 2])
    assert not found.diagonal().any()
