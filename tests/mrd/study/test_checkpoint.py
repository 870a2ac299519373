"""Saved states: exact, atomic, and never silently wrong."""

import json
import warnings
from zipfile import ZipFile

import numpy as np
import pytest

from mrd.study.checkpoint import DamagedStateError, SearchState, read_state, write_state


def state_of(rng, step=25):
    """Make a state with arrays of every kind that a search keeps."""
    arrays = {
        "vertices": rng.normal(size=(42, 3)).astype(np.float32),
        "step": np.array(3.0),
        "count": np.array([2**60, -1]),
        "empty": np.zeros((0, 3), np.float32),
        "mask": np.array([True, False]),
        "file": np.arange(3),  # also the name of an argument of NumPy's
        "shape/moment.1": np.asfortranarray(rng.normal(size=(3, 5))),
    }
    return SearchState(
        step, arrays, {"rng": rng.bit_generator.state, "order": [2, 0, 1], "loss": 0.1}
    )


def same(a, b):
    return (
        a.step == b.step
        and a.header == b.header
        and a.arrays.keys() == b.arrays.keys()
        and all(
            a.arrays[name].dtype == b.arrays[name].dtype
            and a.arrays[name].shape == b.arrays[name].shape
            and a.arrays[name].tobytes() == b.arrays[name].tobytes()
            for name in a.arrays
        )
    )


def test_what_is_read_is_what_was_written(tmp_path, rng):
    state = state_of(rng)
    write_state(state, tmp_path / "states" / "00025.npz")
    again = read_state(tmp_path / "states" / "00025.npz")
    assert same(again, state)
    resumed = np.random.default_rng()
    resumed.bit_generator.state = again.header["rng"]
    assert resumed.random() == rng.random()


def test_a_header_keeps_the_order_of_its_keys(tmp_path):
    rows = [{"run": "bunny", "camera": "c1", "Match": 0.5}]
    write_state(SearchState(3, {}, {"verdicts": rows}), tmp_path / "state.npz")
    read = read_state(tmp_path / "state.npz").header["verdicts"]
    assert json.dumps(read) == json.dumps(rows)


def test_numbers_that_are_not_finite_survive(tmp_path):
    write_state(SearchState(1, {"a": np.array([np.nan, np.inf, -0.0])}), tmp_path / "1.npz")
    values = read_state(tmp_path / "1.npz").arrays["a"]
    assert np.isnan(values[0])
    assert values[1] == np.inf
    assert np.signbit(values[2])


def test_nothing_is_left_beside_it(tmp_path, rng):
    write_state(state_of(rng), tmp_path / "1.npz")
    write_state(state_of(rng), tmp_path / "1.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["1.npz"]


def test_objects_are_no_numbers(tmp_path):
    with pytest.raises(ValueError, match="'a' holds Python objects"):
        write_state(SearchState(1, {"a": np.array([{}])}), tmp_path / "1.npz")
    assert not list(tmp_path.iterdir())


def test_no_flipped_bit_goes_unseen(tmp_path, rng, count):
    state = state_of(rng)
    path = tmp_path / "1.npz"
    write_state(state, path)
    whole = path.read_bytes()
    damaged = 0
    for place in rng.choice(len(whole), count(400, len(whole)), replace=False):
        altered = bytearray(whole)
        altered[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(altered)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # some flips make NumPy's header look old
                assert same(read_state(path), state), f"byte {place} was altered unseen"
        except DamagedStateError:
            damaged += 1
    # The rest are bytes that say nothing of the content, such as times of the archive's members.
    assert damaged > 0


def test_a_truncated_file_is_damaged(tmp_path, rng, count):
    path = tmp_path / "1.npz"
    write_state(state_of(rng), path)
    whole = path.read_bytes()
    for length in {0, 1, len(whole) - 1, *rng.integers(len(whole), size=count(50, 1000)).tolist()}:
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedStateError, match="it cannot be read"):
            read_state(path)


def test_another_archive_is_no_state(tmp_path):
    np.savez(tmp_path / "1.npz", a=np.ones(3))
    with pytest.raises(DamagedStateError, match=r"it cannot be read \(KeyError\)"):
        read_state(tmp_path / "1.npz")


def test_arrays_of_another_state_are_noticed(tmp_path, rng):
    first, second = tmp_path / "1.npz", tmp_path / "2.npz"
    write_state(state_of(rng), first)
    write_state(state_of(rng), second)
    with ZipFile(first) as one, ZipFile(second) as two, ZipFile(tmp_path / "3.npz", "w") as mixed:
        for name in one.namelist():
            mixed.writestr(name, (two if "vertices" in name else one).read(name))
    with pytest.raises(DamagedStateError, match="its checksum differs"):
        read_state(tmp_path / "3.npz")
