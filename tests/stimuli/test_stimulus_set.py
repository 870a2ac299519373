"""Reading a set gives what was written."""

import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest

from scenes.base.errors import InputError
from stimuli.schema import COLUMNS
from stimuli.stimulus_set import StimulusSet
from stimuli.writing import add_results
from tests.small_set import small_image, small_results, small_scene, small_table


@pytest.fixture
def opened(small_set):
    with StimulusSet(small_set) as one:
        yield one


@pytest.fixture(scope="session")
def written():
    return small_table()


def test_images_are_those_that_were_written(opened, written):
    assert len(opened) == len(written) == 168
    for row in written.itertuples():
        assert np.array_equal(opened.image(row.stimulus_id), small_image(row))


def test_the_table_is_the_one_that_was_written(opened, written):
    table = opened.table
    assert list(table) == list(COLUMNS)
    for name in written:
        kind, optional = COLUMNS[name].kind, COLUMNS[name].optional
        expected = written[name]
        if kind == "text":
            assert table[name].tolist() == ["" if v != v else v for v in expected], name
        elif kind == "index" and optional:
            assert table[name].isna().tolist() == expected.isna().tolist(), name
            assert (table[name].dropna() == expected.dropna()).all(), name
        else:
            assert np.array_equal(table[name], expected, equal_nan=kind == "number"), name
    assert table["distance_shape"].notna().sum() == 84
    assert opened.units["distance_pose"] == "degrees"


def test_scenes_are_rebuilt(opened, written):
    for row in list(written.itertuples())[::17]:
        assert opened.scene(row.stimulus_id) == small_scene(row)


def test_a_series_runs_from_the_rerendered_target_to_the_result(opened):
    rows = opened.series("vase", "net", "early;late", "shape")
    assert rows["level"].is_monotonic_increasing
    assert rows.groupby("level")["role"].unique().map(list).to_dict() == {
        0.0: ["rerender"],
        0.5: ["series"],
        1.0: ["result"],
    }
    assert len(rows) == 3 * 3 * 3
    assert (opened.table.loc[rows.index, "stimulus_id"] == rows["stimulus_id"]).all()


def test_distances_are_those_of_the_model(opened):
    table = opened.table
    images = np.array([opened.image(name) for name in table["stimulus_id"]])
    expected = small_results(table, images)["net"].layers["late"]["vase-material"]
    found = opened.distances("net", "late", "vase-material")
    assert np.array_equal(found.to_numpy(), expected.between)
    assert found.index.tolist() == found.columns.tolist()
    assert not any("null" in name for name in found)
    pairs = opened.null_distances("net", "late", "vase-material")
    assert len(pairs) == 4 * 3 * 3
    assert pairs["distance"].to_numpy(np.float32).reshape(12, 3).tolist() == expected.nulls.tolist()
    assert pairs.iloc[4].tolist()[:2] == [
        "vase-material_null-0_c1_own_0",
        "vase-material_target-0_c1_own_1",
    ]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda s: s.image("vase-shape_target-0_c0_own_9"),
            r"did you mean 'vase-shape_target-0_c0",
        ),
        (lambda s: s.distances("nett", "late", "vase-shape"), r"embedded model .* 'net'\?"),
        (lambda s: s.distances("net", "lat", "vase-shape"), r"layer of 'net' .* 'late'\?"),
        (lambda s: s.distances("net", "late", "vase"), r"no family is called 'vase'"),
        (lambda s: s.series("vase", "net", "late", "shape"), r"there are: vase, net, early;late,"),
        (lambda s: s.radiance("vase-shape_target-0_c0_own_1"), r"holds no radiance; build it with"),
    ],
)
def test_missing_parts_are_named(opened, ask, message):
    with pytest.raises(InputError, match=message):
        ask(opened)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_several_processes_read_at_once_and_a_fork_opens_the_file_again(small_set, opened):
    # In a separate process: libraries that other tests have loaded here warn of forks.
    code = """
import os, sys
from stimuli.stimulus_set import StimulusSet
with StimulusSet(sys.argv[1]) as one:
    assert one._handle is None  # nothing is read yet
    name = one.table["stimulus_id"][5]
    expected = one.image(name)
    child = os.fork()
    if child == 0:
        os._exit(0 if (one.image(name) == expected).all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (one.image(name) == expected).all()
print(expected.sum())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(small_set)], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) == opened.image(opened.table["stimulus_id"][5]).sum()


def test_reads_from_a_folder_where_nothing_can_be_written(small_set, tmp_path):
    copy = tmp_path / "share" / "stimuli.h5"
    copy.parent.mkdir()
    copy.write_bytes(small_set.read_bytes())
    copy.chmod(0o444)
    copy.parent.chmod(0o555)
    with StimulusSet(copy) as one:
        assert len(one.table) == 168
    copy.parent.chmod(0o755)


def test_an_open_set_does_not_change_when_its_file_is_replaced(small_set, tmp_path):
    path = shutil.copy(small_set, tmp_path / "stimuli.h5")
    with StimulusSet(path) as one:
        assert one.models == {"net": ("early", "late"), "other": ("rows",)}
        add_results(path, {"more": one.results("net")}, one.content_hash)
        assert "more" not in one.models
        assert np.array_equal(one.image(one.table["stimulus_id"][9]), small_image(_row(9)))
    assert "more" in StimulusSet(path).models


def _row(number):
    return next(small_table().iloc[[number]].itertuples())


@pytest.mark.skipif(os.name == "nt", reason="locks of Windows cannot be passed over")
def test_a_file_that_another_process_has_locked_is_read(small_set, tmp_path):
    """Network shares refuse HDF5's own lock, or hold one; a set needs none."""
    import fcntl

    path = shutil.copy(small_set, tmp_path / "stimuli.h5")
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="unable to lock file"):
            h5py.File(path, locking=True)
        assert len(StimulusSet(path).table) == 168


def test_a_damaged_image_is_named_and_others_are_read(small_set, tmp_path):
    with h5py.File(small_set) as file:
        chunk = file["images"].id.read_direct_chunk((5, 0, 0, 0))[1]
    content = bytearray(small_set.read_bytes())
    content[content.index(chunk) + len(chunk) // 2] ^= 4
    path = tmp_path / "stimuli.h5"
    path.write_bytes(content)
    with StimulusSet(path) as one:
        names = one.table["stimulus_id"]
        with pytest.raises(
            InputError, match=rf"h5: images\[5\] \('{names[5]}'\): cannot be read \(.*: restore it"
        ):
            one.image(names[5])
        assert np.array_equal(one.image(names[6]), small_image(_row(6)))


def test_a_file_that_is_no_set_is_refused(tmp_path, small_set):
    path = tmp_path / "stimuli.h5"
    with pytest.raises(InputError, match=r"stimuli.h5: there is no such file; mrd stimuli build"):
        len(StimulusSet(path))
    path.write_text("no")
    with pytest.raises(InputError, match=r"stimuli.h5: is no HDF5 file, or a damaged one"):
        len(StimulusSet(path))
    path.write_bytes(small_set.read_bytes()[:-5000])
    with pytest.raises(InputError, match=r"stimuli.h5: is no HDF5 file, or a damaged one"):
        len(StimulusSet(path))
